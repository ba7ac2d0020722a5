namespace Notary.Chain.Tests;

/// <summary>A folder of its own for one test, removed at the end.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("notary-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
