using System.Runtime.InteropServices;

namespace Notary.Crypto.Native;

public enum LibCryptoProblemKind
{
    /// <summary>No libcrypto 3 was found, or the configured path does not load.</summary>
    Absent,

    /// <summary>A library was found, but it is not OpenSSL 3.</summary>
    TooOld,

    /// <summary>Built without SM2, SM3 or SM4, as on RHEL, Rocky, Fedora and Alpine.</summary>
    WithoutSm,

    /// <summary>Ed25519 is missing or forbidden (a FIPS-only provider).</summary>
    WithoutEd25519,
}

/// <param name="Message">one sentence with the remedy</param>
public sealed record LibCryptoProblem(LibCryptoProblemKind Kind, string Message);

/// <summary>libcrypto is absent or cannot do what is asked. <see cref="Exception.Message"/> is the one sentence with the remedy.</summary>
public sealed class LibCryptoException(LibCryptoProblem problem) : Exception(problem.Message)
{
    public LibCryptoProblem Problem { get; } = problem;
}

/// <summary>
/// Finds and checks OpenSSL's libcrypto 3, which does everything with a secret SM2, Ed25519 or SM4 key. Verifying never comes here.
/// The library may be the very one the base library has loaded, so nothing global is ever configured or cleaned up
/// (<c>OPENSSL_cleanup</c>, engines, providers): that would take it away from .NET.
/// </summary>
public static class LibCrypto
{
    internal const string Name = "notary-libcrypto";

    private static readonly Lock Gate = new();
    private static string? ConfiguredPath;
    private static nint Handle;
    private static bool ResolverSet;

    /// <summary>True once this process has loaded libcrypto through this class.</summary>
    public static bool IsLoaded => Volatile.Read(ref Handle) != 0;

    /// <summary>The library file to load instead of the system's; null for the system's. Only before the first use.</summary>
    /// <exception cref="InvalidOperationException">a library is loaded already, from elsewhere</exception>
    public static void UsePath(string? path)
    {
        lock (Gate)
        {
            if (Handle != 0 && path != ConfiguredPath)
            {
                throw new InvalidOperationException("libcrypto is loaded already; its path must be set before the first use.");
            }
            ConfiguredPath = path;
        }
    }

    /// <summary>For example "OpenSSL 3.0.19 27 Jan 2026".</summary>
    /// <exception cref="LibCryptoException">absent or too old</exception>
    public static unsafe string Version
    {
        get
        {
            Require();
            return Marshal.PtrToStringUTF8((nint)Evp.OpenSSL_version(0)) ?? "";
        }
    }

    /// <summary>Null when the library is there and can do SM2, SM3, SM4 and Ed25519; otherwise what is wrong and what to do.</summary>
    public static LibCryptoProblem? Check()
    {
        var problem = TryLoad();
        if (problem is not null)
        {
            return problem;
        }
        if (!Evp.HasDigest("SM3") || !Evp.HasCipher("SM4-ECB") || !Evp.HasKeyType("SM2"))
        {
            return new LibCryptoProblem(LibCryptoProblemKind.WithoutSm,
                $"{Where()} was built without SM2, SM3 or SM4 (as on RHEL, Fedora and Alpine): use Debian's or Ubuntu's, or set the path of a full OpenSSL 3 build.");
        }
        if (!Evp.HasKeyType("ED25519"))
        {
            return new LibCryptoProblem(LibCryptoProblemKind.WithoutEd25519,
                $"{Where()} offers no Ed25519 (a FIPS-only configuration?): set the path of a full OpenSSL 3 build.");
        }
        return null;
    }

    /// <summary>SM3 by libcrypto: what own kernels are compared and measured against.</summary>
    /// <exception cref="LibCryptoException">absent or too old</exception>
    public static Hash32 HashSm3(ReadOnlySpan<byte> message)
    {
        Require();
        return Evp.HashSm3(message);
    }

    /// <exception cref="LibCryptoException">absent or too old</exception>
    internal static void Require()
    {
        if (TryLoad() is { } problem)
        {
            throw new LibCryptoException(problem);
        }
    }

    private static string Where() => ConfiguredPath ?? "The system's libcrypto";

    private static LibCryptoProblem? TryLoad()
    {
        if (IsLoaded)
        {
            return null;
        }
        lock (Gate)
        {
            if (Handle != 0)
            {
                return null;
            }
            var handle = Open();
            if (handle == 0)
            {
                return new LibCryptoProblem(LibCryptoProblemKind.Absent, ConfiguredPath is null
                    ? "OpenSSL 3 (libcrypto.so.3) was not found: install it (Debian, Ubuntu: apt-get install libssl3) or set its path."
                    : $"{ConfiguredPath} cannot be loaded as libcrypto: correct the path, or unset it to use the system's OpenSSL 3.");
            }
            if (!NativeLibrary.TryGetExport(handle, "EVP_CipherInit_ex2", out _))
            {
                NativeLibrary.Free(handle);
                return new LibCryptoProblem(LibCryptoProblemKind.TooOld, $"{Where()} is older than OpenSSL 3.0: install OpenSSL 3 or set its path.");
            }
            if (!ResolverSet)
            {
                NativeLibrary.SetDllImportResolver(typeof(LibCrypto).Assembly, static (name, _, _) => name == Name ? Handle : 0);
                ResolverSet = true;
            }
            Volatile.Write(ref Handle, handle);
            return null;
        }
    }

    private static nint Open()
    {
        if (ConfiguredPath is not null)
        {
            return NativeLibrary.TryLoad(ConfiguredPath, out var configured) ? configured : 0;
        }
        string[] names = OperatingSystem.IsWindows() ? ["libcrypto-3-x64.dll", "libcrypto-3-arm64.dll"]
            : OperatingSystem.IsMacOS() ? ["libcrypto.3.dylib"]
            : ["libcrypto.so.3"];
        foreach (var name in names)
        {
            if (NativeLibrary.TryLoad(name, out var handle))
            {
                return handle;
            }
        }
        return 0;
    }
}
