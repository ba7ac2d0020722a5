using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Infrastructure;
using Microsoft.AspNetCore.Authorization.Policy;

namespace Notary.Server.Identity;

/// <summary>
/// Decides the commonest policy, "an authenticated caller, whoever it is", without the service that evaluates all others: on a deposit that service costs as
/// much as the record's hashes.
/// </summary>
internal sealed class CallerEvaluator : IPolicyEvaluator
{
    private static readonly Task<PolicyAuthorizationResult> Admitted = Task.FromResult(PolicyAuthorizationResult.Success());
    private static readonly Task<PolicyAuthorizationResult> Challenged = Task.FromResult(PolicyAuthorizationResult.Challenge());

    public Task<AuthenticateResult> AuthenticateAsync(AuthorizationPolicy policy, HttpContext context) =>
        policy.AuthenticationSchemes.Count == 0 && context.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult is { } known
            ? Task.FromResult(known)
            : Every(context).AuthenticateAsync(policy, context);

    public Task<PolicyAuthorizationResult> AuthorizeAsync(AuthorizationPolicy policy, AuthenticateResult authenticationResult, HttpContext context, object? resource)
    {
        if (policy.AuthenticationSchemes.Count > 0 || policy.Requirements is not [DenyAnonymousAuthorizationRequirement])
        {
            return Every(context).AuthorizeAsync(policy, authenticationResult, context, resource);
        }

        return context.User.Identities.Any(static identity => identity.IsAuthenticated) ? Admitted : Challenged;
    }

    private static PolicyEvaluator Every(HttpContext context) => new(context.RequestServices.GetRequiredService<IAuthorizationService>());
}
