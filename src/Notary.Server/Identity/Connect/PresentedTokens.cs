using Notary.Server.Identity.Store;

namespace Notary.Server.Identity.Connect;

/// <summary>A token that came with a request and may be used for it; or the reason why not.</summary>
internal readonly record struct PresentedToken(AccessToken? Token, bool IsProofWrong)
{
    /// <summary>None of this platform's tokens, or presented by the wrong scheme.</summary>
    public static readonly PresentedToken Invalid = new(null, IsProofWrong: false);

    /// <summary>The token would do, but not with this proof.</summary>
    public static readonly PresentedToken Unproved = new(null, IsProofWrong: true);
}

/// <summary>Access tokens at a resource. A bearer token costs no database; a DPoP-bound one has its proof taken once there (RFC 9449 clause 7.1).</summary>
internal sealed class PresentedTokens(AccessTokens tokens, DpopProofs proofs, ConnectIssuer issuer, IdentityDatabase database)
{
    /// <summary>The scheme of RFC 9449 clause 7.1.</summary>
    public const string DpopScheme = "DPoP";

    private static readonly object Checked = new();

    /// <summary>Checks a token by the scheme that it came with: one that is bound to a key is not accepted as a bearer token, and the other way round (clause 7.2).</summary>
    /// <remarks>Asked twice about a request it answers the same: a proof is taken when the request is authenticated, and an endpoint that wants to know more does not take it again.</remarks>
    public async Task<PresentedToken> CheckAsync(HttpContext http, bool dpop, string text)
    {
        if (http.Items.TryGetValue(Checked, out object? before))
        {
            return (PresentedToken)before!;
        }

        PresentedToken presented = await CheckFirstAsync(http, dpop, text);
        http.Items[Checked] = presented;
        return presented;
    }

    private async Task<PresentedToken> CheckFirstAsync(HttpContext http, bool dpop, string text)
    {
        if (await tokens.VerifyAsync(text) is not { } token || dpop != token.KeyThumbprint is not null)
        {
            return PresentedToken.Invalid;
        }

        if (!dpop)
        {
            return new PresentedToken(token, IsProofWrong: false);
        }

        ProofResult proof = await proofs.CheckAsync(http.Request, issuer.Text + http.Request.Path.ToUriComponent(), text);
        if (proof.KeyThumbprint is null || proof.KeyThumbprint != token.KeyThumbprint)
        {
            return PresentedToken.Unproved;
        }

        await using IdentityContext context = database.NewContext();
        return await UsedAssertions.TakeAsync(context, UsedAssertions.Proof, proof.KeyThumbprint, proof.Id, proof.Expires) ? new PresentedToken(token, IsProofWrong: false) : PresentedToken.Unproved;
    }
}
