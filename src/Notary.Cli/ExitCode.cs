namespace Notary.Cli;

/// <summary>What the process ends with. 0 to 2 are verdicts; the others are those of BSD's sysexits.h. Numbers are frozen: scripts branch on them.</summary>
internal static class ExitCode
{
    /// <summary>Done; of a verdict: passed.</summary>
    public const int Passed = 0;

    /// <summary>The evidence, the chain or the self-test failed.</summary>
    public const int Failed = 1;

    /// <summary>Neither passed nor failed yet: something is missing.</summary>
    public const int Indeterminate = 2;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 64;

    /// <summary>A server's answer or a file of ours is not of the documented form, or proves nothing.</summary>
    public const int Data = 65;

    /// <summary>A file that was named is absent or cannot be read.</summary>
    public const int NoInput = 66;

    /// <summary>The server cannot be reached, is busy or failed: try again.</summary>
    public const int Unavailable = 69;

    /// <summary>A fault in this program.</summary>
    public const int Software = 70;

    /// <summary>A file cannot be written.</summary>
    public const int CannotCreate = 73;

    /// <summary>The server refuses the caller.</summary>
    public const int NotPermitted = 77;

    /// <summary>Credential, trust file or data folder are missing or unusable.</summary>
    public const int Configuration = 78;

    /// <summary>Interrupted from the keyboard (128 + SIGINT).</summary>
    public const int Interrupted = 130;
}

/// <summary>Ends a command with one sentence on the error stream and an exit code.</summary>
internal sealed class CliException(int exitCode, string code, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;

    /// <summary>Stable code that stands before the sentence.</summary>
    public string Code { get; } = code;
}
