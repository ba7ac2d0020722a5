using System.CommandLine;
using Notary.Chain;
using Notary.Chain.Signing;
using Notary.Cli.Chains;
using Notary.Crypto;
using Notary.Crypto.Keys;
using Notary.Evidence;

namespace Notary.Cli.Keys;

/// <summary><c>notary signer</c>: holds a log's key for the server, behind a Unix socket, and signs checkpoints that do not go back.</summary>
internal static class SignerCommand
{
    public static Command Build()
    {
        var key = new Option<string>("--key") { Description = "The log's key file.", Required = true };
        var origin = new Option<string>("--origin") { Description = "The chain's origin, for instance notary.example/beijing: nothing else is signed.", Required = true };
        var socket = new Option<string>("--socket") { Description = "Where it listens; the chain's signer.json names it.", Required = true };
        var folder = new Option<string>("--folder") { Description = "What it has signed, and who asked: signer.log. Keep it with the key.", Required = true };
        var rate = new Option<int>("--rate") { Description = "Most requests a second; a faster server waits.", DefaultValueFactory = _ => 200 };
        NumberOption.Between(rate, 1, 10_000);
        var user = new Option<uint[]>("--user") { Description = "Id of the user whose processes may ask, the server's; may be repeated. Without it only this process's own user may." };
        Option<string?> password = ClientOptions.PasswordFile();
        password.Required = true;
        var command = new Command("signer", "Holds a log's key behind a Unix socket, and signs only checkpoints of one chain that do not go back. Runs until it is stopped.") { key, origin, socket, folder, rate, user, password };
        command.SetAction((parsed, cancel) => RunAsync(
            parsed.GetValue(key)!, parsed.GetValue(origin)!, parsed.GetValue(socket)!, parsed.GetValue(folder)!, parsed.GetValue(rate), parsed.GetValue(user) ?? [], parsed.GetValue(password)!, cancel));
        return command;
    }

    private static async Task<int> RunAsync(string keyPath, string origin, string socket, string folder, int rate, uint[] users, string passwordFile, CancellationToken cancel)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new CliException(ExitCode.Configuration, "signer-platform", "A signer asks the system who connects, which this one does not tell: it runs on Linux.");
        }

        if (!Grammar.IsOrigin(origin))
        {
            throw new CliException(ExitCode.Usage, "origin", $"'{Terminal.Printable(origin)}' is no origin of a chain, such as notary.example/beijing.");
        }

        using ISigner signer = KeyFile.Load(keyPath, ClientOptions.ReadPassword(passwordFile));
        if (signer.Algorithm == KeyAlgorithm.P256)
        {
            throw new CliException(ExitCode.Data, "key-kind", $"{keyPath} holds a P-256 key, which signs no checkpoints.");
        }

        using SignerLog log = SignerLog.Open(folder, TimeProvider.System);
        await using SignerService service = SignerService.Start(Path.GetFullPath(socket), signer, origin, log, rate, users, TimeProvider.System);
        Console.WriteLine(log.Size < 0
            ? $"signing for {origin} at {socket}; nothing was signed before"
            : $"signing for {origin} at {socket}; the last was size {log.Size}, root {log.Root.ToHex()}");

        // Stopping is its ordinary end: by the keyboard, or by the system's service manager (SIGTERM).
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = cancel.Register(stopped.SetResult);
        await stopped.Task;
        return ExitCode.Passed;
    }
}
