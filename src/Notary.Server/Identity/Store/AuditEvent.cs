namespace Notary.Server.Identity.Store;

/// <summary>What is audited. The names are stored and stay; the list grows.</summary>
internal static class AuditEvent
{
    public const string SignIn = "sign-in";
    public const string SignOut = "sign-out";
    public const string SessionEnd = "session-end";
    public const string LinkUse = "link-use";
    public const string Register = "register";
    public const string PasskeyBegin = "passkey-begin";
    public const string PasskeyAdd = "passkey-add";
    public const string PasskeyRemove = "passkey-remove";
    public const string PasswordSet = "password-set";
    public const string CodeBegin = "code-begin";
    public const string CodeAdd = "code-add";
    public const string AccountPropose = "account-propose";
    public const string AccountDisable = "account-disable";
    public const string ActConfirm = "act-confirm";
    public const string ActRefuse = "act-refuse";
    public const string Setup = "setup";
    public const string OperatorRefused = "operator-refused";
    public const string DevelopmentLink = "development-link";
    public const string AuditRead = "audit-read";
    public const string TokenKey = "token-key";
    public const string TokenIssue = "token-issue";
    public const string TokenUse = "token-use";
    public const string TokenRevoke = "token-revoke";
    public const string ClientAllow = "client-allow";
}
