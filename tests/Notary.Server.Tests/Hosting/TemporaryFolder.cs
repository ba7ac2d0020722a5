namespace Notary.Server.Tests.Hosting;

/// <summary>A folder that goes with the test. Not under /tmp when TMPDIR says otherwise: the store refuses some file systems.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("notary-test-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
