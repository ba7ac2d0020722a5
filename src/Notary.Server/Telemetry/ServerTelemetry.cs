using System.Diagnostics;
using System.Diagnostics.Metrics;
using Notary.Server.Options;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Notary.Server.Telemetry;

/// <summary>
/// Traces and metrics of the server under the name <c>Notary.Server</c>. Without an endpoint no provider is built, nobody listens, and an
/// activity or a measurement costs a null check. No span or tag carries evidence, a digest or a secret.
/// </summary>
public sealed class ServerTelemetry : IDisposable
{
    /// <summary>Name of source and meter.</summary>
    public const string Name = "Notary.Server";

    /// <summary>A submission: <c>submission</c> with its children <c>parse</c> and <c>answer</c> here, the chain's own between them.</summary>
    public static readonly ActivitySource Source = new(Name);

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Refusals = Meter.CreateCounter<long>("notary.server.problems", "{answer}", "Answers with a problem, by code.");
    private static readonly Histogram<double> Verifications = Meter.CreateHistogram<double>("notary.server.verify.duration", "s", "One package verified.");

    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private ServerTelemetry(TracerProvider traces, MeterProvider metrics)
    {
        _traces = traces;
        _metrics = metrics;
    }

    /// <summary>Starts the export when an endpoint is configured; null otherwise.</summary>
    public static ServerTelemetry? Start(TelemetryOptions options, ILogger logger)
    {
        if (options.Endpoint.Length == 0)
        {
            return null;
        }

        var collector = new Uri(options.Endpoint.TrimEnd('/') + "/");

        ResourceBuilder resource = ResourceBuilder.CreateDefault().AddService("notary-server", serviceVersion: typeof(ServerTelemetry).Assembly.GetName().Version?.ToString(3));
        TracerProvider traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(Name, Chain.ChainTelemetry.Name)
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.TracesPerThousand / 1000.0)))
            .AddOtlpExporter(o => To(o, collector, "v1/traces"))
            .Build();
        MeterProvider metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(Name, Chain.ChainTelemetry.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
            .AddOtlpExporter((o, reader) =>
            {
                To(o, collector, "v1/metrics");
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = options.MetricsSeconds * 1000;
            })
            .Build();
        Log.TelemetryOn(logger, collector.ToString());
        return new ServerTelemetry(traces, metrics);
    }

    /// <summary>Counts an answer with a problem.</summary>
    public static void Refused(string code) => Refusals.Add(1, new KeyValuePair<string, object?>("code", code));

    /// <summary>Records how long a verification took.</summary>
    public static void Verified(TimeSpan duration, string indication) => Verifications.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("indication", indication));

    /// <summary>Sends what is still held back.</summary>
    public void Dispose()
    {
        _traces.Dispose();
        _metrics.Dispose();
    }

    private static void To(OtlpExporterOptions options, Uri collector, string path)
    {
        options.Protocol = OtlpExportProtocol.HttpProtobuf;
        options.Endpoint = new Uri(collector, path);
    }
}
