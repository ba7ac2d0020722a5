using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Notary.Server.Identity.People;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity;

/// <summary>Who may call which address: the table in <c>access.tsv</c>, each cell over HTTP.</summary>
[Collection(OneServer.Name)]
public sealed class AccessTests(ServerFixture server)
{
    private sealed record Row(string Method, string Path, string Who, long? Body, string Rate)
    {
        public string Address => $"{Method} {Path}";

        public string Url => Path.Replace("{chain}", "beijing", StringComparison.Ordinal).Replace("{path}", "0/000", StringComparison.Ordinal).Replace("{version}", "1", StringComparison.Ordinal)
            .Replace("{id}", "0195503f-0000-7000-8000-000000000000", StringComparison.Ordinal).Replace("{name}", "nothing", StringComparison.Ordinal);
    }

    private static readonly string[] Denials = ["unauthenticated", "session-needed", "role-not-allowed", "setup-refused"];

    private static readonly Row[] Table =
    [
        .. File.ReadLines(Path.Combine(ServerProcess.Repository, "tests", "Notary.Server.Tests", "Identity", "access.tsv")).Where(static line => !line.StartsWith('#')).Select(static line => line.Split('\t'))
            .Select(static cells => new Row(cells[0], cells[1], cells[2], cells[3] == "-" ? null : long.Parse(cells[3], CultureInfo.InvariantCulture), cells[4])),
    ];

    [Fact]
    public async Task Every_address_of_the_server_is_in_the_table()
    {
        JsonElement document = JsonDocument.Parse(await server.Anyone.GetStringAsync("/openapi/v1.json")).RootElement;
        IEnumerable<string> listed = document.GetProperty("paths").EnumerateObject().SelectMany(static p => p.Value.EnumerateObject(), static (p, m) => $"{m.Name.ToUpperInvariant()} {p.Name}");
        string[] pages = ["GET /", "GET /assets/{name}", "GET /sign-in", "GET /openapi/v1.json", "GET /connect/authorize", "POST /connect/authorize"];
        Assert.Equal(listed.Concat(pages).Order(StringComparer.Ordinal), Table.Select(static row => row.Address).Order(StringComparer.Ordinal));
        Assert.All(Table.Where(static row => row.Who == "anyone" && row.Body is not null), static row => Assert.NotEqual("-", row.Rate));
    }

    [Fact]
    public async Task Each_caller_gets_exactly_where_the_table_says()
    {
        var callers = new Dictionary<string, HttpClient> { ["anonymous"] = server.Anyone, ["agency"] = server.Agency };
        foreach (Role role in Roles.All)
        {
            callers[role.Name()] = (await Person.OfAsync(server.Server, role.Name())).Client;
        }

        using var enrolling = new Person(server.Server.Address);
        await enrolling.GoodAsync(HttpMethod.Post, "/api/register", new { name = "access-enrolling" });
        callers["enrolling"] = enrolling.Client;
        Person ended = await Person.OfAsync(server.Server, "citizen");
        string cookie = ended.Cookies.GetCookieHeader(server.Server.Address);
        await ended.GoodAsync(HttpMethod.Delete, "/api/session");
        ended.Dispose();
        using var stale = new HttpClient { BaseAddress = server.Server.Address };
        stale.DefaultRequestHeaders.Add("Cookie", cookie);
        callers["ended"] = stale;

        int cells = 0;
        foreach (Row row in Table)
        {
            foreach ((string caller, HttpClient client) in callers)
            {
                // Signing out is asserted with a session of its own, which is gone afterwards.
                bool person = Roles.Parse(caller) is not null;
                using Person? own = row.Address == "DELETE /api/session" && person ? await Person.OfAsync(server.Server, caller) : null;
                if (row.Address == "DELETE /api/session" && caller == "enrolling")
                {
                    continue;
                }

                string expected = Expected(row.Who, caller, person);
                string got = await CodeAsync(own?.Client ?? client, row);
                Assert.True(expected == "" ? !Denials.Contains(got) && got != "internal" : got == expected, $"{row.Address} as {caller}: {got}, not {(expected == "" ? "let through" : expected)}");
                cells++;
            }
        }

        await enrolling.GoodAsync(HttpMethod.Delete, "/api/session");
        Assert.Equal((Table.Length * callers.Count) - 1, cells);
        foreach (string role in Roles.All.Select(static r => r.Name()))
        {
            callers[role].Dispose();
        }
    }

