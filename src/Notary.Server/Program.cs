using System.Diagnostics;
using Notary.Server;
using Notary.Server.Deposits;
using Notary.Server.Events;
using Notary.Server.Health;
using Notary.Server.Identity.Connect;
using Notary.Server.Identity.People;
using Notary.Server.Logs;
using Notary.Server.Network;
using Notary.Server.Nodes;
using Notary.Server.Options;
using Notary.Server.Portal;
using Notary.Server.Records;
using Notary.Server.Startup;
using Notary.Server.Telemetry;
using Notary.Server.Transfers;
using Notary.Server.Verification;
using Notary.Server.Webhooks;

var started = Stopwatch.StartNew();
try
{
    WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(args);
    (ServerOptions? options, OptionProblem? problem) = OptionReader.Read(builder.Configuration);
    if (options is null)
    {
        return StartRefusal.Say(problem!.Sentence);
    }

    if (options.Nodes.Serve.Count > 0)
    {
        return await NodeProcess.RunAsync(builder, options, started, TimeProvider.System);
    }

    await using Platform platform = Platform.Open(options, builder.Environment.IsDevelopment(), TimeProvider.System);
    WebHost.Configure(builder, options, platform, TimeProvider.System);

    await using WebApplication app = builder.Build();
    using ServerTelemetry? telemetry = ServerTelemetry.Start(options.Telemetry, app.Logger);
    using var verify = new VerifyEndpoint(platform, options.Limits);
    using var feeds = new EventFeeds(platform, TimeProvider.System);
    await using WebhookRunner webhooks = WebhookRunner.Start(platform, feeds, TimeProvider.System, app.Logger);

    using var waiting = new SemaphoreSlim(options.Limits.WaitingRequests);
    app.UseLayers(options);
    app.MapDeposits(platform, options.Limits, waiting, TimeProvider.System, app.Logger);
    app.MapRecords(platform);
    app.MapLookup(platform);
    app.MapVerify(verify);
    app.MapLogs(platform);
    app.MapHealth(platform);
    app.MapNetwork(platform);
    app.MapTrust(platform, app.Logger);
    app.MapIncidents(platform, app.Logger);
    app.MapGovernance(platform, app.Logger);
    app.MapTransfers(platform, waiting, TimeProvider.System, app.Logger);
    app.MapEvents(platform, feeds, options.Limits, TimeProvider.System);
    app.MapWebhooks(platform, webhooks, options.Limits);
    app.MapPeople(platform);
    app.MapConnect();
    app.MapPortal(platform);
    app.MapOpenApi();

    app.Lifetime.ApplicationStopping.Register(() => Log.Stopping(app.Logger));
    await app.PreparePeopleAsync(platform);
    await app.StartAsync();
    FirstSteps.Print(Console.Out, platform, options, started.Elapsed);
    await app.WaitForShutdownAsync();
    await webhooks.DisposeAsync();
    await platform.CloseAsync(app.Logger);
    return 0;
}
catch (Exception exception) when (StartRefusal.SentenceOf(exception) is { } sentence)
{
    return StartRefusal.Say(sentence);
}
