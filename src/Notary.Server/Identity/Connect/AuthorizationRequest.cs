using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;

namespace Notary.Server.Identity.Connect;

/// <summary>A web application's request that a person signs in and allows it something. Where it may be answered to is known to be right.</summary>
/// <param name="State">Given back unchanged; empty without one.</param>
/// <param name="Prompt"><c>none</c>, or whether the person signs in anew: empty, <c>login</c>, <c>consent</c>.</param>
/// <param name="MaxAge">How old the sign-in may be, in seconds; null for any.</param>
/// <param name="SignedInAfter">Set when a fresh sign-in was asked for: the session has to be younger (Unix milliseconds).</param>
internal sealed record AuthorizationRequest(
    string ClientId, string RedirectUri, string State, string[] Scope, string Challenge, string Nonce, string KeyThumbprint, string Prompt, long? MaxAge, long SignedInAfter)
{
    private const int MaxText = 512;

    /// <summary>The address that answers a request, with the issuer (RFC 9207) and the state.</summary>
    public string Answer(string issuer, params (string Name, string Value)[] more)
    {
        IEnumerable<(string Name, string Value)> members = [.. more, .. State.Length > 0 ? [("state", State)] : Array.Empty<(string, string)>(), ("iss", issuer)];
        return QueryHelpers.AddQueryString(RedirectUri, members.Select(static m => KeyValuePair.Create<string, string?>(m.Name, m.Value)));
    }

    /// <summary>
    /// Reads the parameters of a known client and redirect address: the request, or the error of RFC 6749 clause 4.1.2.1 that goes back to the client. A parameter that is not known is passed over (clause 3.1);
    /// one that would change what is asked for is refused.
    /// </summary>
    public static (AuthorizationRequest Request, string Error, string Reason) Parse(Client client, string redirectUri, OAuthForm form)
    {
        string[] scope = Scopes.Parse(form["scope"] ?? "", client.Scopes) ?? [];
        string[] prompts = (form["prompt"] ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        bool hasAge = long.TryParse(form["max_age"], NumberStyles.None, CultureInfo.InvariantCulture, out long age) && age <= 31_536_000;
        string state = form["state"] is { Length: <= MaxText } text ? text : "";
        (string error, string reason) = form switch
        {
            _ when form.HasRepeated => (OAuthError.InvalidRequest, "repeated"),
            _ when form["request"] is not null => (OAuthError.RequestNotSupported, "request"),
            _ when form["request_uri"] is not null => (OAuthError.RequestUriNotSupported, "request-uri"),
            _ when form["response_type"] is null => (OAuthError.InvalidRequest, "response-type"),
            _ when form["response_type"] != "code" => (OAuthError.UnsupportedResponseType, "response-type"),
            _ when form["response_mode"] is not (null or "query") => (OAuthError.InvalidRequest, "response-mode"),
            _ when scope.Length == 0 => (OAuthError.InvalidScope, "scope"),
            _ when form["code_challenge_method"] != "S256" || !IsHash(form["code_challenge"]) => (OAuthError.InvalidRequest, "code-challenge"),
            _ when form["state"]?.Length > MaxText || form["nonce"]?.Length > MaxText => (OAuthError.InvalidRequest, "state-or-nonce-too-long"),
            _ when form["dpop_jkt"] is { } jkt && !IsHash(jkt) => (OAuthError.InvalidRequest, "dpop-jkt"),
            _ when prompts.Except(["none", "login", "consent"]).Any() || (prompts.Contains("none") && prompts.Length > 1) => (OAuthError.InvalidRequest, "prompt"),
            _ when form["max_age"] is not null && !hasAge => (OAuthError.InvalidRequest, "max-age"),
            _ => ("", ""),
        };
        string prompt = prompts.Contains("login") ? "login" : prompts is [var only] ? only : "";
        return (new AuthorizationRequest(client.Id, redirectUri, state, scope, form["code_challenge"] ?? "", form["nonce"] ?? "", form["dpop_jkt"] ?? "", prompt, hasAge ? age : null, 0), error, reason);
    }

    // SHA-256 in base64url: 43 characters (RFC 7636 clause 4.2, RFC 7638).
    private static bool IsHash(string? text) => text is { Length: 43 } && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
