namespace Notary.Server;

/// <summary>Every message of the server, numbered; never evidence, names of files, SQL or secrets.</summary>
internal static partial class Log
{
    [LoggerMessage(2, LogLevel.Error, "Chain {Chain} has stopped sealing ({Reason}): {Sentence}")]
    public static partial void ChainStopped(ILogger logger, string chain, string reason, string sentence);

    [LoggerMessage(3, LogLevel.Error, "A request to {Route} failed inside the server.")]
    public static partial void RequestFailed(ILogger logger, string route, Exception failure);

    [LoggerMessage(4, LogLevel.Information, "Stopping: no new requests; finishing what is in the sequencer.")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(5, LogLevel.Information, "Chain {Chain} is closed at {Size} records, its last checkpoint stored.")]
    public static partial void ChainClosed(ILogger logger, string chain, long size);

    [LoggerMessage(6, LogLevel.Information, "Metrics and traces go to {Endpoint}.")]
    public static partial void TelemetryOn(ILogger logger, string endpoint);

    [LoggerMessage(8, LogLevel.Warning, "{Route}: the chain's database does not answer: {Sentence}")]
    public static partial void DatabaseLost(ILogger logger, string route, string sentence);

    [LoggerMessage(7, LogLevel.Warning, "Version {Version} of the trust file ({Fingerprint}) is in force by leaf {MainIndex} of the main chain; handed in by {Account}.")]
    public static partial void TrustApplied(ILogger logger, long version, string fingerprint, long mainIndex, string account);

    [LoggerMessage(9, LogLevel.Warning, "Webhook {Name} of {Account} on {Chain} is disabled: {Reason}")]
    public static partial void WebhookDisabled(ILogger logger, string name, string account, string chain, string reason);

    [LoggerMessage(10, LogLevel.Error, "Webhook {Name} of {Account} on {Chain} waits, for the server failed; it is tried again.")]
    public static partial void WebhookFailed(ILogger logger, string name, string account, string chain, Exception failure);

    [LoggerMessage(11, LogLevel.Warning, "{Origin} is closed by leaf {MainIndex} of the main chain: of {Lost} entries {Available} are available, and {Successor} takes its place; handed in by {Account}.")]
    public static partial void ChainClosedForGood(ILogger logger, string origin, long mainIndex, long available, long lost, string successor, string account);

    [LoggerMessage(15, LogLevel.Warning, "The identity database does not answer; tokens go on with the keys that are known: {Sentence}")]
    public static partial void TokenKeysStale(ILogger logger, string sentence);

    [LoggerMessage(12, LogLevel.Warning, "All {Documents} documents of the proposal {Fingerprint} are sealed; handed in by {Account}.")]
    public static partial void GovernanceApplied(ILogger logger, string fingerprint, int documents, string account);

    [LoggerMessage(20, LogLevel.Error, "The ledger node of {Origin} has stopped; its requests are answered 503.")]
    public static partial void NodeStopped(ILogger logger, string origin, Exception failure);

    [LoggerMessage(21, LogLevel.Information, "Stopping: no new requests; what the ledger nodes have cosigned is stored.")]
    public static partial void NodesStopping(ILogger logger);

    [LoggerMessage(22, LogLevel.Information, "The ledger nodes know version {Version} of the trust file ({Fingerprint}).")]
    public static partial void TrustFollowed(ILogger logger, long version, string fingerprint);

    [LoggerMessage(23, LogLevel.Warning, "The trust file has changed and cannot be used, the ledger nodes go on with version {Version}: {Problem}")]
    public static partial void TrustUnreadable(ILogger logger, long version, string problem);
}
