using System.Text.Json.Nodes;
using Notary.Server.Identity.People;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity;

/// <summary>Accounts, factors and sessions of a running server, as a browser sees them; on SQLite and on PostgreSQL.</summary>
public abstract class PeopleTests(IServerOfPeople people)
{
    private const string Password = "Correct-Horse-7-Battery";

    private ServerProcess Server => people.Server;

    [Fact]
    public async Task A_citizen_registers_with_password_and_code_and_signs_in_with_both_and_not_with_one()
    {
        using var person = new Person(Server.Address);
        await person.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
        await person.GoodAsync(HttpMethod.Post, "/api/register", new { name = "wang.fang" });
        JsonNode enrolling = await person.GoodAsync(HttpMethod.Get, "/api/session");
        Assert.True(enrolling["enrolling"]!.GetValue<bool>());
        await person.RefusedAsync("factor-refused", HttpMethod.Post, "/api/factors/password", new { password = "alllowercaseletters" });
        await person.RefusedAsync("factor-refused", HttpMethod.Post, "/api/factors/code", new { code = "000000" }, "password-first");
        string key = await person.EnrolAsync(Password);

        // The session of enrolling has ended with it.
        await person.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "wang.fang", password = Password + "x" });
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "nobody.here", password = Password });
        string code = Person.Code(key);
        await person.SignInAsync("wang.fang", Password, code);
        JsonNode session = await person.GoodAsync(HttpMethod.Get, "/api/session");
        Assert.Equal("citizen", session["role"]!.GetValue<string>());
        Assert.Equal(["pwd", "otp", "mfa"], session["methods"]!.AsArray().Select(static m => m!.GetValue<string>()));

        // A code is accepted once; a ticket too.
        using var thief = new Person(Server.Address);
        string ticket = (await thief.GoodAsync(HttpMethod.Post, "/api/session/password", new { name = "wang.fang", password = Password }))["ticket"]!.GetValue<string>();
        foreach (string again in new[] { code, "+" + code, " " + code, "0" + code, code + " ", code + "\0" })
        {
            await thief.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/code", new { ticket, code = again });
            ticket = (await thief.GoodAsync(HttpMethod.Post, "/api/session/password", new { name = "wang.fang", password = Password }))["ticket"]!.GetValue<string>();
            if (again == " " + code)
            {
                // Before the account rests.
                break;
            }
        }

        await thief.GoodAsync(HttpMethod.Post, "/api/session/code", new { ticket, code = Person.Code(key, 1) });
        await thief.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/code", new { ticket, code = Person.Code(key, 2) });

        // Two devices; one signs the other out, and its cookie is worth nothing from then on.
        JsonArray devices = (await person.GoodAsync(HttpMethod.Get, "/api/sessions"))["sessions"]!.AsArray();
        Assert.Equal(2, devices.Count);
        string other = devices.Single(static d => !d!["current"]!.GetValue<bool>())!["id"]!.GetValue<string>();
        await person.GoodAsync(HttpMethod.Delete, $"/api/sessions/{other}");
        await thief.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
        await person.RefusedAsync("session-not-found", HttpMethod.Delete, $"/api/sessions/{other}");
        await person.GoodAsync(HttpMethod.Delete, "/api/session");
        await person.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
    }

    [Fact]
    public async Task Many_guesses_at_once_are_each_counted_and_audited_and_end_in_no_fault()
    {
        using var person = new Person(Server.Address);
        await person.GoodAsync(HttpMethod.Post, "/api/register", new { name = "wu.guessed" });
        await person.EnrolAsync(Password);
        using Person audit = await Person.OfAsync(Server, "audit-administrator");
        long before = await NewestAsync(audit);
        string[] codes = await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ =>
        {
            using HttpResponseMessage answer = await person.SendAsync(HttpMethod.Post, "/api/session/password", new { name = "wu.guessed", password = "Wrong-Password-1" });
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"]!.GetValue<string>();
        }));
        Assert.All(codes, static code => Assert.Contains(code, new[] { "sign-in-refused", "sign-in-busy" }));
        Assert.True(codes.Count(static code => code == "sign-in-refused") >= 5, string.Join(' ', codes));
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "wu.guessed", password = Password });
        JsonArray rows = (await audit.GoodAsync(HttpMethod.Get, $"/api/audit?after={before}"))["rows"]!.AsArray();
        int refused = rows.Count(static r => r!["event"]!.GetValue<string>() == "sign-in" && r["refused"]!.GetValue<string>() is "password" or "locked");
        Assert.True(refused >= codes.Count(static code => code == "sign-in-refused"), rows.ToJsonString());
    }

    [Fact]
    public async Task A_request_that_was_under_way_when_the_account_was_recovered_changes_nothing_and_old_links_are_void()
    {
        using Person system = await Person.OfAsync(Server, "system-administrator");
        using Person security = await Person.OfAsync(Server, "security-administrator");
        JsonNode act = await system.GoodAsync(HttpMethod.Post, "/api/accounts", new { name = "judge.slow", role = "court-officer", organisation = "Court", document = "440100198001010020", reason = "new" });
        string first = await ConfirmAsync(security, act);
        using var thief = new Person(Server.Address);
        await thief.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = first, pin = act["pin"]!.GetValue<string>() });

        // The head of a request is here, its body comes later.
        byte[] body = System.Text.Encoding.UTF8.GetBytes($$"""{"password":"{{Password}}"}""");
        using var tcp = new System.Net.Sockets.TcpClient("localhost", Server.Address.Port) { ReceiveTimeout = 30_000 };
        System.Net.Sockets.NetworkStream stream = tcp.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant(
            $"POST /api/factors/password HTTP/1.1\r\nHost: localhost:{Server.Address.Port}\r\nConnection: close\r\nCookie: {thief.Cookies.GetCookieHeader(Server.Address)}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n")));
        await Task.Delay(300);
        JsonNode recovery = await system.GoodAsync(HttpMethod.Post, $"/api/accounts/{act["account"]!.GetValue<string>()}/recover", new { reason = "the link went astray" });
        string second = await ConfirmAsync(security, recovery);
        await stream.WriteAsync(body);
        using var reader = new StreamReader(stream);
        Assert.Contains("session-needed", await reader.ReadToEndAsync(), StringComparison.Ordinal);
        await thief.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link = first, pin = act["pin"]!.GetValue<string>() });

        // The link alone is not enough, and neither is a guess of the PIN, of which there are five.
        using var judge = new Person(Server.Address);
        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link = second });
        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link = second, pin = "00000000x" });
        await judge.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = second, pin = recovery["pin"]!.GetValue<string>() });
        JsonNode third = await system.GoodAsync(HttpMethod.Post, $"/api/accounts/{act["account"]!.GetValue<string>()}/recover", new { reason = "again" });
        string link = await ConfirmAsync(security, third);
        for (int guess = 0; guess < 5; guess++)
        {
            await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link, pin = "x" });
        }

        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link, pin = third["pin"]!.GetValue<string>() });
    }

    [Fact]
    public async Task An_account_rests_after_five_wrong_passwords_and_the_right_one_is_refused_alike()
    {
        using var person = new Person(Server.Address);
        await person.GoodAsync(HttpMethod.Post, "/api/register", new { name = "zhou.locked" });
        await person.EnrolAsync(Password);
        for (int attempt = 0; attempt < 5; attempt++)
        {
            await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "zhou.locked", password = "Wrong-Password-1" });
        }

        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "zhou.locked", password = Password });
    }

    [Fact]
    public async Task A_passkey_enrols_and_signs_in_and_what_is_wrong_with_one_is_refused()
    {
        string origin = Server.Address.GetLeftPart(UriPartial.Authority);
        using var person = new Person(Server.Address);
        using var passkey = new SoftwareAuthenticator(origin);
        await person.GoodAsync(HttpMethod.Post, "/api/register", new { name = "liu.yang" });

        async Task<object> CreationAsync()
        {
            JsonNode begun = await person.GoodAsync(HttpMethod.Post, "/api/factors/passkey/options", new { });
            return new { ticket = begun["ticket"]!.GetValue<string>(), credential = passkey.Create(begun["options"]!), name = "telephone" };
        }

        passkey.Verifies = false;
        await person.RefusedAsync("factor-refused", HttpMethod.Post, "/api/factors/passkey", await CreationAsync());
        passkey.Verifies = true;
        passkey.Origin = "http://localhost.example";
        await person.RefusedAsync("factor-refused", HttpMethod.Post, "/api/factors/passkey", await CreationAsync(), "passkey");
        passkey.Origin = origin;
        object good = await CreationAsync();
        await person.GoodAsync(HttpMethod.Post, "/api/factors/passkey", good);

        async Task<object> AssertionAsync()
        {
            JsonNode begun = await person.GoodAsync(HttpMethod.Post, "/api/session/passkey/options", new { });
            return new { ticket = begun["ticket"]!.GetValue<string>(), credential = passkey.Get(begun["options"]!) };
        }

        passkey.Verifies = false;
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/passkey", await AssertionAsync());
        passkey.Verifies = true;
        passkey.Origin = "https://evil.example";
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/passkey", await AssertionAsync());
        passkey.Origin = origin;
        object assertion = await AssertionAsync();
        await person.GoodAsync(HttpMethod.Post, "/api/session/passkey", assertion);
        Assert.Equal(["hwk", "user", "mfa"], (await person.GoodAsync(HttpMethod.Get, "/api/session"))["methods"]!.AsArray().Select(static m => m!.GetValue<string>()));
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/passkey", assertion);

        JsonNode factors = await person.GoodAsync(HttpMethod.Get, "/api/factors");
        Assert.Equal("telephone", factors["passkeys"]!.AsArray().Single()!["name"]!.GetValue<string>());
        await person.RefusedAsync("last-factor", HttpMethod.Delete, $"/api/factors/passkey/{passkey.Id}");
        await person.RefusedAsync("factor-not-found", HttpMethod.Delete, "/api/factors/passkey/AAAA");
    }

    [Fact]
    public async Task An_account_takes_two_officers_and_is_recovered_by_two_and_ended_by_one()
    {
        using Person system = await Person.OfAsync(Server, "system-administrator");
        using Person security = await Person.OfAsync(Server, "security-administrator");
        var wanted = new { name = "judge.he", role = "court-officer", organisation = "Guangzhou Internet Court", document = "44010019800101001X", reason = "appointed on 1 November" };
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { role = "emperor" }, "role-unknown");
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { organisation = "" }, "organisation");
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { name = "He" }, "name-malformed");
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { reason = "" }, "reason");
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { reason = "a\0b" }, "reason");
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted with { document = "４４０１００" }, "document");
        JsonNode act = await system.GoodAsync(HttpMethod.Post, "/api/accounts", wanted);
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", wanted, "name-taken");
        string id = act["id"]!.GetValue<string>();
        await system.RefusedAsync("role-not-allowed", HttpMethod.Post, $"/api/acts/{id}/confirm");
        Assert.Contains((await security.GoodAsync(HttpMethod.Get, "/api/acts"))["acts"]!.AsArray(), one => one!["id"]!.GetValue<string>() == id);
        string link = await ConfirmAsync(security, act);
        await security.RefusedAsync("act-decided", HttpMethod.Post, $"/api/acts/{id}/confirm");

        using var judge = new Person(Server.Address);
        string pin = act["pin"]!.GetValue<string>();
        await judge.GoodAsync(HttpMethod.Post, "/api/session/link", new { link, pin });
        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/link", new { link, pin });
        string key = await judge.EnrolAsync(Password);
        await judge.SignInAsync("judge.he", Password, Person.Code(key));
        Assert.Equal("Guangzhou Internet Court", (await judge.GoodAsync(HttpMethod.Get, "/api/session"))["organisation"]!.GetValue<string>());

        // Recovery: by two; the old factors and sessions are gone with it.
        string account = act["account"]!.GetValue<string>();
        JsonNode recovery = await system.GoodAsync(HttpMethod.Post, $"/api/accounts/{account}/recover", new { reason = "telephone lost" });
        JsonNode twice = await system.GoodAsync(HttpMethod.Post, $"/api/accounts/{account}/recover", new { reason = "telephone lost" });
        string second = await ConfirmAsync(security, recovery);
        await security.RefusedAsync("act-decided", HttpMethod.Post, $"/api/acts/{twice["id"]!.GetValue<string>()}/confirm");
        await judge.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "judge.he", password = Password });
        await judge.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = second, pin = recovery["pin"]!.GetValue<string>() });
        key = await judge.EnrolAsync(Password + "2");
        await judge.SignInAsync("judge.he", Password + "2", Person.Code(key));

        await security.GoodAsync(HttpMethod.Post, $"/api/accounts/{account}/disable");
        await judge.RefusedAsync("session-needed", HttpMethod.Get, "/api/session");
        await judge.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "judge.he", password = Password + "2" });
    }

    [Fact]
    public async Task Nobody_holds_two_administrators_roles_nor_decides_about_themselves()
    {
        using Person system = await Person.OfAsync(Server, "system-administrator");
        using Person security = await Person.OfAsync(Server, "security-administrator");
        var one = new { name = "admin.one", role = "system-administrator", document = "110101 19790101 1234", reason = "new" };
        JsonNode act = await system.GoodAsync(HttpMethod.Post, "/api/accounts", one);
        await system.RefusedAsync("account-refused", HttpMethod.Post, "/api/accounts", one with { name = "admin.two", role = "audit-administrator", document = "110101197901011234" }, "administrator-already");
        await security.GoodAsync(HttpMethod.Post, $"/api/acts/{act["id"]!.GetValue<string>()}/refuse");

        string own = (await system.GoodAsync(HttpMethod.Get, "/api/accounts"))["accounts"]!.AsArray().Single(static a => a!["name"]!.GetValue<string>() == "dev-system-administrator")!["id"]!.GetValue<string>();
        await system.RefusedAsync("account-refused", HttpMethod.Post, $"/api/accounts/{own}/recover", new { reason = "me" }, "own");
        string theirs = (await system.GoodAsync(HttpMethod.Get, "/api/accounts"))["accounts"]!.AsArray().Single(static a => a!["name"]!.GetValue<string>() == "dev-security-administrator")!["id"]!.GetValue<string>();
        string recovery = (await system.GoodAsync(HttpMethod.Post, $"/api/accounts/{theirs}/recover", new { reason = "lost" }))["id"]!.GetValue<string>();
        await security.RefusedAsync("same-officer", HttpMethod.Post, $"/api/acts/{recovery}/confirm");
        await security.RefusedAsync("account-not-found", HttpMethod.Post, $"/api/accounts/{theirs}/disable");

        // A person with two accounts is one officer; and what was refused is not enabled.
        JsonNode self = await system.GoodAsync(HttpMethod.Post, "/api/accounts", new { name = "same.person", role = "court-officer", organisation = "Court", document = "DEVELOPMENT 10", reason = "new" });
        await security.RefusedAsync("same-officer", HttpMethod.Post, $"/api/acts/{self["id"]!.GetValue<string>()}/confirm");
        await system.RefusedAsync("account-refused", HttpMethod.Post, $"/api/accounts/{act["account"]!.GetValue<string>()}/enable", new { reason = "x" }, "state");

        // Nobody is left who could read the trail.
        string auditor = (await system.GoodAsync(HttpMethod.Get, "/api/accounts"))["accounts"]!.AsArray().Single(static a => a!["name"]!.GetValue<string>() == "dev-audit-administrator")!["id"]!.GetValue<string>();
        await security.RefusedAsync("account-refused", HttpMethod.Post, $"/api/accounts/{auditor}/disable", reason: "last-administrator");
    }

    [Fact]
    public async Task The_trail_says_what_was_tried_and_holds_no_name_that_was_typed()
    {
        using Person audit = await Person.OfAsync(Server, "audit-administrator");
        using var person = new Person(Server.Address);
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "marked-7f3a9c", password = "Marked-Password-7f3a9c" });
        long after = 0;
        var rows = new List<JsonNode>();
        for (JsonArray page; (page = (await ReadAsync())["rows"]!.AsArray()).Count > 0 && rows.Count < 5_000; after = page.Last()!["number"]!.GetValue<long>())
        {
            rows.AddRange(page!);
            if (page.Count < 200)
            {
                break;
            }
        }

        Assert.Contains(rows, static r => r["event"]!.GetValue<string>() == "sign-in" && r["refused"]!.GetValue<string>() == "name");
        Assert.Contains(rows, static r => r["event"]!.GetValue<string>() == "development-link");
        Assert.DoesNotContain(rows, static r => r.ToJsonString().Contains("7f3a9c", StringComparison.OrdinalIgnoreCase));

        async Task<JsonNode> ReadAsync()
        {
            JsonNode page = await audit.GoodAsync(HttpMethod.Get, $"/api/audit?after={after}");
            Assert.True(page["intact"]!.GetValue<bool>());
            return page;
        }
    }

    [Fact]
    public async Task What_a_proxy_passes_on_is_refused_where_none_is_expected_and_odd_characters_end_in_no_fault()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/session");
        request.Headers.Add("X-Forwarded-For", "192.0.2.1");
        using HttpResponseMessage answer = await Server.Client.SendAsync(request);
        await ServerFixture.ProblemAsync(answer, "proxy-unexpected");
        using var person = new Person(Server.Address);
        await person.RefusedAsync("sign-in-refused", HttpMethod.Post, "/api/session/password", new { name = "a\0b", password = Password });
        await person.RefusedAsync("account-refused", HttpMethod.Post, "/api/register", new { name = "a\0b" }, "name-malformed");
        await person.RefusedAsync("account-refused", HttpMethod.Post, "/api/register", new { name = "dev-somebody" }, "name-malformed");
    }

    private static async Task<string> ConfirmAsync(Person officer, JsonNode act) =>
        (await officer.GoodAsync(HttpMethod.Post, $"/api/acts/{act["id"]!.GetValue<string>()}/confirm"))["link"]!.GetValue<string>();

    private static async Task<long> NewestAsync(Person audit)
    {
        long after = 0;
        while ((await audit.GoodAsync(HttpMethod.Get, $"/api/audit?after={after}"))["rows"]!.AsArray() is { Count: > 1 } page)
        {
            after = page.Last()!["number"]!.GetValue<long>();
        }

        return after;
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", true)]
    [InlineData("Sec-Fetch-Site", "same-site", true)]
    [InlineData("Sec-Fetch-Site", "same-origin", false)]
    [InlineData("Origin", "https://evil.example", true)]
    [InlineData("Origin", "null", true)]
    public async Task What_another_sites_page_sends_is_refused(string header, string value, bool refused)
    {
        using Person citizen = await Person.OfAsync(Server, "citizen");
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/api/session");
        request.Headers.TryAddWithoutValidation(header, value);
        using HttpResponseMessage answer = await citizen.Client.SendAsync(request);
        Assert.Equal(refused ? 403 : 204, (int)answer.StatusCode);
        Assert.Equal(!refused, (int)(await citizen.SendAsync(HttpMethod.Get, "/api/session")).StatusCode == 401);
    }

    [Fact]
    public async Task The_operator_proves_to_have_the_machine_and_sets_up_only_once()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/operator/login-link") { Content = Person.JsonOf(new { role = "citizen" }) };
        request.Headers.Authorization = new("Bearer", new string('A', 43));
        using HttpResponseMessage wrong = await Server.Client.SendAsync(request);
        await ServerFixture.ProblemAsync(wrong, "setup-refused");
        using HttpRequestMessage again = Person.OperatorRequest(Server, "/api/operator/setup", new { accounts = Roles.All.Where(static r => r.IsAdministrator()).Select(static r => new { name = $"x{(int)r}.admin", role = r.Name(), document = r.Name() }) });
        using HttpResponseMessage answer = await Server.Client.SendAsync(again);
        Assert.Equal("done", (await ServerFixture.ProblemAsync(answer, "account-refused")).GetProperty("reason").GetString());
    }
}

