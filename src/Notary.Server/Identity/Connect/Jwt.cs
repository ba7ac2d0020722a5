using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Notary.Server.Identity.Connect;

/// <summary>A JWT that was verified, or the reason why it was not. Reasons are stable codes of the audit trail.</summary>
internal readonly record struct JwtResult(JsonWebToken? Token, string Reason)
{
    public static JwtResult Bad(string reason) => new(null, reason);
}

/// <summary>Verifies a JWS in its compact form: form, type, algorithm, signature. Issuer, audience and times are the caller's, who knows the clause that asks for them.</summary>
internal static class Jwt
{
    /// <summary>The longest that is read, in characters.</summary>
    public const int MaxLength = 8_192;

    /// <summary>How far a sender's clock may be ahead.</summary>
    public const int SkewSeconds = 30;

    private static readonly JsonWebTokenHandler Handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxLength };

    // Two members of one name are read differently by different programs (RFC 7515 clause 4, RFC 7519 clause 4).
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>Reads without verifying; null when it is no JWS, has a member twice, or demands an extension (<c>crit</c>, RFC 7515 clause 4.1.11).</summary>
    public static JsonWebToken? ReadUnverified(string text)
    {
        try
        {
            string[] parts = text.Length <= MaxLength ? text.Split('.') : [];
            if (parts.Length != 3 || !Array.TrueForAll(parts, IsBase64Url) || !IsObject(parts[0]) || !IsObject(parts[1]))
            {
                return null;
            }

            var token = new JsonWebToken(text);
            return token.TryGetHeaderValue("crit", out object _) ? null : token;
        }
        catch (Exception wrong) when (wrong is ArgumentException or SecurityTokenException or FormatException or JsonException or InvalidOperationException)
        {
            // The library's words for what is no JWT; an InvalidOperationException is half a surrogate pair.
            return null;
        }
    }

    // Without padding and white space (RFC 7515 clause 2).
    private static bool IsBase64Url(string part) => part.Length % 4 != 1 && part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    // The library reads strings when they are asked for: what is not UTF-8 is refused before.
    private static bool IsObject(string part)
    {
        byte[] bytes = Base64Url.DecodeFromChars(part);
        if (!Utf8.IsValid(bytes))
        {
            return false;
        }

        using JsonDocument document = JsonDocument.Parse(bytes, Strict);
        return document.RootElement.ValueKind == JsonValueKind.Object;
    }

    /// <summary>Verifies by the first of the keys that its header fits.</summary>
    /// <param name="types">The <c>typ</c> values that are accepted; an empty one stands for a header without.</param>
    public static async Task<JwtResult> VerifyAsync(JsonWebToken token, IReadOnlyCollection<SecurityKey> keys, params string[] types)
    {
        if (!types.Contains(token.Typ ?? "", StringComparer.OrdinalIgnoreCase))
        {
            return JwtResult.Bad("typ");
        }

        SecurityKey[] fitting = [.. keys.Where(key => key.IsSupportedAlgorithm(token.Alg) && (string.IsNullOrEmpty(token.Kid) || key.KeyId == token.Kid))];
        if (fitting.Length == 0)
        {
            return JwtResult.Bad(keys.Any(key => key.IsSupportedAlgorithm(token.Alg)) ? "kid" : "alg");
        }

        TokenValidationResult result = await Handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            IssuerSigningKeys = fitting,
            TryAllIssuerSigningKeys = true,
            ValidAlgorithms = [JoseKey.Es256, JoseKey.Sm2Sm3],
            RequireSignedTokens = true,
            ValidateAudience = false,
            ValidateIssuer = false,
            ValidateLifetime = false,
            LogValidationExceptions = false,
        });
        return result.IsValid ? new JwtResult(token, "") : JwtResult.Bad("signature");
    }

    /// <summary>The text of a claim; null when it is absent or no text.</summary>
    public static string? Text(JsonWebToken token, string claim) => token.TryGetPayloadValue(claim, out object? value) ? value as string : null;

    /// <summary>A time of a claim (NumericDate of RFC 7519) in seconds; null when it is absent or none.</summary>
    public static long? Time(JsonWebToken token, string claim)
    {
        if (!token.TryGetPayloadValue(claim, out object? value))
        {
            return null;
        }

        return value switch
        {
            long whole => whole,
            int whole => whole,
            double fraction when Math.Abs(fraction) < 1e11 => (long)Math.Floor(fraction),
            decimal fraction when Math.Abs(fraction) < 100_000_000_000m => (long)Math.Floor(fraction),
            _ => null,
        };
    }
}
