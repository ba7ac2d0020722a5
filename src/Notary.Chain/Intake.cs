using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Chain;

/// <summary>
/// Makes leaves of deposits: parses, refuses what the form or the policy does not allow, draws secrets, computes commitments, boxes and look-up keys.
/// None of it needs the chain's lock.
/// </summary>
/// <remarks>
/// A batch is prepared on its request's own thread. Small single requests are prepared together by whoever takes them from the queue: hashes, ciphers and random
/// numbers cost a batch of fifty little more than they cost one.
/// </remarks>
internal sealed class Intake(Genesis genesis, ItemCipher cipher, Hash32 digestKey, Func<ChainState> state)
{
    /// <summary>Longest single request that waits for others; a longer one would make them wait for it.</summary>
    public const int MaximumSharedBytes = 4_096;

    /// <summary>
    /// Whether a deposit is prepared together with others: it is short, and nothing in it has to be normalised or unescaped, which a hostile body can make dear.
    /// </summary>
    public static bool IsShared(Deposit deposit) => deposit.SingleRequest && deposit.Body.Length <= MaximumSharedBytes
        && System.Text.Ascii.IsValid(deposit.Body.Span) && !deposit.Body.Span.Contains((byte)'\\');

    /// <summary>Prepares one deposit: afterwards it has leaves, or has <see cref="DepositRequest.Ended"/>.</summary>
    public void Prepare(DepositRequest request) => Prepare([request]);

    /// <summary>Prepares single requests together. What one of them throws is that one's <see cref="DepositRequest.Failure"/>; the others go on.</summary>
    public void PrepareTogether(IReadOnlyList<DepositRequest> requests)
    {
        foreach (var group in requests.GroupBy(static r => (r.Deposit.Account, r.Deposit.Auth, r.Deposit.Relation)))
        {
            DepositRequest[] members = [.. group];
            try
            {
                Prepare(members);
            }
            catch (Exception)
            {
                // Whose it is shows when each is tried alone.
                Array.ForEach(members, PrepareAlone);
            }
        }
    }

    private void PrepareAlone(DepositRequest request)
    {
        try
        {
            Prepare([request]);
        }
        catch (Exception failure)
        {
            request.Failure = failure;
        }
    }

    // Requests of one submitter: several of one record each, or one of any form.
    private void Prepare(DepositRequest[] group)
    {
        var first = group[0].Deposit;
        var now = state();
        if (now.SubmitterKeyOf(first.Account, genesis.Origin, Math.Max(RecordTime.ToMilliseconds(first.Received), now.LastSealed)) is not { } key)
        {
            Array.ForEach(group, static r => r.Ended = DepositOutcome.NoKey);
            return;
        }

        using var requests = Parse(group);
        if (requests.BodyProblem is { } body)
        {
            group[0].Ended = DepositOutcome.BodyRefused;
            group[0].BodyProblem = body;
            return;
        }

        RefuseLongMetadata(requests, now.Admission!, first.Account);
        var users = DivideLeaves(group, requests);
        if (users == 0)
        {
            return;
        }

        using var activity = ChainTelemetry.Source.StartActivity("prepare");
        var submitter = new SubmitterContext
        {
            Account = first.Account, Key = key, Policy = now.AdmissionIndex, Auth = first.Auth, Relation = first.Relation,
        };
        var received = Array.ConvertAll(group, static r => r.Deposit.Received);
        var leaves = EvidenceLeaves.Prepare(genesis, submitter, requests, received, cipher, digestKey);
        leaves.Share(users);
        foreach (var request in group.Where(static r => r.Ended is null))
        {
            request.Leaves = leaves;
            request.Remember();
        }
    }

    private static RequestBatch Parse(DepositRequest[] group)
    {
        using var activity = ChainTelemetry.Source.StartActivity("parse");
        return group[0].Deposit.SingleRequest
            ? RequestBatch.ParseEach(Array.ConvertAll(group, static r => r.Deposit.Body))
            : RequestBatch.Parse(group[0].Deposit.Body);
    }

    // The leaf does not show how long its metadata is, so this rule of the policy is intake's and not AdmitState's.
    private static void RefuseLongMetadata(RequestBatch requests, AdmissionPolicy policy, string account)
    {
        for (var row = 0; row < requests.Count; row++)
        {
            ref readonly var request = ref requests.Row(row);
            if (request.HasMetadata && policy.MaxMetadata(System.Text.Encoding.ASCII.GetString(requests.TypeOf(row)), account) is var limit && request.MetadataLength > limit)
            {
                requests.Refuse(row, new RequestProblem(RequestCodes.MetadataTooLarge, $"The admission policy allows {limit} bytes of metadata for this type and account."));
            }
        }
    }

    // Leaves are made of the good lines in their order. Returns how many of the requests have any.
    private static int DivideLeaves(DepositRequest[] group, RequestBatch requests)
    {
        var users = 0;
        var line = 0;
        var leaf = 0;
        foreach (var request in group)
        {
            request.Lines = request.Deposit.SingleRequest ? 1 : requests.LineCount;
            request.FirstLeaf = leaf;
            for (var own = 0; own < request.Lines; own++, line++)
            {
                if (requests.ProblemOf(line) is { } problem)
                {
                    request.Refuse(new LineError(own, problem.Code, problem.Offset is { } offset ? $"{problem.Message} (byte {offset})" : problem.Message, Admission: false));
                }
                else
                {
                    leaf++;
                }
            }

            request.LeafCount = leaf - request.FirstLeaf;
            request.Ended = request.LeafCount == 0 ? DepositOutcome.Sealed : null;
            users += request.LeafCount == 0 ? 0 : 1;
        }

        return users;
    }
}
