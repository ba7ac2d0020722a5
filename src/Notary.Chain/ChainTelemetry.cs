using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Notary.Chain;

/// <summary>Traces and metrics of the chain under the name <c>Notary.Chain</c>; they cost nothing while nobody listens.</summary>
public static class ChainTelemetry
{
    /// <summary>Name of source and meter.</summary>
    public const string Name = "Notary.Chain";

    /// <summary>A submission through <c>parse</c>, <c>prepare</c>, <c>admit</c>, <c>commit</c>, <c>sign</c>, <c>answer</c>.</summary>
    public static readonly ActivitySource Source = new(Name);

    private static readonly Meter Meter = new(Name);

    internal static readonly Counter<long> Records = Meter.CreateCounter<long>("notary.chain.records", "{record}", "Records sealed.");

    internal static readonly Counter<long> Refused = Meter.CreateCounter<long>("notary.chain.refused", "{line}", "Lines refused.");

    internal static readonly Counter<long> SignerFailures = Meter.CreateCounter<long>("notary.node.signer.failures", "{failure}", "Cosignatures that a node's signer did not make.");

    internal static readonly Histogram<double> CommitSeconds = Meter.CreateHistogram<double>("notary.chain.append.duration", "s", "One append: prepare what is not yet, admit, write, commit, sign.");

    internal static readonly Histogram<long> BatchRecords = Meter.CreateHistogram<long>("notary.chain.append.records", "{record}", "Records in one append.");
}