    [Fact]
    public async Task A_body_larger_than_the_table_says_is_refused_unread()
    {
        using Person system = await Person.OfAsync(server.Server, "system-administrator");
        using Person citizen = await Person.OfAsync(server.Server, "citizen");
        foreach (Row row in Table.Where(static row => row.Body is not null && row.Method != "DELETE"))
        {
            string credential = row.Who switch
            {
                "agency" => $"Authorization: Bearer {ServerFixture.SecretOf(server.Server)}",
                "operator" => $"Authorization: Bearer {File.ReadAllText(Path.Combine(server.Server.Data, "operator.secret")).Trim()}",
                "anyone" => "Accept: */*",
                "session" => $"Cookie: {citizen.Cookies.GetCookieHeader(server.Server.Address)}",
                _ => $"Cookie: {system.Cookies.GetCookieHeader(server.Server.Address)}",
            };
            JsonElement problem = await AnnounceAsync(row, credential, row.Body!.Value + 1);
            Assert.True(problem.GetProperty("code").GetString() == "too-large", $"{row.Address}: {problem}");
        }
    }

    [Fact]
    public async Task What_the_table_limits_is_limited_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        string[] limits = ["LookupsPerMinute", "VerifyPerMinute"];
        await using ServerProcess small = await ServerProcess.StartReadyAsync(
            folder.File("data"), [.. limits.Select(static l => ($"Notary__Limits__{l}", "5")), ("Notary__People__SignInsPerMinute", "5"), ("Notary__Connect__RequestsPerMinute", "5")]);
        using HttpClient agency = ServerFixture.AgencyOf(small);
        using Person citizen = await Person.OfAsync(small, "citizen");
        foreach (Row row in Table.Where(static row => row.Who is "anyone" or "session" or "operator" or "agency" && row.Address != "DELETE /api/session"))
        {
            HttpClient client = row.Who switch { "agency" => agency, "session" => citizen.Client, _ => small.Client };
            bool limited = false;
            for (int call = 0; call < 7 && !limited; call++)
            {
                limited = await CodeAsync(client, row) == "rate-limited";
            }

            Assert.True(limited == (row.Rate != "-"), $"{row.Address}: {(limited ? "limited" : "not limited")}");
        }
    }

    // What the table says that a caller is refused with; empty: nothing.
    private static string Expected(string who, string caller, bool person) => who switch
    {
        "anyone" => "",
        "agency" => caller == "agency" ? "" : "unauthenticated",
        "operator" => "setup-refused",
        "token" => "unauthenticated",
        "session" => person || caller == "enrolling" ? "" : "session-needed",
        "person" => person ? "" : caller == "enrolling" ? "role-not-allowed" : "session-needed",
        _ => who.Split(' ').Contains(caller) ? "" : person || caller == "enrolling" ? "role-not-allowed" : "session-needed",
    };

    private static string TypeOf(Row row) => row.Path switch { "/api/evidence/batch" => "application/x-ndjson", "/api/verify" => "application/zip", "/api/trust" => "text/plain", _ when row.Path.StartsWith("/connect/", StringComparison.Ordinal) => "application/x-www-form-urlencoded", _ => "application/json" };

    private static async Task<string> CodeAsync(HttpClient client, Row row)
    {
        using var request = new HttpRequestMessage(new HttpMethod(row.Method), row.Url);
        if (row.Method is "POST" or "PUT")
        {
            request.Content = new StringContent("{}", Encoding.UTF8, new MediaTypeHeaderValue(TypeOf(row)));
        }

        // An event stream has no end: its head is answer enough.
        using HttpResponseMessage answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (row.Path is "/connect/token" or "/connect/revocation" && answer.Content.Headers.ContentType?.MediaType == "application/json")
        {
            // Errors of these are RFC 6749's: nobody is let in without an assertion, and whoever asks is told so.
            Assert.Equal("invalid_client", JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetString());
            return "";
        }

        if (answer.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            Assert.True(answer.StatusCode < HttpStatusCode.BadRequest || answer.StatusCode == HttpStatusCode.NotFound || row.Path.StartsWith("/health/", StringComparison.Ordinal), $"{row.Address}: {answer.StatusCode} without a problem");
            return "";
        }

        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("code").GetString()!;
    }

    // A length is announced and nothing of it sent: the answer does not wait for it.
    private async Task<JsonElement> AnnounceAsync(Row row, string credential, long length)
    {
        using var tcp = new TcpClient("localhost", server.Server.Address.Port) { ReceiveTimeout = 30_000 };
        NetworkStream stream = tcp.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"{row.Method} {row.Url} HTTP/1.1\r\nHost: localhost:{server.Server.Address.Port}\r\nConnection: close\r\n{credential}\r\nContent-Type: {TypeOf(row)}\r\nContent-Length: {length}\r\n\r\n")));
        var text = new StringBuilder();
        byte[] buffer = new byte[4_096];
        for (int read; !text.ToString().EndsWith('}') && (read = stream.Read(buffer)) > 0;)
        {
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }

        string answer = text.ToString();
        Assert.Contains("{", answer, StringComparison.Ordinal);
        return JsonDocument.Parse(answer[answer.IndexOf('{', StringComparison.Ordinal)..]).RootElement;
    }
}
