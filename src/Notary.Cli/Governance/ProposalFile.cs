namespace Notary.Cli.Governance;

/// <summary>The file of a proposal on its way from officer to officer, and whatever else is read on that way.</summary>
internal static class ProposalFile
{
    /// <summary>Reads a file that the user named, of at most that many bytes.</summary>
    /// <param name="what">What it is to be, for the sentence and the code.</param>
    public static byte[] Read(string path, int maximum, string what)
    {
        try
        {
            return new FileInfo(path) is { Exists: true } file && file.Length > maximum
                ? throw new CliException(ExitCode.Data, what.Replace(' ', '-') + "-malformed", $"{path} has more than the {maximum} bytes that the largest {what} has.")
                : File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.NoInput, "file-not-found", $"The {what} {path} cannot be read.", e);
        }
    }

    /// <summary>Requires that a proposal may be written there: an existing file is never overwritten.</summary>
    public static void RequireNew(string path)
    {
        if (File.Exists(path))
        {
            throw new CliException(ExitCode.CannotCreate, "proposal-exists", $"{path} exists already; it may hold signatures, so it is not overwritten.");
        }
    }
}
