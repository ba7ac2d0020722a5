using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Notary.Chain;

namespace Notary.Server.Startup;

/// <summary>A refused start ends in one sentence on the error stream and exit code 78 (EX_CONFIG of sysexits.h).</summary>
internal static class StartRefusal
{
    /// <summary>The exit code of every refused start.</summary>
    public const int ExitCode = 78;

    /// <summary>The sentence, or null for an exception that is a fault of the program.</summary>
    public static string? SentenceOf(Exception exception) => exception switch
    {
        StartRefusedException refused => refused.Message,
        ChainRefusedException refused => refused.Message,
        Crypto.Native.LibCryptoException refused => refused.Message,
        IOException { InnerException: AddressInUseException } => "the port is taken: stop the program that listens there, or set another one in Notary:Listen:Url.",
        SocketException refused => $"the address in Notary:Listen:Url cannot be bound ({refused.SocketErrorCode}).",
        InvalidDataException { InnerException: FormatException } => $"appsettings.json in '{Directory.GetCurrentDirectory()}' is not JSON: correct it, or take it away.",
        _ => null,
    };

    /// <summary>Says why, on one line.</summary>
    public static int Say(string sentence)
    {
        Console.Error.WriteLine($"Notary does not start: {sentence.ReplaceLineEndings(" ")}");
        return ExitCode;
    }
}
