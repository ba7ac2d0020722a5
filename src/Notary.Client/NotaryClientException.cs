namespace Notary.Client;

/// <summary>Why a call did not give what was asked for. What a caller does next follows from this value alone.</summary>
public enum ClientFailure
{
    /// <summary>No usable credential file.</summary>
    Credential,

    /// <summary>No usable trust file: nothing that a server answers can be believed.</summary>
    Trust,

    /// <summary>A file of the caller's cannot be read, or changed while it was read.</summary>
    LocalFile,

    /// <summary>The server could not be reached, or broke off, and the retries are used up. Repeat with the same key.</summary>
    Unreachable,

    /// <summary>The server was busy or waiting for its nodes until the retries were used up. Repeat with the same key.</summary>
    Busy,

    /// <summary>The server refused the caller (401, 403).</summary>
    NotAuthorized,

    /// <summary>The server refused the request (any other 4xx); <see cref="NotaryClientException.Code"/> is the server's.</summary>
    Refused,

    /// <summary>The server failed (5xx other than 503).</summary>
    ServerFault,

    /// <summary>The answer does not prove what it says under the pinned trust file. Nothing of it may be used.</summary>
    NotProved,

    /// <summary>The answer is not of the documented form.</summary>
    Malformed,
}

/// <summary>A failed call, with a code that does not change between versions and one sentence for a person.</summary>
public sealed class NotaryClientException : Exception
{
    /// <summary>Creates the failure.</summary>
    public NotaryClientException(ClientFailure failure, string code, string message, Exception? inner = null)
        : base(message, inner)
    {
        Failure = failure;
        Code = code;
    }

    /// <summary>The kind of failure.</summary>
    public ClientFailure Failure { get; }

    /// <summary>Stable code: the server's when it refused, else the client's own.</summary>
    public string Code { get; }

    /// <summary>HTTP status of the answer, 0 when there was none.</summary>
    public int Status { get; init; }
}
