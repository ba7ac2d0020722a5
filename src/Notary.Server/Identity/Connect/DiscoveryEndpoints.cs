using System.Text.Json;
using Notary.Server.Http;
using Notary.Server.OpenApi;

namespace Notary.Server.Identity.Connect;

/// <summary>What clients read first: the provider's metadata (OpenID Connect Discovery 1.0 clause 3, RFC 8414 clause 2) and its keys.</summary>
internal static class DiscoveryEndpoints
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/.well-known/openid-configuration", DescribeAsync).WithTags("Connect").WithName("openidConfiguration").WithSummary("The OpenID provider's metadata").Produces<MetadataShape>().Answers(Problems.Internal);
        routes.MapGet("/.well-known/oauth-authorization-server", DescribeAsync).WithTags("Connect").WithName("oauthServer").WithSummary("The same, at the address of RFC 8414").Produces<MetadataShape>().Answers(Problems.Internal);
        routes.MapGet("/connect/jwks", KeysAsync).WithTags("Connect").WithName("tokenKeys").WithSummary("The keys that verify tokens; a new one is here an hour before it signs").Produces<KeysShape>(StatusCodes.Status200OK, "application/jwk-set+json").Answers(Problems.Internal);
    }

    private static Task DescribeAsync(HttpContext http, ConnectIssuer issuer)
    {
        http.Response.Headers.CacheControl = "public, max-age=300";
        return Json.WriteAsync(http, StatusCodes.Status200OK, json =>
        {
            json.WriteString("issuer", issuer.Text);
            json.WriteString("authorization_endpoint", issuer.Authorize);
            json.WriteString("token_endpoint", issuer.Token);
            json.WriteString("userinfo_endpoint", issuer.UserInfo);
            json.WriteString("revocation_endpoint", issuer.Revocation);
            json.WriteString("jwks_uri", issuer.Keys);
            Write(json, "scopes_supported", [.. Scopes.All]);
            Write(json, "response_types_supported", "code");
            Write(json, "response_modes_supported", "query");
            Write(json, "grant_types_supported", "authorization_code", "client_credentials", "refresh_token");
            Write(json, "subject_types_supported", "public");
            Write(json, "acr_values_supported", Authentication.PhishingResistant, Authentication.TwoFactors);
            Write(json, "id_token_signing_alg_values_supported", JoseKey.Es256);
            Write(json, "token_endpoint_auth_methods_supported", "private_key_jwt");
            Write(json, "token_endpoint_auth_signing_alg_values_supported", JoseKey.Es256, JoseKey.Sm2Sm3);
            Write(json, "revocation_endpoint_auth_methods_supported", "private_key_jwt");
            Write(json, "revocation_endpoint_auth_signing_alg_values_supported", JoseKey.Es256, JoseKey.Sm2Sm3);
            Write(json, "claims_supported", "sub", "auth_time", "acr", "amr", "nonce", "preferred_username", "role", "organisation");
            Write(json, "code_challenge_methods_supported", "S256");
            Write(json, "prompt_values_supported", "none", "login", "consent");
            Write(json, "dpop_signing_alg_values_supported", JoseKey.Es256);
            json.WriteBoolean("authorization_response_iss_parameter_supported", true);
            json.WriteBoolean("claims_parameter_supported", false);
            json.WriteBoolean("request_parameter_supported", false);
            json.WriteBoolean("request_uri_parameter_supported", false);
        });
    }

    private static async Task KeysAsync(HttpContext http, TokenKeys keys)
    {
        ReadOnlyMemory<byte> published = (await keys.GetAsync()).Published;
        http.Response.Headers.CacheControl = "public, max-age=300";
        http.Response.ContentType = "application/jwk-set+json";
        http.Response.ContentLength = published.Length;
        await http.Response.Body.WriteAsync(published);
    }

    private static void Write(Utf8JsonWriter json, string name, params ReadOnlySpan<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}

internal sealed record MetadataShape(string Issuer, string Authorization_endpoint, string Token_endpoint, string Userinfo_endpoint, string Revocation_endpoint, string Jwks_uri);

internal sealed record KeyShape(string Kty, string Crv, string X, string Y, string Kid, string Use, string Alg);

internal sealed record KeysShape(KeyShape[] Keys);
