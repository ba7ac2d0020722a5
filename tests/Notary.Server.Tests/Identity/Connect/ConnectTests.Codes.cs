using System.Net;
using System.Text.Json.Nodes;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity.Connect;

/// <summary>Authorization, consent, codes, refresh tokens, revocation, userinfo.</summary>
public abstract partial class ConnectTests
{
    [Theory]
    [InlineData("court-portal")]
    [InlineData("sm-portal")]
    [InlineData("other-portal")]
    public async Task Core_3_1_2_and_Rfc9207_2_a_person_allows_and_the_client_learns_who_it_is(string client)
    {
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        string account = (await citizen.GoodAsync(HttpMethod.Get, "/api/session"))["account"]!.GetValue<string>();
        string query = OAuth.AuthorizeQuery(client, "openid");
        using HttpResponseMessage page = await citizen.Client.GetAsync(query);
        string policy = page.Headers.GetValues("Content-Security-Policy").Single();
        Assert.Contains("form-action 'self' https://court.example;", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Contains($"Portal &lt;{client}&gt;", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using HttpResponseMessage decided = await OAuth.DecideAsync(citizen, await OAuth.TicketAsync(page), "allow");
        Assert.Equal(HttpStatusCode.SeeOther, decided.StatusCode);
        Dictionary<string, string> returned = OAuth.Returned(decided);
        Assert.Equal((Host.Issuer, "st&te"), (returned["iss"], returned["state"]));

        JsonNode tokens = await GoodCodeAsync(client, returned["code"]);
        JsonNode id = OAuth.Read(tokens["id_token"]!.GetValue<string>());
        Assert.Equal((Host.Issuer, client, account, "n-0"), (id["iss"]!.GetValue<string>(), id["aud"]!.GetValue<string>(), id["sub"]!.GetValue<string>(), id["nonce"]!.GetValue<string>()));
        Assert.Equal("urn:notary:acr:development", id["acr"]!.GetValue<string>());
        Assert.Equal(["link", "development"], id["amr"]!.AsArray().Select(static m => m!.GetValue<string>()));
        Assert.InRange(id["auth_time"]!.GetValue<long>(), OAuth.Now - 600, OAuth.Now);
        Assert.Null(tokens["refresh_token"]);

        string access = tokens["access_token"]!.GetValue<string>();
        using HttpResponseMessage info = await OAuth.GetAsync(Host, "/connect/userinfo", "Bearer", access);
        Assert.Equal($$"""{"sub":"{{account}}"}""", await info.Content.ReadAsStringAsync());

        // A person's token is no service account's, and an id token is no access token.
        using HttpResponseMessage deposit = await OAuth.GetAsync(Host, "/api/webhooks", "Bearer", access);
        await ServerFixture.ProblemAsync(deposit, "scope-missing");
        using HttpResponseMessage mixed = await OAuth.GetAsync(Host, "/connect/userinfo", "Bearer", tokens["id_token"]!.GetValue<string>());
        await ServerFixture.ProblemAsync(mixed, "unauthenticated");
    }

    [Fact]
    public async Task Core_3_1_2_3_whoever_is_not_signed_in_signs_in_first_and_comes_back_to_the_same_request()
    {
        using var person = new Person(Host.Server.Address);
        using HttpResponseMessage first = await person.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid profile"));
        Assert.Equal(HttpStatusCode.Redirect, first.StatusCode);
        string location = first.Headers.Location!.OriginalString;
        Assert.StartsWith("/sign-in?return=%2Fconnect%2Fauthorize%3Fresume%3D", location, StringComparison.Ordinal);
        string back = Uri.UnescapeDataString(location["/sign-in?return=".Length..]);
        await person.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = await Person.LinkAsync(Host.Server, "agency-staff") });
        using HttpResponseMessage page = await person.Client.GetAsync(back);
        using HttpResponseMessage decided = await OAuth.DecideAsync(person, await OAuth.TicketAsync(page), "allow");
        JsonNode tokens = await GoodCodeAsync("court-portal", OAuth.Returned(decided)["code"]);
        using HttpResponseMessage info = await OAuth.GetAsync(Host, "/connect/userinfo", "Bearer", tokens["access_token"]!.GetValue<string>());
        Assert.Equal("agency-staff", JsonNode.Parse(await info.Content.ReadAsStringAsync())!["role"]!.GetValue<string>());
    }

