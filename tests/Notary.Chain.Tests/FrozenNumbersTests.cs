using Notary.Chain.Network;
using Notary.Chain.Nodes;
using Notary.Chain.Signing;
using Notary.Chain.Transfers;
using Notary.Evidence;

namespace Notary.Chain.Tests;

/// <summary>What is persisted or promised only ever grows.</summary>
public class FrozenNumbersTests
{
    [Fact]
    public void Numbers_of_outcomes_stops_and_refusals_keep_their_meaning()
    {
        Assert.Equal(
            ["Sealed=1", "Replayed=2", "IdempotencyConflict=3", "QueueFull=4", "ChainStopped=5", "OutcomeUnknown=6", "BodyRefused=7", "NoKey=8", "FreshnessPending=9", "DatabaseLost=10"], Names<DepositOutcome>());
        Assert.Equal(
            ["Sealed=1", "Replayed=2", "Refused=3", "IdempotencyConflict=4", "QueueFull=5", "ChainStopped=6", "OutcomeUnknown=7", "FreshnessPending=8", "NoKey=9", "NotFound=10", "NotTheCustodian=11",
                "NotAnchored=12", "NotDeclined=13", "DatabaseLost=14"], Names<CustodyEnding>());
        Assert.Equal(["Released=1", "Received=2", "Declined=3", "Withdrawn=4"], Names<CustodyAct>());
        Assert.Equal(["None=0", "Storage=1", "OutcomeUnknown=2", "HeadChanged=3", "Clock=4", "Signing=5", "Closed=6", "Stale=7", "Untrusted=8", "ClosedForGood=9", "Closing=10"], Names<StopReason>());
        Assert.Equal(["Key=1", "Sign=2"], Names<SignerRequest>());
        Assert.Equal(["Done=0", "Malformed=1", "OtherOrigin=2", "NotACheckpoint=3", "Behind=4", "OtherRoot=5", "Failed=6"], Names<SignerAnswer>());
        Assert.Equal("000000030102ff", Convert.ToHexStringLower(SignerFrames.Of((byte)SignerRequest.Sign, [0xff])));
        Assert.Equal(["ForkedNote=1", "ForkedPrefix=2", "LeafRefused=3", "TreeRefused=4"], Names<AlarmKind>());
        Assert.Equal(["Cosigned=0", "Unreachable=1", "Ahead=2", "Inconsistent=3", "Refused=4", "UnknownLog=5"], Names<FeedOutcome>());
        Assert.Equal(
            ["NotCreated=1", "Exists=2", "OtherVersion=3", "Locked=4", "Inconsistent=5", "Key=6", "Template=7", "Storage=8", "Durability=9", "Trust=10",
                "MirrorsMissing=11", "Forked=12", "EntriesLost=13", "Copied=14", "Recoverable=15", "Closed=16", "NotClosable=17", "NotSigned=18"], Names<ChainRefusal>());
        Assert.Equal(
            ["None=0", "NotGoverned=1", "NotNextVersion=2", "NotAuthorised=3", "TooLarge=4", "ChainMissing=5", "LogKeyMissing=6", "ReachesBack=7", "NotAppended=8"], Names<TrustRefusal>());
    }

    private static IEnumerable<string> Names<T>()
        where T : struct, Enum
        => Enum.GetValues<T>().Select(v => FormattableString.Invariant($"{v}={Convert.ToInt32(v, System.Globalization.CultureInfo.InvariantCulture)}"));
}
