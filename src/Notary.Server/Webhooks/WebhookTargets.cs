using System.Net;
using System.Net.Sockets;

namespace Notary.Server.Webhooks;

/// <summary>
/// Where a webhook may go: to public addresses over TLS, so that no account makes this server ask what stands beside it. The address is checked when the connection is made, after the name
/// was resolved: a name that resolves otherwise the second time gains nothing. In Development loopback is allowed too, also without TLS.
/// </summary>
internal static class WebhookTargets
{
    /// <summary>Longest address, in characters.</summary>
    public const int MaxUrl = 2_000;

    // IANA IPv4 Special-Purpose Address Registry: everything that is not globally reachable, and multicast.
    private static readonly IPNetwork[] NotPublic4 =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        }.Select(IPNetwork.Parse),
    ];

    // Only global unicast is public, and in it not what is special or leads to an IPv4 address by the way of a translator or tunnel (IANA IPv6 Special-Purpose Address Registry).
    private static readonly IPNetwork Global6 = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork[] NotPublic6 = [.. new[] { "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20" }.Select(IPNetwork.Parse)];

    /// <summary>Whether the address is one of a public machine; in Development also of this one.</summary>
    public static bool Allows(IPAddress address, bool development)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPAddress plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return (development && IPAddress.IsLoopback(plain))
            || (plain.AddressFamily == AddressFamily.InterNetwork
                ? !NotPublic4.Any(network => network.Contains(plain))
                : Global6.Contains(plain) && !NotPublic6.Any(network => network.Contains(plain)));
    }

    /// <summary>The address that a text gives; null, and why, when it is none that a webhook may have. What its name resolves to is seen only when it is called.</summary>
    public static Uri? Parse(string? text, bool development, out string problem)
    {
        problem = "";
        if (text is not { Length: > 0 and <= MaxUrl } || !Uri.TryCreate(text, UriKind.Absolute, out Uri? url) || url.Host.Length == 0)
        {
            problem = FormattableString.Invariant($"The url is no absolute address of at most {MaxUrl} characters.");
        }
        else if (url.Scheme != Uri.UriSchemeHttps && !(development && url.Scheme == Uri.UriSchemeHttp && url.IsLoopback))
        {
            problem = development ? "The url takes https, or http to this machine." : "The url takes https.";
        }
        else if (url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            problem = "The url takes neither user nor fragment.";
        }
        else if (IPAddress.TryParse(url.DnsSafeHost, out IPAddress? literal) && !Allows(literal, development))
        {
            problem = "The url's address is not a public one.";
        }
        else
        {
            return url;
        }

        return null;
    }

    /// <summary>Opens a connection to an allowed address of the host.</summary>
    /// <exception cref="TargetRefusedException">None of its addresses is allowed.</exception>
    /// <exception cref="SocketException">It has none, or none answers.</exception>
    public static async ValueTask<Stream> ConnectAsync(DnsEndPoint host, bool development, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(host);
        IPAddress[] allowed = [.. (await Dns.GetHostAddressesAsync(host.Host, cancellation)).Where(address => Allows(address, development))];
        if (allowed.Length == 0)
        {
            throw new TargetRefusedException();
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, host.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A host has no address that a webhook may go to.</summary>
internal sealed class TargetRefusedException() : Exception("The host has no public address.");
