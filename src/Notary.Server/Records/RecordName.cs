using Notary.Chain;
using Notary.Evidence;
using Notary.Server.Http;
using Notary.Server.Startup;

namespace Notary.Server.Records;

/// <summary>What a record is called in an address: its number (<c>BJ-0000-0000-0006-O</c>) or its id (a UUID in lower case).</summary>
internal static class RecordName
{
    /// <summary>The chain and index that a name means, or the problem: not a name, no such chain, no such record.</summary>
    public static (ChainHost? Chain, long Index, Problem? Problem) Resolve(Platform platform, string name)
    {
        if (RecordNumber.TryParse(name, out string code, out long index))
        {
            ChainHost? chain = platform.Chains.Values.FirstOrDefault(c => c.Genesis.Code == code);
            return chain is null || index >= chain.Reader.Size ? (null, 0, Problems.RecordNotFound) : (chain, index, null);
        }

        if (!Guid.TryParseExact(name, "D", out Guid id) || id.ToString("D") != name)
        {
            return (null, 0, Problems.NameMalformed);
        }

        foreach (ChainHost chain in platform.Chains.Values)
        {
            if (chain.Reader.FindId(id) is { } found)
            {
                return (chain, found, null);
            }
        }

        return (null, 0, Problems.RecordNotFound);
    }

    /// <summary>Answers with the problem of a name.</summary>
    public static Task RefuseAsync(HttpContext context, Problem problem) => Problems.WriteAsync(context, problem, problem == Problems.NameMalformed
        ? "A record is named by its number with check character, or by its id as a UUID in lower case."
        : "No sealed record has this number or id; an id is found moments after it was sealed.");
}
