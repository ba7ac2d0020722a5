using Notary.Crypto.Native;
using Notary.Evidence;


namespace Notary.Client;

/// <summary>How a trust file came to be used.</summary>
public enum TrustSource
{
    /// <summary>Named by the caller, or by the environment variable.</summary>
    Named,

    /// <summary>Pinned for this user, after its fingerprint was confirmed.</summary>
    Pinned,

    /// <summary>Found in a data folder at or above the working folder: it was written by the platform that runs here.</summary>
    DataFolder,
}

/// <summary>A trust file and where it came from.</summary>
/// <param name="Path">Full path.</param>
/// <param name="Source">How it was found.</param>
/// <param name="File">The parsed file; its <see cref="TrustFile.Fingerprint"/> is what a person compares.</param>
public sealed record FoundTrust(string Path, TrustSource Source, TrustFile File);

/// <summary>
/// The trust files that this user has, in the order in which they are asked. A named one is asked alone. Otherwise those that the user
/// pinned (one a deployment, in <c>$XDG_CONFIG_HOME/notary/trust/</c>, else <c>~/.config/notary/trust/</c>) come before the <c>data/trust.note</c>
/// of the working folder or one above it. A trust file that came with a package or an answer is never among them.
/// </summary>
public sealed class TrustStore
{
    /// <summary>Names a trust file when no path is given.</summary>
    public const string EnvironmentVariable = "NOTARY_TRUST";

    private readonly IReadOnlyList<FoundTrust> _files;

    private TrustStore(IReadOnlyList<FoundTrust> files)
    {
        _files = files;
    }

    /// <summary>All files, in the order in which they are asked.</summary>
    public IReadOnlyList<FoundTrust> Files => _files;

    /// <summary>Folder of the user's pinned trust files.</summary>
    public static string UserFolder
    {
        get
        {
            string? config = Environment.GetEnvironmentVariable("XDG_CONFIG_HOME");
            if (string.IsNullOrEmpty(config) || !Path.IsPathRooted(config))
            {
                config = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");
            }

            return Path.Combine(config, "notary", "trust");
        }
    }

    /// <summary>Reads the trust files.</summary>
    /// <param name="explicitPath">The only file to use, or null.</param>
    /// <param name="workingFolder">Where the search upward starts; null is the process's working folder.</param>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.Trust"/>: a file that is named or pinned is absent, unreadable or no trust file.</exception>
    public static TrustStore Load(string? explicitPath = null, string? workingFolder = null)
    {
        string? named = explicitPath ?? Environment.GetEnvironmentVariable(EnvironmentVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return new TrustStore([Read(Path.GetFullPath(named), TrustSource.Named)]);
        }

        var files = new List<FoundTrust>();
        if (Directory.Exists(UserFolder))
        {
            files.AddRange(Directory.EnumerateFiles(UserFolder, "*.note").Order(StringComparer.Ordinal).Select(path => Read(path, TrustSource.Pinned)));
        }

        if (CredentialFile.FindUpward(workingFolder ?? Environment.CurrentDirectory, "trust.note") is { } found)
        {
            files.Add(Read(found, TrustSource.DataFolder));
        }

        return new TrustStore(files);
    }

    /// <summary>The first file that knows the chain of this origin, or null.</summary>
    public FoundTrust? Find(string origin) => _files.FirstOrDefault(f => f.File.Find(origin) is not null);

    /// <summary>Reads one trust file.</summary>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.Trust"/>.</exception>
    public static FoundTrust Read(string path, TrustSource source)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > TrustFile.MaxBytes })
            {
                throw new NotaryClientException(ClientFailure.Trust, "trust-malformed", $"{path} is no trust file: it is larger than {TrustFile.MaxBytes} bytes.");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NotaryClientException(ClientFailure.Trust, "trust-not-found", $"There is no trust file {path}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NotaryClientException(ClientFailure.Trust, "trust-unreadable", $"The trust file {path} cannot be read by this user.", e);
        }

        return TrustFile.TryParse(bytes, out TrustFile? file) is { } problem
            ? throw new NotaryClientException(ClientFailure.Trust, "trust-malformed", $"{path} is no trust file: {problem.Failure}, {problem.Detail}.")
            : new FoundTrust(path, source, file!);
    }

    /// <summary>Writes a trust file into the user's folder, as the one of its deployment. The caller has had its fingerprint confirmed.</summary>
    /// <returns>The path written.</returns>
    public static string Pin(TrustFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        Directory.CreateDirectory(UserFolder);
        string path = Path.Combine(UserFolder, file.Content.Deployment + ".note");
        DurableFile.Replace(path, file.ToBytes());
        DurableFile.SyncFolder(UserFolder);
        return path;
    }
}