    [Fact]
    public async Task Core_3_1_2_1_prompt_and_max_age()
    {
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        using var nobody = new Person(Host.Server.Address);
        Assert.Equal("login_required", await ReturnedErrorAsync(nobody, OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "none"))));
        Assert.Equal("consent_required", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "none"))));
        await OAuth.CodeAsync(citizen, "court-portal", "openid offline_access");
        Assert.Equal("consent_required", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("court-portal", "openid offline_access", ("prompt", "none"))));
        Assert.Equal("consent_required", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("court-portal", "openid profile", ("prompt", "none"))));
        Assert.Equal("consent_required", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("other-portal", "openid", ("prompt", "none"))));
        using HttpResponseMessage silent = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "none")));
        await GoodCodeAsync("court-portal", OAuth.Returned(silent)["code"]);
        Assert.Equal("invalid_request", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "none login"))));

        await Task.Delay(1_100);
        Assert.Equal("login_required", await ReturnedErrorAsync(citizen, OAuth.AuthorizeQuery("court-portal", "openid", ("prompt", "none"), ("max_age", "1"))));
        foreach ((string, string?)[] fresh in new (string, string?)[][] { [("max_age", "1")], [("prompt", "login")] })
        {
            using HttpResponseMessage again = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid", fresh));
            string location = again.Headers.Location!.OriginalString;
            Assert.StartsWith("/sign-in?again=1&return=", location, StringComparison.Ordinal);
            string back = Uri.UnescapeDataString(location["/sign-in?again=1&return=".Length..]);

            // With the old session the person is asked again, whatever the way back.
            using HttpResponseMessage still = await citizen.Client.GetAsync(back);
            Assert.StartsWith("/sign-in?again=1&", still.Headers.Location!.OriginalString, StringComparison.Ordinal);
            await citizen.GoodAsync(HttpMethod.Post, "/api/session/link", new { link = await Person.LinkAsync(Host.Server, "citizen") });
            using HttpResponseMessage page = await citizen.Client.GetAsync(back);
            Assert.Equal(43, (await OAuth.TicketAsync(page)).Length);
        }
    }

    public static TheoryData<string, string?, string, string> WrongRequests => new()
    {
        { "response_type", "token", "unsupported_response_type", "response-type" },
        { "response_type", "code id_token", "unsupported_response_type", "response-type" },
        { "response_type", null, "invalid_request", "response-type" },
        { "response_mode", "fragment", "invalid_request", "response-mode" },
        { "code_challenge", null, "invalid_request", "code-challenge" },
        { "code_challenge", "short", "invalid_request", "code-challenge" },
        { "code_challenge_method", "plain", "invalid_request", "code-challenge" },
        { "code_challenge_method", null, "invalid_request", "code-challenge" },
        { "scope", "openid deposit", "invalid_scope", "scope" },
        { "scope", null, "invalid_scope", "scope" },
        { "request", "eyJ", "request_not_supported", "request" },
        { "request_uri", "https://court.example/r", "request_uri_not_supported", "request-uri" },
        { "prompt", "create", "invalid_request", "prompt" },
        { "max_age", "-1", "invalid_request", "max-age" },
        { "dpop_jkt", "short", "invalid_request", "dpop-jkt" },
    };

    [Theory]
    [MemberData(nameof(WrongRequests))]
    public async Task Rfc6749_4_1_2_1_and_Rfc7636_4_4_1_a_wrong_request_goes_back_to_the_client_with_its_error(string name, string? value, string error, string reason)
    {
        await Host.AuditedAsync();
        using var nobody = new Person(Host.Server.Address);
        using HttpResponseMessage answer = await nobody.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid", (name, value)));
        Dictionary<string, string> returned = OAuth.Returned(answer);
        Assert.Equal((error, "st&te", Host.Issuer), (returned["error"], returned["state"], returned["iss"]));
        await RefusedAsync("client-allow", reason);
    }

    [Theory]
    [InlineData("client_id", "nobody", "client")]
    [InlineData("client_id", null, "client")]
    [InlineData("client_id", "beijing/agency", "client")]
    [InlineData("redirect_uri", "https://court.example/callback", "redirect-uri")]
    [InlineData("redirect_uri", "https://court.example/callback?from=notary&more=1", "redirect-uri")]
    [InlineData("redirect_uri", "https://COURT.example/callback?from=notary", "redirect-uri")]
    [InlineData("redirect_uri", "https://evil.example/", "redirect-uri")]
    [InlineData("redirect_uri", null, "redirect-uri")]
    [InlineData("resume", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "resume")]
    public async Task Rfc6749_3_1_2_4_nothing_is_sent_to_an_address_that_is_not_the_clients_own(string name, string? value, string reason)
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        using HttpResponseMessage answer = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid", (name, value)));
        Assert.Null(answer.Headers.Location);
        JsonNode problem = JsonNode.Parse((await ServerFixture.ProblemAsync(answer, "authorization-refused")).GetRawText())!;
        Assert.Equal(reason, problem["reason"]!.GetValue<string>());
        await RefusedAsync("client-allow", reason);
        using var request = new HttpRequestMessage(HttpMethod.Get, OAuth.AuthorizeQuery("court-portal", "openid", (name, value)));
        request.Headers.Add("Accept", "text/html");
        using HttpResponseMessage page = await citizen.Client.SendAsync(request);
        Assert.Equal((HttpStatusCode.BadRequest, "text/html"), (page.StatusCode, page.Content.Headers.ContentType!.MediaType));
    }

    [Fact]
    public async Task Consent_is_refused_to_the_client_and_a_page_is_good_once_for_its_own_person_and_session()
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        using Person other = await Person.OfAsync(Host.Server, "party");
        using Person elsewhere = await Person.OfAsync(Host.Server, "citizen");
        using HttpResponseMessage page = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid"));
        string ticket = await OAuth.TicketAsync(page);
        using HttpResponseMessage refused = await OAuth.DecideAsync(citizen, ticket, "refuse");
        Assert.Equal("access_denied", OAuth.Returned(refused)["error"]);
        await RefusedAsync("client-allow", "access_denied");
        foreach (Person thief in new[] { citizen, other, elsewhere })
        {
            using HttpResponseMessage again = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid"));
            string stolen = thief == citizen ? ticket : await OAuth.TicketAsync(again);
            using HttpResponseMessage answer = await OAuth.DecideAsync(thief, stolen, "allow");
            await ServerFixture.ProblemAsync(answer, "authorization-refused");
            await RefusedAsync("client-allow", "page-over");
        }

        // Another site's page cannot press the button.
        using HttpResponseMessage fresh = await citizen.Client.GetAsync(OAuth.AuthorizeQuery("court-portal", "openid"));
        using var forged = new HttpRequestMessage(HttpMethod.Post, "/connect/authorize") { Content = new FormUrlEncodedContent([new("ticket", await OAuth.TicketAsync(fresh)), new("decision", "allow")]) };
        forged.Headers.Add("Sec-Fetch-Site", "cross-site");
        using HttpResponseMessage crossed = await citizen.Client.SendAsync(forged);
        await ServerFixture.ProblemAsync(crossed, "cross-site");
    }

    public static TheoryData<string, string> WrongRedemptions => new()
    {
        { "Rfc7636_4_6_wrong verifier", "code-verifier" },
        { "Rfc7636_4_6_no verifier", "code-verifier" },
        { "Rfc7636_4_6_the challenge as verifier (plain)", "code-verifier" },
        { "Rfc6749_4_1_3_another redirect_uri", "redirect-uri" },
        { "Rfc6749_4_1_3_no redirect_uri", "redirect-uri" },
        { "Rfc6749_4_1_3_another client", "of-another-client" },
        { "Rfc6749_5_2_no such code", "unknown" },
        { "Rfc6749_5_2_no code", "unknown" },
    };

    [Theory]
    [MemberData(nameof(WrongRedemptions))]
    public async Task Rfc6749_5_2_a_code_that_does_not_fit_is_invalid_grant_and_good_for_one_attempt(string what, string reason)
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        string code = await OAuth.CodeAsync(citizen, "court-portal", "openid");
        var form = new Dictionary<string, string> { ["grant_type"] = "authorization_code", ["code"] = code, ["redirect_uri"] = ConnectServer.Redirect, ["code_verifier"] = OAuth.Verifier };
        string client = "court-portal";
        switch (what)
        {
            case "Rfc7636_4_6_wrong verifier": form["code_verifier"] = OAuth.Verifier + "x"; break;
            case "Rfc7636_4_6_no verifier": form.Remove("code_verifier"); break;
            case "Rfc7636_4_6_the challenge as verifier (plain)": form["code_verifier"] = OAuth.Challenge; break;
            case "Rfc6749_4_1_3_another redirect_uri": form["redirect_uri"] = "http://127.0.0.1:7/callback"; break;
            case "Rfc6749_4_1_3_no redirect_uri": form.Remove("redirect_uri"); break;
            case "Rfc6749_4_1_3_another client": client = "other-portal"; break;
            case "Rfc6749_5_2_no such code": form["code"] = new string('A', 43); break;
            default: form.Remove("code"); break;
        }

        await ErrorAsync("invalid_grant", client, client, null, [.. form.Select(static f => (f.Key, f.Value))]);
        await RefusedAsync("token-issue", reason);

        // A wrong attempt uses the code up; another client's does not spoil it.
        (HttpStatusCode status, _) = await RedeemAsync("court-portal", code);
        Assert.Equal(reason is "of-another-client" or "unknown" ? HttpStatusCode.OK : HttpStatusCode.BadRequest, status);
    }

    [Fact]
    public async Task Rfc6749_4_1_2_a_code_that_comes_a_second_time_is_refused_and_ends_what_it_gave()
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        string code = await OAuth.CodeAsync(citizen, "court-portal", "openid offline_access");
        JsonNode tokens = await GoodCodeAsync("court-portal", code);
        Assert.Equal(HttpStatusCode.OK, await UserInfoAsync(tokens));
        (HttpStatusCode status, JsonNode body) = await RedeemAsync("court-portal", code);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (status, body["error"]!.GetValue<string>()));
        await RefusedAsync("token-issue", "replayed");
        Assert.Equal(HttpStatusCode.Unauthorized, await UserInfoAsync(tokens));
        (status, _) = await RefreshAsync("court-portal", tokens);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        await RefusedAsync("token-issue", "revoked");
    }

    [Fact]
    public async Task Rfc6749_4_1_2_of_many_redemptions_of_a_code_at_once_exactly_one_wins_and_its_family_ends()
    {
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        string code = await OAuth.CodeAsync(citizen, "court-portal", "openid offline_access");
        (HttpStatusCode Status, JsonNode Body)[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RedeemAsync("court-portal", code)));
        JsonNode winner = Assert.Single(answers, static a => a.Status == HttpStatusCode.OK).Body;
        Assert.Equal(7, answers.Count(static a => a.Status == HttpStatusCode.BadRequest && a.Body["error"]!.GetValue<string>() == "invalid_grant"));
        Assert.Equal(HttpStatusCode.Unauthorized, await UserInfoAsync(winner));
    }

    [Fact]
    public async Task Rfc9700_4_14_2_refresh_tokens_rotate_and_an_old_one_ends_the_family()
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        JsonNode first = await GoodCodeAsync("court-portal", await OAuth.CodeAsync(citizen, "court-portal", "openid profile offline_access"));
        await ErrorAsync("invalid_grant", "other-portal", "other-portal", null, ("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"]!.GetValue<string>()));
        await RefusedAsync("token-issue", "of-another-client");
        await ErrorAsync("invalid_scope", "court-portal", "court-portal", null, ("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"]!.GetValue<string>()), ("scope", "openid data.read"));
        (HttpStatusCode status, JsonNode second) = await RefreshAsync("court-portal", first, ("scope", "openid"));
        Assert.Equal((HttpStatusCode.OK, "openid"), (status, second["scope"]!.GetValue<string>()));
        (status, JsonNode third) = await RefreshAsync("court-portal", second);
        Assert.Equal((HttpStatusCode.OK, "offline_access openid profile"), (status, third["scope"]!.GetValue<string>()));
        Assert.Equal(HttpStatusCode.OK, await UserInfoAsync(third));
        (status, JsonNode stolen) = await RefreshAsync("court-portal", first);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_grant"), (status, stolen["error"]!.GetValue<string>()));
        await RefusedAsync("token-issue", "replayed");
        (status, _) = await RefreshAsync("court-portal", third);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        await RefusedAsync("token-issue", "revoked");
        Assert.Equal(HttpStatusCode.Unauthorized, await UserInfoAsync(third));
    }

    [Fact]
    public async Task Rfc6749_6_of_many_refreshes_at_once_exactly_one_wins_and_the_family_ends()
    {
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        JsonNode first = await GoodCodeAsync("court-portal", await OAuth.CodeAsync(citizen, "court-portal", "openid offline_access"));
        (HttpStatusCode Status, JsonNode Body)[] answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RefreshAsync("court-portal", first)));
        JsonNode winner = Assert.Single(answers, static a => a.Status == HttpStatusCode.OK).Body;
        (HttpStatusCode status, _) = await RefreshAsync("court-portal", winner);
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Theory]
    [InlineData("refresh_token")]
    [InlineData("access_token")]
    public async Task Rfc7009_2_a_revoked_token_and_its_family_end(string which)
    {
        await Host.AuditedAsync();
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        JsonNode tokens = await GoodCodeAsync("court-portal", await OAuth.CodeAsync(citizen, "court-portal", "openid offline_access"));
        string token = tokens[which]!.GetValue<string>();
        (HttpStatusCode status, JsonNode body) = await OAuth.PostAsync(Host, "/connect/revocation", "other-portal", "other-portal", null, ("token", token));
        Assert.Equal((HttpStatusCode.BadRequest, "unauthorized_client"), (status, body["error"]!.GetValue<string>()));
        await RefusedAsync("token-revoke", "of-another-client");
        (status, body) = await OAuth.PostAsync(Host, "/connect/revocation", "court-portal", null, null, ("token", token));
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_client"), (status, body["error"]!.GetValue<string>()));
        Assert.Equal(HttpStatusCode.OK, await UserInfoAsync(tokens));
        (status, _) = await OAuth.PostAsync(Host, "/connect/revocation", "court-portal", "court-portal", null, ("token", token), ("token_type_hint", which));
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(HttpStatusCode.Unauthorized, await UserInfoAsync(tokens));
        (status, _) = await RefreshAsync("court-portal", tokens);
        Assert.Equal(HttpStatusCode.BadRequest, status);

        // Nobody's token is answered as done (clause 2.2); a service account's own cannot be ended (clause 2.2.1).
        (status, _) = await OAuth.PostAsync(Host, "/connect/revocation", "court-portal", "court-portal", null, ("token", new string('A', 43)));
        Assert.Equal(HttpStatusCode.OK, status);
        (_, JsonNode own) = await OAuth.PostAsync(Host, "/connect/token", "beijing/agency", "agency-one", null, ForItself);
        (status, body) = await OAuth.PostAsync(Host, "/connect/revocation", "beijing/agency", "agency-one", null, ("token", own["access_token"]!.GetValue<string>()));
        Assert.Equal((HttpStatusCode.BadRequest, "unsupported_token_type"), (status, body["error"]!.GetValue<string>()));
        (status, body) = await OAuth.PostAsync(Host, "/connect/revocation", "court-portal", "court-portal", null);
        Assert.Equal((HttpStatusCode.BadRequest, "invalid_request"), (status, body["error"]!.GetValue<string>()));
    }

    [Fact]
    public async Task An_account_that_is_disabled_takes_what_it_allowed_with_it()
    {
        using var person = new Person(Host.Server.Address);
        await person.GoodAsync(HttpMethod.Post, "/api/register", new { name = "allow.then.end" });
        string key = await person.EnrolAsync("Correct-Horse-7-Battery");
        await person.SignInAsync("allow.then.end", "Correct-Horse-7-Battery", Person.Code(key));
        string account = (await person.GoodAsync(HttpMethod.Get, "/api/session"))["account"]!.GetValue<string>();
        JsonNode tokens = await GoodCodeAsync("court-portal", await OAuth.CodeAsync(person, "court-portal", "openid offline_access"));
        JsonNode id = OAuth.Read(tokens["id_token"]!.GetValue<string>());
        Assert.Equal("urn:notary:acr:two-factors", id["acr"]!.GetValue<string>());
        Assert.Equal(["pwd", "otp", "mfa"], id["amr"]!.AsArray().Select(static m => m!.GetValue<string>()));
        using Person security = await Person.OfAsync(Host.Server, "security-administrator");
        await security.GoodAsync(HttpMethod.Post, $"/api/accounts/{account}/disable", new { });
        Assert.Equal(HttpStatusCode.Unauthorized, await UserInfoAsync(tokens));
        (HttpStatusCode status, _) = await RefreshAsync("court-portal", tokens);
        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    private static async Task<string> ReturnedErrorAsync(Person person, string query)
    {
        using HttpResponseMessage answer = await person.Client.GetAsync(query);
        return OAuth.Returned(answer)["error"];
    }

    private Task<(HttpStatusCode Status, JsonNode Body)> RedeemAsync(string client, string code, string? proof = null) => OAuth.PostAsync(
        Host, "/connect/token", client, client, proof, ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", ConnectServer.Redirect), ("code_verifier", OAuth.Verifier), ("client_id", client));

    private async Task<JsonNode> GoodCodeAsync(string client, string code)
    {
        (HttpStatusCode status, JsonNode body) = await RedeemAsync(client, code);
        Assert.True(status == HttpStatusCode.OK, body.ToJsonString());
        return body;
    }

    private Task<(HttpStatusCode Status, JsonNode Body)> RefreshAsync(string client, JsonNode tokens, params (string, string)[] more) => OAuth.PostAsync(
        Host, "/connect/token", client, client, null, [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"]!.GetValue<string>()), .. more]);

    private async Task<HttpStatusCode> UserInfoAsync(JsonNode tokens)
    {
        using HttpResponseMessage info = await OAuth.GetAsync(Host, "/connect/userinfo", "Bearer", tokens["access_token"]!.GetValue<string>());
        return info.StatusCode;
    }
}
