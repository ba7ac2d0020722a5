using System.Reflection;
using System.Runtime.Loader;
using Notary.Crypto.Native;

namespace Notary.Crypto.Tests;

/// <summary>What is loaded when. Each test loads the assembly afresh, with statics of its own, since other tests have loaded libcrypto long ago.</summary>
public class LibCryptoTests
{
    [Fact]
    public void Verifying_hashing_and_the_managed_self_test_load_no_native_library()
    {
        var fresh = Fresh();
        var report = fresh.GetType("Notary.Crypto.SelfTest")!.GetMethod("Run")!.Invoke(null, [false])!;
        // The managed part verifies with SM2, Ed25519 and P-256 and runs every hash and kernel.
        Assert.True((bool)report.GetType().GetProperty("Passed")!.GetValue(report)!);
        Assert.False(IsLoaded(fresh));

        report = fresh.GetType("Notary.Crypto.SelfTest")!.GetMethod("Run")!.Invoke(null, [true])!;
        Assert.True((bool)report.GetType().GetProperty("Passed")!.GetValue(report)!);
        Assert.True(IsLoaded(fresh));
    }

    [Theory]
    [InlineData("/nonexistent/libcrypto.so.3", "Absent")]
    [InlineData("libm.so.6", "TooOld")]
    public void A_library_that_does_not_serve_ends_in_one_sentence_with_the_remedy(string path, string kind)
    {
        var fresh = Fresh();
        var type = fresh.GetType("Notary.Crypto.Native.LibCrypto")!;
        type.GetMethod("UsePath")!.Invoke(null, [path]);
        var problem = type.GetMethod("Check")!.Invoke(null, null)!;
        Assert.Equal(kind, problem.GetType().GetProperty("Kind")!.GetValue(problem)!.ToString());
        var message = (string)problem.GetType().GetProperty("Message")!.GetValue(problem)!;
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.False(IsLoaded(fresh));

        // The self-test reports it instead of failing over it, and a signer refuses with the same sentence.
        var report = fresh.GetType("Notary.Crypto.SelfTest")!.GetMethod("Run")!.Invoke(null, [true])!;
        Assert.False((bool)report.GetType().GetProperty("Passed")!.GetValue(report)!);
        var generate = fresh.GetType("Notary.Crypto.Native.NativeSigner")!.GetMethod("Generate")!;
        var refused = Assert.Throws<TargetInvocationException>(() => generate.Invoke(null, [Enum.ToObject(fresh.GetType("Notary.Crypto.KeyAlgorithm")!, (byte)1)]));
        Assert.Equal(message, refused.InnerException!.Message);
    }

    [Fact]
    public void A_configured_path_is_used_and_cannot_be_changed_afterwards()
    {
        var fresh = Fresh();
        var type = fresh.GetType("Notary.Crypto.Native.LibCrypto")!;
        type.GetMethod("UsePath")!.Invoke(null, ["libcrypto.so.3"]);
        Assert.Null(type.GetMethod("Check")!.Invoke(null, null));
        Assert.StartsWith("OpenSSL 3", (string)type.GetProperty("Version")!.GetValue(null)!, StringComparison.Ordinal);
        var late = Assert.Throws<TargetInvocationException>(() => type.GetMethod("UsePath")!.Invoke(null, ["/elsewhere"]));
        Assert.IsType<InvalidOperationException>(late.InnerException);
        type.GetMethod("UsePath")!.Invoke(null, ["libcrypto.so.3"]);
    }

    [Fact]
    public void The_systems_library_has_everything()
    {
        Assert.Null(LibCrypto.Check());
        Assert.True(LibCrypto.IsLoaded);
    }

    private static Assembly Fresh()
        => new AssemblyLoadContext("fresh").LoadFromAssemblyPath(typeof(LibCrypto).Assembly.Location);

    private static bool IsLoaded(Assembly assembly)
        => (bool)assembly.GetType("Notary.Crypto.Native.LibCrypto")!.GetProperty("IsLoaded")!.GetValue(null)!;
}
