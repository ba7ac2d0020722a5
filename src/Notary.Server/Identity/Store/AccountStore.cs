using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;

namespace Notary.Server.Identity.Store;

/// <summary>Identity's store over <see cref="IdentityContext"/>, with the secrets of factors encrypted.</summary>
internal sealed class AccountStore(IdentityContext context, IdentityKeys keys, IdentityErrorDescriber describer) : UserOnlyStore<Account, IdentityContext, Guid>(context, describer)
{
    /// <inheritdoc/>
    public override Task SetTokenAsync(Account user, string loginProvider, string name, string? value, CancellationToken cancellationToken) =>
        base.SetTokenAsync(user, loginProvider, name, value is null ? null : keys.Seal(user.Id, $"{loginProvider}/{name}", value), cancellationToken);

    /// <inheritdoc/>
    public override async Task<string?> GetTokenAsync(Account user, string loginProvider, string name, CancellationToken cancellationToken) =>
        await base.GetTokenAsync(user, loginProvider, name, cancellationToken) is { } value ? keys.Unseal(user.Id, $"{loginProvider}/{name}", value) : null;
}
