using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Notary.Server.Tests.Hosting;

namespace Notary.Server.Tests.Identity.Connect;

public abstract partial class ConnectTests
{
    /// <summary>The client that the OpenID Foundation has certified, from npm: what the lock file names, and nothing else.</summary>
    [Fact]
    public async Task The_certified_client_openid_client_passes_from_discovery_to_revocation()
    {
        using var folder = new TemporaryFolder();
        foreach (string file in new[] { "package.json", "package-lock.json", "flow.mjs" })
        {
            File.Copy(Path.Combine(ServerProcess.Repository, "tests", "Notary.Server.Tests", "Identity", "openid-client", file), folder.File(file));
        }

        await RunAsync(folder.Path, "npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        using Person citizen = await Person.OfAsync(Host.Server, "citizen");
        string flow = JsonSerializer.Serialize(new
        {
            issuer = Host.Issuer,
            cookie = citizen.Cookies.GetCookieHeader(Host.Server.Address),
            party = "npm-portal",
            service = "beijing/npm",
            key = Host.NpmKey.ExportPkcs8PrivateKeyPem(),
            redirect = "http://127.0.0.1:7/callback",
        });
        string output = await RunAsync(folder.Path, "node", ["flow.mjs"], ("NOTARY_FLOW", flow));
        Assert.EndsWith("ok\n", output, StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(string folder, string program, string[] arguments, params (string Key, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        Array.ForEach(arguments, start.ArgumentList.Add);
        foreach ((string key, string value) in environment)
        {
            start.Environment[key] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program}: {process.ExitCode}\n{await output}\n{await errors}");
        return await output;
    }
}
