using System.Collections.Concurrent;
using Notary.Server.Identity.People;
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
internal sealed class PresentedTokens(AccessTokens tokens, DpopProofs proofs, ConnectIssuer issuer, IdentityDatabase database, TimeProvider time)
{
    /// <summary>The scheme of RFC 9449 clause 7.1.</summary>
    public const string DpopScheme = "DPoP";

    private const long Minute = 60_000;

    // Clients are as many as there are accounts and applications; this is only the bound of what is remembered.
    private const int MostTold = 4_096;

    private static readonly object Checked = new();

    private readonly ConcurrentDictionary<(string Client, string Reason), long> _told = new();

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
        if (await tokens.VerifyAsync(text) is not { } token)
        {
            return PresentedToken.Invalid;
        }

        if (dpop != token.KeyThumbprint is not null)
        {
            await TellAsync(http, token, "scheme");
            return PresentedToken.Invalid;
        }

        if (!dpop)
        {
            return new PresentedToken(token, IsProofWrong: false);
        }

        ProofResult proof = await proofs.CheckAsync(http.Request, issuer.Text + http.Request.Path.ToUriComponent(), text);
        string refused = proof.Refused.Length > 0 ? proof.Refused
            : proof.KeyThumbprint is null ? "proof-missing"
            : proof.KeyThumbprint != token.KeyThumbprint ? "proof-key"
            : await TakeAsync(proof) ? "" : "proof-replayed";
        if (refused.Length == 0)
        {
            return new PresentedToken(token, IsProofWrong: false);
        }

        await TellAsync(http, token, refused);
        return PresentedToken.Unproved;
    }

    private async Task<bool> TakeAsync(ProofResult proof)
    {
        await using IdentityContext context = database.NewContext();
        return await UsedAssertions.TakeAsync(context, UsedAssertions.Proof, proof.KeyThumbprint!, proof.Id, proof.Expires);
    }

    // A good token without its key is perhaps a stolen one: a row of the trail, but one a minute for each client and reason, so that the thief cannot fill the trail with it.
    private async Task TellAsync(HttpContext http, AccessToken token, string refused)
    {
        long now = time.GetUtcNow().ToUnixTimeMilliseconds();
        (string, string) what = (token.Client, refused);
        if (_told.TryGetValue(what, out long told) && now - told < Minute)
        {
            return;
        }

        if (_told.Count >= MostTold)
        {
            _told.Clear();
        }

        _told[what] = now;
        await using IdentityContext context = database.NewContext();
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        await transaction.CommitAsync(new AuditRow { Time = now, Event = AuditEvent.TokenUse, Target = (token.Client.Contains('/', StringComparison.Ordinal) ? "service:" : "client:") + token.Client, Refused = refused, Address = Sessions.AddressOf(http) });
    }
}