/// <summary>A server for <see cref="PeopleTests"/>.</summary>
public interface IServerOfPeople
{
    internal ServerProcess Server { get; }
}

/// <summary>Identity tables in the data folder.</summary>
public sealed class PeopleInFile : PeopleTests, IClassFixture<PeopleInFile.Fixture>
{
    public PeopleInFile(Fixture fixture)
        : base(fixture)
    {
    }

    public sealed class Fixture : PeopleFixture;
}

/// <summary>Identity tables in PostgreSQL.</summary>
public sealed class PeopleInPostgres : PeopleTests, IClassFixture<PeopleInPostgres.Fixture>
{
    public PeopleInPostgres(Fixture fixture)
        : base(fixture)
    {
    }

    public sealed class Fixture : PeopleFixture
    {
        private protected override string? Connection => Chain.Tests.Postgres.PostgresCluster.Shared.Database("people");
    }
}

/// <summary>A server with limits wide enough for tests.</summary>
public abstract class PeopleFixture : IServerOfPeople, IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private ServerProcess? _server;

    ServerProcess IServerOfPeople.Server => _server!;

    private protected virtual string? Connection => null;

    public async Task InitializeAsync()
    {
        string file = "";
        if (Connection is { } connection)
        {
            file = _folder.File("connection");
            await File.WriteAllTextAsync(file, connection + "\n");
        }

        _server = await ServerProcess.StartReadyAsync(_folder.File("data"), ("Notary__People__SignInsPerMinute", "100000"), ("Notary__People__ConnectionFile", file));
    }

    public async Task DisposeAsync() => await _server!.DisposeAsync();

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }
}
