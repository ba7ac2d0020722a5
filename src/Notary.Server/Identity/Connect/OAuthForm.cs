using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using Notary.Server.Http;

namespace Notary.Server.Identity.Connect;

/// <summary>The parameters of a request: each at most once (RFC 6749 clauses 3.1 and 3.2), an empty one as absent.</summary>
internal sealed class OAuthForm
{
    private const int Limit = 16_384;
    private const int MaxParameters = 64;

    private readonly Dictionary<string, StringValues> _values;

    private OAuthForm(Dictionary<string, StringValues> values) => _values = values;

    /// <summary>The parameter's value; null when it is absent or empty.</summary>
    public string? this[string name] => _values.TryGetValue(name, out StringValues value) && value.Count == 1 && value[0] is { Length: > 0 } text ? text : null;

    /// <summary>Whether a parameter is there twice.</summary>
    public bool HasRepeated => _values.Any(static v => v.Value.Count > 1);

    /// <summary>The parameters of a query.</summary>
    public static OAuthForm OfQuery(string query) => new(QueryHelpers.ParseQuery(query));

    /// <summary>Reads <c>application/x-www-form-urlencoded</c>; null when the request was refused, and answered.</summary>
    public static async Task<OAuthForm?> ReadAsync(HttpContext http)
    {
        using RequestBody body = await RequestBody.ReadAsync(http, Limit);
        if (body.End != BodyEnd.Complete)
        {
            await RequestBody.RefuseAsync(http, body.End, Limit);
            return null;
        }

        if (RequestBody.IsType(http.Request.ContentType, "application/x-www-form-urlencoded"))
        {
            var form = new OAuthForm(QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body.Memory.Span)));
            if (!form.HasRepeated && form._values.Count <= MaxParameters)
            {
                return form;
            }
        }

        await OAuthAnswer.RefuseAsync(http, OAuthError.InvalidRequest, "Send application/x-www-form-urlencoded, each parameter once.");
        return null;
    }
}

/// <summary>The error codes of RFC 6749 clauses 4.1.2.1 and 5.2, OpenID Connect Core clause 3.1.2.6, RFC 7009 and RFC 9449 that are answered here.</summary>
internal static class OAuthError
{
    public const string InvalidRequest = "invalid_request";
    public const string InvalidClient = "invalid_client";
    public const string InvalidGrant = "invalid_grant";
    public const string InvalidScope = "invalid_scope";
    public const string UnauthorizedClient = "unauthorized_client";
    public const string UnsupportedGrantType = "unsupported_grant_type";
    public const string UnsupportedResponseType = "unsupported_response_type";
    public const string UnsupportedTokenType = "unsupported_token_type";
    public const string AccessDenied = "access_denied";
    public const string LoginRequired = "login_required";
    public const string ConsentRequired = "consent_required";
    public const string RequestNotSupported = "request_not_supported";
    public const string RequestUriNotSupported = "request_uri_not_supported";
    public const string InvalidDpopProof = "invalid_dpop_proof";
}

/// <summary>Answers of the token and revocation endpoints: JSON of RFC 6749 clauses 5.1 and 5.2, never kept by anybody.</summary>
internal static class OAuthAnswer
{
    /// <summary>Answers with an error: 401 for a client that did not prove who it is, else 400.</summary>
    public static Task RefuseAsync(HttpContext http, string error, string description) =>
        WriteAsync(http, error == OAuthError.InvalidClient ? StatusCodes.Status401Unauthorized : StatusCodes.Status400BadRequest, json =>
        {
            json.WriteString("error", error);
            json.WriteString("error_description", description);
        });

    /// <summary>Answers with an object.</summary>
    public static Task WriteAsync(HttpContext http, int status, Action<Utf8JsonWriter> members)
    {
        http.Response.Headers.CacheControl = "no-store";
        return Json.WriteAsync(http, status, members);
    }
}
