using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests;

/// <summary>What starting does, and how a refused start ends: one sentence, exit code 78, no stack trace.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task An_empty_folder_in_Development_gets_its_chain_and_the_start_says_what_it_created()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        await Eventually(() => server.Output.Contains("Ctrl+C", StringComparison.Ordinal));
        Assert.Contains("this start created the chain notary.example/beijing", server.Output, StringComparison.Ordinal);
        Assert.Contains("credential.json", server.Output, StringComparison.Ordinal);
        Assert.Contains("notarize README.md", server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(ServerFixture.SecretOf(server), server.Output, StringComparison.Ordinal);
        foreach (string secret in new[] { "passwords", "credential.json", "accounts.json", "chains/beijing/keys/log.pem" })
        {
            if (OperatingSystem.IsWindows())
            {
                throw new PlatformNotSupportedException();
            }

            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(server.Data, secret)));
        }

        // Only the hash of the secret is the server's.
        Assert.DoesNotContain(ServerFixture.SecretOf(server), await File.ReadAllTextAsync(Path.Combine(server.Data, "accounts.json")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_sealed_is_there_after_an_orderly_stop_and_a_second_start()
    {
        using var folder = new TemporaryFolder();
        string number;
        string checkpoint;
        await using (ServerProcess first = await ServerProcess.StartReadyAsync(folder.File("data")))
        {
            using HttpClient agency = ServerFixture.AgencyOf(first);
            using HttpResponseMessage answer = await agency.PostAsync("/api/evidence", ServerFixture.Json(ServerFixture.RequestOf(1)));
            number = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync()).RootElement.GetProperty("number").GetString()!;
            checkpoint = await first.Client.GetStringAsync("/log/beijing/checkpoint");
            Assert.Equal(0, await first.TerminateAsync());
            Assert.Contains("its last checkpoint stored", first.Output, StringComparison.Ordinal);
            Assert.Equal("", first.Errors);
        }

        // The credential is the client's: the server no longer needs it.
        string credential = folder.File("credential.json");
        File.Move(folder.File("data/credential.json"), credential);
        await using ServerProcess second = await ServerProcess.StartReadyAsync(folder.File("data"));
        Assert.Equal(checkpoint, await second.Client.GetStringAsync("/log/beijing/checkpoint"));
        File.Move(credential, folder.File("data/credential.json"));
        using HttpClient again = ServerFixture.AgencyOf(second);
        Assert.Equal(HttpStatusCode.OK, (await again.GetAsync($"/api/evidence/{number}/receipt")).StatusCode);
    }

    [Fact]
    public async Task A_stop_answers_what_is_under_way()
    {
        using var folder = new TemporaryFolder();
        await using ServerProcess server = await ServerProcess.StartReadyAsync(folder.File("data"));
        using HttpClient agency = ServerFixture.AgencyOf(server);
        Task<HttpResponseMessage>[] answers = [.. Enumerable.Range(0, 20).Select(i => agency.PostAsync(
            "/api/evidence/batch", ServerFixture.Lines([.. Enumerable.Range(i * 500, 500).Select(n => ServerFixture.RequestOf(n))])))];
        await answers[0];
        int exit = await server.TerminateAsync();
        Assert.Equal(0, exit);
        long acknowledged = 0;
        foreach (Task<HttpResponseMessage> answer in answers)
        {
            try
            {
                acknowledged += (await answer).StatusCode == HttpStatusCode.OK ? 500 : 0;
            }
            catch (HttpRequestException)
            {
                // It had not been accepted yet when the server stopped listening.
            }
        }

        await using ServerProcess next = await ServerProcess.StartReadyAsync(folder.File("data"));
        Assert.True(await ServerFixture.SizeOfAsync(next) >= 6 + acknowledged);
    }

    [Fact]
    public async Task A_taken_port_is_one_sentence_and_creates_nothing()
    {
        using var folder = new TemporaryFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await RefusedAsync(ServerProcess.Start(folder.File("data"), port: port), $"port {port} is taken", "Notary:Listen:Url");
        Assert.False(Directory.Exists(folder.File("data")));
    }

    [Fact]
    public async Task Another_working_folder_is_one_sentence_and_creates_nothing()
    {
        using var folder = new TemporaryFolder();
        await RefusedAsync(ServerProcess.Start("", workingFolder: folder.Path), "no sidechains folder above the working folder", "start from the repository's root");
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Outside_Development_an_empty_folder_is_refused_and_the_verb_is_named()
    {
        using var folder = new TemporaryFolder();
        await RefusedAsync(ServerProcess.Start(folder.File("data"), environment: "Production"), "there is no chain in", "'notary chain create'");
        Assert.False(Directory.Exists(folder.File("data")));
    }

    [Fact]
    public async Task A_folder_of_another_version_or_of_something_else_is_refused()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.File("other/chains/beijing"));
        await File.WriteAllTextAsync(folder.File("other/VERSION"), "notary-data 99\n");
        await RefusedAsync(ServerProcess.Start(folder.File("other")), "version 'notary-data 99'", "");
        Directory.CreateDirectory(folder.File("music"));
        await File.WriteAllTextAsync(folder.File("music/song"), "la");
        await RefusedAsync(ServerProcess.Start(folder.File("music")), "not a data folder of Notary", "choose another folder");
    }

    [Fact]
    public async Task A_folder_that_is_worked_on_password_trust_accounts_and_library_are_each_refused_with_their_remedy()
    {
        using var folder = new TemporaryFolder();
        string data = folder.File("data");
        await using (ServerProcess running = await ServerProcess.StartReadyAsync(data))
        {
            await RefusedAsync(ServerProcess.Start(data), "Another process works on", "stop that process");
            Assert.Equal(0, await running.TerminateAsync());
        }

        await RefusedAsync(ServerProcess.Start(data, environment: "Production"), "the password of the key files", "Notary:Folders:PasswordFile");
        await File.WriteAllTextAsync(folder.File("wrong"), "wrong\n");
        await RefusedAsync(ServerProcess.Start(data, settings: ("Notary__Folders__PasswordFile", folder.File("wrong"))), "", "");
        await RefusedAsync(ServerProcess.Start(data, settings: ("Notary__Folders__PasswordFile", folder.File("absent"))), "cannot be read", "Notary:Folders:PasswordFile");
        await RefusedAsync(ServerProcess.Start(data, settings: ("Notary__Crypto__LibCrypto", folder.File("libcrypto.so"))), "", "");
        await RefusedAsync(ServerProcess.Start(data, settings: ("Notary__Limits__BatchLine", "1")), "the option Notary:Limits:BatchLine is unknown", "BatchLines");
        await RefusedAsync(ServerProcess.Start(data, settings: ("Notary__Limits__BatchLines", "0")), "it takes a whole number of 1 to 10000 (lines)", "");

        string trust = await File.ReadAllTextAsync(Path.Combine(data, "trust.note"));
        await File.WriteAllTextAsync(Path.Combine(data, "trust.note"), "hello");
        await RefusedAsync(ServerProcess.Start(data), "trust.note' is not one", "put back");
        await File.WriteAllTextAsync(Path.Combine(data, "trust.note"), trust);

        await File.WriteAllTextAsync(Path.Combine(data, "accounts.json"), "[{]");
        await RefusedAsync(ServerProcess.Start(data), "accounts.json' is not what this program writes", "put back");
        File.Delete(Path.Combine(data, "accounts.json"));
        File.Delete(Path.Combine(data, "credential.json"));
        await RefusedAsync(ServerProcess.Start(data), "nobody could deposit", "put back");
    }

    [Fact]
    public async Task A_libcrypto_without_SM2_is_refused_and_another_one_is_asked_for()
    {
        using var folder = new TemporaryFolder();
        string system = Directory.EnumerateFiles("/usr/lib", "libcrypto.so.3", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }).First();
        byte[] library = await File.ReadAllBytesAsync(system);
        // The system's library, but for the name under which its provider offers SM2 keys: what RHEL's and Alpine's builds lack.
        int at = library.AsSpan().IndexOf("SM2:1.2.156.10197.1.301\0"u8);
        Assert.True(at > 0);
        library[at] = (byte)'X';
        library[at + 4] = (byte)'9';
        await File.WriteAllBytesAsync(folder.File("libcrypto.so.3"), library);
        await RefusedAsync(
            ServerProcess.Start(folder.File("data"), settings: ("Notary__Crypto__LibCrypto", folder.File("libcrypto.so.3"))), "was built without SM2", "set the path of a full OpenSSL 3 build");
        Assert.False(Directory.Exists(folder.File("data")));
    }

    [Fact]
    public async Task A_settings_file_that_is_not_JSON_is_refused()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("appsettings.json"), "{");
        await RefusedAsync(ServerProcess.Start(folder.File("data"), workingFolder: folder.Path), "appsettings.json", "is not JSON");
    }

    private static async Task RefusedAsync(ServerProcess server, string why, string remedy)
    {
        await using (server)
        {
            int exit = await server.WaitExitAsync(90);
            await Task.Delay(50);
            string[] lines = server.Errors.TrimEnd('\n').Split('\n');
            Assert.True(exit == 78, $"{exit}: {server.Errors}{server.Output}");
            Assert.True(lines.Length == 1, server.Errors);
            Assert.StartsWith("Notary does not start: ", lines[0], StringComparison.Ordinal);
            Assert.Contains(why, lines[0], StringComparison.Ordinal);
            Assert.Contains(remedy, lines[0], StringComparison.Ordinal);
            Assert.EndsWith(".", lines[0], StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", server.Output + server.Errors, StringComparison.Ordinal);
        }
    }

    private static async Task Eventually(Func<bool> holds)
    {
        var patience = Stopwatch.StartNew();
        while (!holds())
        {
            Assert.True(patience.Elapsed < TimeSpan.FromSeconds(20));
            await Task.Delay(50);
        }
    }
}
