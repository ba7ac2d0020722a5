namespace Notary.Server.Identity.People;

/// <summary>The session that a request came with has ended, or its account's state or role has changed, before the request's turn came.</summary>
internal sealed class SessionEndedException : Exception;
