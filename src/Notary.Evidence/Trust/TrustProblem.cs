namespace Notary.Evidence;

/// <summary>Why a trust file is refused. Numbers are frozen.</summary>
public enum TrustFailure
{
    None = 0,
    /// <summary>No signed note, or larger than 256 KiB.</summary>
    NotANote = 1,
    /// <summary>The text is not <c>notary/trust/v1</c> and one line.</summary>
    Header = 2,
    /// <summary>A later <c>notary/trust/v…</c>: this verifier cannot judge it.</summary>
    UnknownVersion = 3,
    /// <summary>The line is not canonical JSON (RFC 8785), or a member is missing, unknown or of another type.</summary>
    Json = 4,
    Deployment = 5,
    /// <summary>The version is below 1, or has a previous fingerprint though it is 1, or has none though it is not.</summary>
    Version = 6,
    Mode = 7,
    Required = 8,
    /// <summary>A governance key does not parse, cosigns, or stands there twice.</summary>
    GovernanceKey = 9,
    /// <summary>k is below 1 or above the number of governance keys.</summary>
    GovernanceThreshold = 10,
    NoChains = 11,
    /// <summary>An origin is not <c>&lt;deployment&gt;/&lt;chain&gt;</c>.</summary>
    Origin = 12,
    /// <summary>A code is not 2 to 4 letters A to Z, is another chain's, or differs between entries of one chain.</summary>
    Code = 13,
    /// <summary>An unknown suite, or another one than in an earlier entry of the chain.</summary>
    Suite = 14,
    /// <summary>A log key does not parse, is of another suite, cosigns, or bears another name than the origin.</summary>
    LogKey = 15,
    /// <summary>The tlog-policy does not parse, names another log, or says <c>quorum none</c> outside development.</summary>
    Policy = 16,
    /// <summary>The last main index lies below the first, or an entry of a chain does not begin behind the end of the entry before it.</summary>
    MainIndex = 17,
    /// <summary>A signature line of a governance key does not verify.</summary>
    SignatureInvalid = 18,
    /// <summary>Fewer than k governance keys signed.</summary>
    TooFewSignatures = 19,
    /// <summary>Version 1 bears a signature line of a key that is not its governance's.</summary>
    UnknownSigner = 20,
    /// <summary>Not the next version after the one that is in force.</summary>
    NotNextVersion = 21,
    /// <summary>The fingerprint of the version before is not that of the one in force.</summary>
    OtherPrevious = 22,
    /// <summary>Fewer than k governance keys of the version before signed.</summary>
    TooFewOfPrevious = 23,
    /// <summary>A governance key that this version adds did not sign it.</summary>
    AddedKeyUnsigned = 24,
}

/// <summary>A refusal, with the member or line that is meant.</summary>
public sealed record TrustProblem(TrustFailure Failure, string Detail)
{
    public override string ToString() => $"{Failure}: {Detail}";
}

/// <summary>What kind of deployment a trust file describes; the verdict says so in its first line unless it is production. Frozen.</summary>
public enum TrustMode
{
    /// <summary>No ledger nodes: nothing but the operator's word stands behind a checkpoint.</summary>
    Development = 1,
    /// <summary>All nodes under one operator.</summary>
    Demonstration = 2,
    Production = 3,
}

/// <summary>How far a record has got; each state includes those before it. Frozen.</summary>
public enum RecordState
{
    None = 0,
    /// <summary>Under a checkpoint that the log signed.</summary>
    Sealed = 1,
    /// <summary>Under a checkpoint with the quorum's cosignatures.</summary>
    Final = 2,
    /// <summary>Under a main-chain checkpoint through an anchor.</summary>
    Anchored = 3,
    TimeStamped = 4,
}

/// <summary>Names of modes and states as they stand in a trust file and in a report.</summary>
public static class TrustNames
{
    private static readonly string[] Modes = ["", "development", "demonstration", "production"];
    private static readonly string[] States = ["none", "sealed", "final", "anchored", "time-stamped"];

    public static string Of(TrustMode mode) => Modes[(int)mode];

    public static string Of(RecordState state) => States[(int)state];

    internal static bool TryMode(string? name, out TrustMode mode)
    {
        mode = (TrustMode)Math.Max(0, Array.IndexOf(Modes, name, 1));
        return mode != 0;
    }

    /// <summary>The state of a name; false for another text.</summary>
    public static bool TryState(string? name, out RecordState state)
    {
        state = (RecordState)Math.Max(0, Array.IndexOf(States, name, 1));
        return state != 0;
    }
}
