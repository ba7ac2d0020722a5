using System.Text;
using System.Text.Json;

namespace Notary.Cli.Tests;

/// <summary>The verbs about people's accounts, against a real server.</summary>
public class AccountTests
{
    [Fact]
    public async Task A_development_login_prints_a_link_that_signs_in_once_and_setup_refuses_where_administrators_are()
    {
        using var work = new Workspace();
        using ServerHost server = await ServerHost.StartAsync(work.Root);
        string link = (await CliProcess.RunAsync(work.Root, "dev", "login", "court-officer")).AssertExit(0).Output.Trim();
        Assert.StartsWith(server.Credential.Server.GetLeftPart(UriPartial.Authority) + "/sign-in#link=", link, StringComparison.Ordinal);
        using var browser = new HttpClient { BaseAddress = server.Credential.Server };
        Assert.Equal("court-officer", await SignInAsync(browser, link));
        Assert.Equal("", await SignInAsync(browser, link));
        (await CliProcess.RunAsync(work.Root, "dev", "login", "emperor")).AssertRefused(65, "account-refused");
        string documents = work.Write("documents", "D1\nD2\nD3\n");
        (await CliProcess.RunAsync(work.Root, "account", "setup", "--system", "a.one", "--security", "a.two", "--audit", "a.three", "--documents", documents)).AssertRefused(65, "account-refused");
        (await CliProcess.RunAsync(work.Root, "account", "setup", "--system", "a.one", "--security", "a.two", "--audit", "a.three", "--documents", work.Write("two", "D1\nD2\n"))).AssertRefused(65, "documents-missing");
        (await CliProcess.RunAsync(work.Root, "dev", "login", "citizen", "--data", work.PathOf("elsewhere"))).AssertRefused(66, "no-operator-secret");
        File.WriteAllText(Path.Combine(server.Data, "operator.secret"), new string('A', 43));
        (await CliProcess.RunAsync(work.Root, "dev", "login", "citizen")).AssertRefused(77, "setup-refused");
    }

    // The role of the session that the link opens; empty when it opens none.
    private static async Task<string> SignInAsync(HttpClient browser, string link)
    {
        using var content = new StringContent(JsonSerializer.Serialize(new { link = link.Split("#link=")[1] }), Encoding.UTF8, "application/json");
        content.Headers.ContentType!.CharSet = null;
        using HttpResponseMessage answer = await browser.PostAsync("api/session/link", content);
        if (!answer.IsSuccessStatusCode)
        {
            return "";
        }

        using JsonDocument session = JsonDocument.Parse(await browser.GetStringAsync("api/session"));
        return session.RootElement.GetProperty("role").GetString()!;
    }
}
