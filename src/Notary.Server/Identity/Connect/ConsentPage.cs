using Notary.Server.Identity.People;
using Notary.Server.Portal;

namespace Notary.Server.Identity.Connect;

/// <summary>The page on which a person allows a web application something, or refuses; and the page of a request that cannot be answered. Without a script.</summary>
internal static class ConsentPage
{
    /// <summary>Shows who asks for what.</summary>
    /// <param name="ticket">What the form carries: good once, for this person.</param>
    public static Task ShowAsync(HttpContext http, AuthorizationRequest request, Client client, PersonIdentity person, string ticket)
    {
        HomeTexts t = HomeTexts.Of(http.Request);
        bool zh = IsChinese(t);
        var redirect = new Uri(request.RedirectUri);
        string heading = zh ? "授权应用" : "Allow an application";
        string name = HomePage.Encode(client.Name);
        return WriteAsync(http, t, StatusCodes.Status200OK, heading, redirect.GetLeftPart(UriPartial.Authority), $"""
            <h1>{heading}</h1>
            <div class="sign-in">
            <section class="card"><h2>{name}</h2>
            <p>{(zh ? $"该应用位于 {HomePage.Encode(redirect.Authority)}，请求以下权限：" : $"The application at {HomePage.Encode(redirect.Authority)} asks for:")}</p>
            <ul>{string.Concat(request.Scope.Select(scope => $"<li>{Describe(scope, zh)}</li>"))}</ul>
            <p>{(zh ? $"您以 {HomePage.Encode(person.AccountName)} 的身份登录。该应用不会得到您的密码或通行密钥。" : $"You are signed in as {HomePage.Encode(person.AccountName)}. The application does not get your password or passkey.")}</p>
            <form method="post" action="/connect/authorize">
            <input type="hidden" name="ticket" value="{HomePage.Encode(ticket)}">
            <div><button class="primary" type="submit" name="decision" value="allow">{(zh ? "允许" : "Allow")}</button>
            <button type="submit" name="decision" value="refuse">{(zh ? "拒绝" : "Refuse")}</button></div>
            </form></section>
            </div>
            """);
    }

    /// <summary>Says why a request is not answered to where it wants to be.</summary>
    public static Task RefuseAsync(HttpContext http, string reason)
    {
        HomeTexts t = HomeTexts.Of(http.Request);
        bool zh = IsChinese(t);
        string heading = zh ? "无法处理该请求" : "This request cannot be answered";
        string sentence = (reason, zh) switch
        {
            ("resume", false) => "The request has been waiting for too long. Go back to the application and begin again.",
            ("resume", true) => "该请求等待时间过长。请返回应用重新开始。",
            ("client", false) => "This platform does not know the application that sent you here. You have not been signed in anywhere, and nothing was passed on.",
            ("client", true) => "本平台不认识将您带到此处的应用。您未在任何地方登录，也没有传出任何信息。",
            (_, false) => "The application did not name an address of its own to come back to. Nothing was passed on.",
            (_, true) => "该应用给出的返回地址不属于它自己。没有传出任何信息。",
        };
        return WriteAsync(http, t, StatusCodes.Status400BadRequest, heading, "", $"<h1>{heading}</h1><p class=\"lead\">{sentence}</p>");
    }

    private static Task WriteAsync(HttpContext http, HomeTexts t, int status, string heading, string formTarget, string main)
    {
        SecurityHeaders.Set(http, formTarget);
        http.Response.StatusCode = status;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.ContentLanguage = t.Language;
        http.Response.ContentType = "text/html; charset=utf-8";
        string path = HomePage.Encode(http.Request.Path + WithoutLanguage(http.Request.QueryString.Value ?? ""));
        return http.Response.WriteAsync(HomePage.Frame(t, heading, path, "", main));
    }

    private static string WithoutLanguage(string query)
    {
        string[] kept = [.. query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Where(static p => !p.StartsWith("lang=", StringComparison.Ordinal))];
        return kept.Length == 0 ? "" : "?" + string.Join('&', kept);
    }

    private static string Describe(string scope, bool zh) => scope switch
    {
        Scopes.OpenId => zh ? "确认您是本平台的哪个账户" : "to know which account of this platform you are",
        Scopes.Profile => zh ? "查看您的账户名、角色和所属机构" : "to see the name, role and organisation of your account",
        Scopes.OfflineAccess => zh ? "在您离开后仍保持授权，直至到期" : "to keep this permission when you are gone, until it expires",
        Scopes.DataRead => zh ? "在另行授权的范围内读取个人数据" : "to read personal data, as far as that is granted separately",
        _ => HomePage.Encode(scope),
    };

    private static bool IsChinese(HomeTexts t) => t.Language.StartsWith("zh", StringComparison.Ordinal);
}
