using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Primitives;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Notary.Server.Identity.Connect;

/// <summary>A DPoP proof that holds, but for its one use; or the reason why it does not. Without a proof all is empty.</summary>
/// <param name="KeyThumbprint">The key's thumbprint (RFC 7638), <c>jkt</c>; null without a proof.</param>
/// <param name="Id">Its <c>jti</c>, to be taken once.</param>
/// <param name="Expires">When it would be too old, Unix milliseconds.</param>
internal sealed record ProofResult(string? KeyThumbprint, string Id, long Expires, string Refused)
{
    public static readonly ProofResult None = new(null, "", 0, "");

    public static ProofResult Bad(string reason) => new(null, "", 0, "proof-" + reason);
}

/// <summary>Proofs of possession (RFC 9449): which key sent this very request.</summary>
internal sealed class DpopProofs(TimeProvider time)
{
    private const string Type = "dpop+jwt";

    // How old a proof may be. Clients are not told a nonce, so this is what bounds a proof made ahead.
    private const int AgeSeconds = 60;

    /// <summary>Checks the proof of a request as clause 4.3 says, but that it is presented for the first time.</summary>
    /// <param name="address">The request's address without query, as clients see it.</param>
    /// <param name="accessToken">At a resource, the token that came with it; null at the token endpoint.</param>
    public async Task<ProofResult> CheckAsync(HttpRequest request, string address, string? accessToken = null)
    {
        StringValues given = request.Headers["DPoP"];
        if (given.Count == 0)
        {
            return ProofResult.None;
        }

        if (given.Count != 1 || Jwt.ReadUnverified(given[0]!) is not { } read)
        {
            return ProofResult.Bad("malformed");
        }

        if (!read.TryGetHeaderValue("jwk", out JsonElement jwk) || JoseKey.OfJwk(jwk) is not { } key)
        {
            return ProofResult.Bad("jwk");
        }

        JwtResult verified = await Jwt.VerifyAsync(read, [key], Type);
        if (verified.Token is not { } token)
        {
            return ProofResult.Bad(verified.Reason);
        }

        long now = time.GetUtcNow().ToUnixTimeSeconds();
        string? wrong = Jwt.Text(token, "htm") != request.Method ? "htm"
            : !IsAddress(Jwt.Text(token, "htu"), address) ? "htu"
            : Jwt.Time(token, "iat") is not { } issued || issued > now + Jwt.SkewSeconds || issued < now - AgeSeconds ? "iat"
            : Jwt.Text(token, "jti") is not { Length: >= 1 and <= UsedAssertions.MaxId } ? "jti"
            : accessToken is not null && Jwt.Text(token, "ath") != Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(accessToken))) ? "ath"
            : null;
        return wrong is null ? new ProofResult(key.KeyId, Jwt.Text(token, "jti")!, (Jwt.Time(token, "iat")!.Value + AgeSeconds + 1) * 1_000, "") : ProofResult.Bad(wrong);
    }

    // Compared after the normalisation of RFC 3986 clauses 6.2.2 and 6.2.3, without query and fragment (clause 4.3, 9).
    private static bool IsAddress(string? claimed, string address) => claimed is { Length: <= 2_048 } && Uri.TryCreate(claimed, UriKind.Absolute, out Uri? uri)
        && uri.GetLeftPart(UriPartial.Path) == new Uri(address).GetLeftPart(UriPartial.Path);
}
