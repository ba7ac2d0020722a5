using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Notary.Crypto.Native;

/// <summary>Who this process is to the system; the base library does not say.</summary>
[UnsupportedOSPlatform("windows")]
public static partial class CurrentUser
{
    /// <summary>The effective user id.</summary>
    public static uint Id => GetEffectiveUserId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUserId();
}
