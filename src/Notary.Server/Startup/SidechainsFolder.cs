namespace Notary.Server.Startup;

/// <summary>Finds the folder of chain templates, and with it the root that the data folder lies in.</summary>
public static class SidechainsFolder
{
    /// <summary>The name that is looked for.</summary>
    public const string Name = "sidechains";

    /// <summary>The nearest folder upward from <paramref name="from"/> that holds a folder <c>sidechains</c> with at least one template; null when there is none.</summary>
    public static string? RootAbove(string from)
    {
        for (DirectoryInfo? folder = new(Path.GetFullPath(from)); folder is not null; folder = folder.Parent)
        {
            string sidechains = Path.Combine(folder.FullName, Name);
            if (Directory.Exists(sidechains) && Directory.EnumerateDirectories(sidechains).Any(d => File.Exists(Path.Combine(d, "chain.json"))))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
