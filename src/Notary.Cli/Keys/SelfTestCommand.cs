using System.CommandLine;
using Notary.Crypto;
using Notary.Crypto.Native;

namespace Notary.Cli.Keys;

/// <summary><c>notary selftest</c>: known answers of every primitive. The managed part is all that verifying needs.</summary>
internal static class SelfTestCommand
{
    public static Command Build()
    {
        var managed = new Option<bool>("--managed") { Description = "Leave out libcrypto, which only signing and sealing need." };
        var command = new Command("selftest", "Computes known answers of every primitive, with the clause of the standard that each is from.") { managed };
        command.SetAction(parsed => Run(parsed.GetValue(managed)));
        return command;
    }

    private static int Run(bool managedOnly)
    {
        SelfTestReport managed = SelfTest.Run(includeNative: false);
        bool nativeFree = !LibCrypto.IsLoaded;
        IReadOnlyList<SelfTestCase> cases = managedOnly ? managed.Cases : SelfTest.Run(includeNative: true).Cases;
        foreach (SelfTestCase one in cases)
        {
            Console.WriteLine($"[{(one.Passed ? "ok" : "FAILED")}] {one.Name} ({one.Source}){(one.Passed ? string.Empty : ": " + Terminal.Printable(one.Detail))}");
        }

        Console.WriteLine($"[{(nativeFree ? "ok" : "FAILED")}] verifying loads no native library of ours");
        Console.WriteLine($"SM3 kernel of this machine: {Sm3Kernels.Active.Name}");
        if (!managedOnly && LibCrypto.Check() is null)
        {
            Console.WriteLine($"libcrypto: {LibCrypto.Version}");
        }

        int failed = cases.Count(c => !c.Passed) + (nativeFree ? 0 : 1);
        Console.WriteLine($"{cases.Count + 1 - failed} passed, {failed} failed");
        return failed == 0 ? ExitCode.Passed : ExitCode.Failed;
    }
}
