using Notary.Chain;
using Notary.Chain.Folders;
using Notary.Client;
using Notary.Evidence;

namespace Notary.Cli.Tests;

/// <summary>A chain in this process, in the data folder <c>data</c> of a workspace: evidence without a server.</summary>
internal sealed class OwnChain : IDisposable
{
    public const string Account = ChainCreation.DevelopmentAccount;

    private readonly DataFolder _data;

    public OwnChain(string root)
    {
        _data = DataFolder.Take(Path.Combine(root, "data"), create: true);
        string password = _data.DevelopmentPassword();
        if (_data.Chains.Count == 0)
        {
            ChainTemplate template = ChainTemplate.Load(Path.Combine(Workspace.RepositoryRoot, "sidechains", "beijing"));
            Created = ChainCreation.Create(_data, template, "notary.example", password, TimeProvider.System);
        }

        Host = ChainHost.Open(_data.Chains[0], password, TimeProvider.System);
        Trust = TrustStore.Load(_data.TrustPath);
    }

    public CreatedChain? Created { get; }

    public ChainHost Host { get; }

    public TrustStore Trust { get; }

    public string TrustPath => _data.TrustPath;

    public string PasswordPath => _data.PasswordPath;

    public static EvidenceRequest RequestOf(params string[] files) => new()
    {
        Type = "document",
        Parts = [.. files.Select(f => FileDigest.Compute(f)).Select(d => new EvidencePart(PartKind.File, d.Media, d.Sm3, d.Sha256, d.Size))],
        Metadata = new Dictionary<string, CanonicalValue> { ["files"] = CanonicalValue.OfStrings(files.Select(f => Path.GetFileName(f))) },
    };

    /// <summary>Seals files as one record and proves the answer, as the client does with a server's.</summary>
    public SealedRecord Seal(params string[] files)
    {
        EvidenceRequest request = RequestOf(files);
        using DepositResult result = Host.DepositAsync(DepositOf(request.ToJsonLine(), null, single: true)).GetAwaiter().GetResult();
        Assert.Equal(DepositOutcome.Sealed, result.Outcome);
        Assert.Equal(1, result.Count);
        return Answers.CheckSingle(Trust, request, result.ReceiptOf(0).ToJson());
    }

    /// <summary>Seals files and writes their package.</summary>
    public SealedRecord Package(string path, bool withContent, params string[] files)
    {
        SealedRecord record = Seal(files);
        List<FileStream> contents = withContent ? [.. files.Select(File.OpenRead)] : [];
        using (FileStream package = new(path, FileMode.Create, FileAccess.ReadWrite))
        {
            record.WritePackage(package, contents);
        }

        contents.ForEach(c => c.Dispose());
        return record;
    }

    public static Deposit DepositOf(ReadOnlyMemory<byte> body, string? key, bool single = false) => new()
    {
        Body = body,
        SingleRequest = single,
        Account = Account,
        Auth = AuthMethod.ClientSecret,
        IdempotencyKey = key,
        Received = DateTimeOffset.UtcNow,
    };

    public void Dispose()
    {
        Host.Dispose();
        _data.Dispose();
    }
}
