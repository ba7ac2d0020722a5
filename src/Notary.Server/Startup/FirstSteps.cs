using Notary.Server.Options;

namespace Notary.Server.Startup;

/// <summary>What a person reads after the start: what is open, what was created, and commands that work as pasted.</summary>
public static class FirstSteps
{
    public static void Print(TextWriter output, Platform platform, ServerOptions options, TimeSpan took)
    {
        string address = options.Listen.Url.TrimEnd('/');
        output.WriteLine(FormattableString.Invariant($"Notary is ready at {address} after {took.TotalSeconds:0.0} s ({(platform.IsDevelopment ? "Development" : "Production")})."));
        output.WriteLine($"  data    {platform.DataPath}");
        foreach ((string name, Chain.ChainHost chain) in platform.Chains)
        {
            output.WriteLine(FormattableString.Invariant($"  chain   {chain.Genesis.Origin}: {chain.Reader.Size} records, suite {chain.Genesis.Suite.Name}"));
        }

        if (platform.Created is { } created)
        {
            output.WriteLine($"  The data folder was empty; this start created the chain {created.Genesis.Origin} with");
            foreach (string file in created.Files)
            {
                output.WriteLine($"          {Path.GetRelativePath(platform.DataPath, file)}");
            }

            output.WriteLine($"  and the service account {created.DevelopmentAccount}. Trust file fingerprint: {created.TrustFingerprint}");
        }

        if (platform is { IsDevelopment: true, RepositoryRoot: { } root })
        {
            const string Cli = "dotnet run --project src/Notary.Cli --";
            output.WriteLine();
            output.WriteLine("In a second terminal:");
            output.WriteLine($"  cd '{root}'");
            output.WriteLine($"  {Cli} notarize README.md");
            output.WriteLine($"  {Cli} verify README.md.asice");
            output.WriteLine("  cp README.md.asice changed.asice");
            output.WriteLine("  printf '\\377' | dd of=changed.asice bs=1 seek=200 conv=notrunc status=none");
            output.WriteLine($"  {Cli} verify changed.asice || echo \"refused, as it must be: exit $?\"");
            output.WriteLine();
            output.WriteLine($"Or open {address}/ and drop README.md there. Ctrl+C stops.");
        }

        output.Flush();
    }
}
