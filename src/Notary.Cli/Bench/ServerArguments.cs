using System.Diagnostics;

namespace Notary.Cli.Bench;

/// <summary>How the server is told where to listen and where its data lies.</summary>
internal static class ServerArguments
{
    /// <summary>Adds both as environment variables, which win over every configuration file beside the server.</summary>
    public static void Add(ProcessStartInfo start, Uri address, string data)
    {
        start.Environment["Notary__Listen__Url"] = address.GetLeftPart(UriPartial.Authority);
        start.Environment["Notary__Folders__Data"] = data;
    }
}
