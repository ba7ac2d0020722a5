using System.Security.Cryptography;
using System.Text;
using Notary.Crypto.Native;

namespace Notary.Crypto;

/// <param name="Name">what was computed</param>
/// <param name="Source">standard and clause of the known answer</param>
/// <param name="Detail">empty when passed; otherwise what came out, or the remedy</param>
public sealed record SelfTestCase(string Name, string Source, bool Passed, string Detail);

public sealed record SelfTestReport(IReadOnlyList<SelfTestCase> Cases)
{
    public bool Passed => Cases.All(c => c.Passed);
}

/// <summary>Known answers of every primitive, each with the clause that it stands in. The managed part loads no native library of ours.</summary>
public static class SelfTest
{
    private const string Sm2Key =
        "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13";

    private const string Sm2Signature =
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";

    /// <param name="includeNative">also try libcrypto: SM4, and signing with SM2 and Ed25519</param>
    public static SelfTestReport Run(bool includeNative)
    {
        var cases = new List<SelfTestCase>();
        Hashes(cases);
        Signatures(cases);
        Ciphers(cases);
        if (includeNative)
        {
            Native(cases);
        }
        return new SelfTestReport(cases);
    }

    private static void Hashes(List<SelfTestCase> cases)
    {
        var abc = "abc"u8.ToArray();
        var abcd = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("abcd", 16)));
        const string Sm3Abc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        const string Sm3Abcd = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732";
        Equal(cases, "SM3 of \"abc\"", "GM/T 0004-2012 A.1", Sm3Abc, () => Suite.Sm.Hash(abc).ToHex());
        Equal(cases, "SM3 of \"abcd\" 16 times", "GM/T 0004-2012 A.2", Sm3Abcd, () => Suite.Sm.Hash(abcd).ToHex());
        foreach (var kernel in Sm3Kernels.All.Where(k => k.Supported))
        {
            Equal(cases, $"SM3 kernel {kernel.Name}", "GM/T 0004-2012 A.1, A.2", Sm3Abc + Sm3Abcd, () => Many(kernel, abc, abcd));
        }
        Equal(cases, "HMAC-SM3", "GM/T 0042-2015 annex D.3",
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
            () => Suite.Sm.Hmac(
                Convert.FromHexString("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"),
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopqabcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"u8).ToHex());
        Equal(cases, "SHA-256 of \"abc\"", "FIPS 180-4; NIST CSRC example SHA256.pdf",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", () => Suite.Intl.Hash(abc).ToHex());
        Equal(cases, "HMAC-SHA-256, test case 1", "RFC 4231 4.2",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            () => Suite.Intl.Hmac(Enumerable.Repeat((byte)0x0b, 20).ToArray(), "Hi There"u8).ToHex());
        Equal(cases, "HMAC-SHA-256, test case 2", "RFC 4231 4.3",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            () => Suite.Intl.Hmac("Jefe"u8, "what do ya want for nothing?"u8).ToHex());
    }

    // Lane counts beside, at and above the kernel's own, so that full and half-filled groups are both used.
    private static string Many(Sm3Kernel kernel, byte[] first, byte[] second)
    {
        var n = (2 * kernel.Lanes) + 3;
        byte[] arena = [.. first, .. second];
        var messages = new Slice[n];
        var digests = new Hash32[n];
        for (var i = 0; i < n; i++)
        {
            messages[i] = i % 2 == 0 ? new Slice(0, first.Length) : new Slice(first.Length, second.Length);
        }
        kernel.HashMany(arena, messages, digests);
        for (var i = 2; i < n; i++)
        {
            if (digests[i] != digests[i % 2])
            {
                return $"lane {i}: {digests[i]}";
            }
        }
        return digests[0].ToHex() + digests[1].ToHex();
    }

    private static void Signatures(List<SelfTestCase> cases)
    {
        Verifies(cases, "SM2 verify", "GM/T 0003.5-2012 annex A.2", KeyAlgorithm.Sm2, Sm2Key, "message digest"u8.ToArray(), Sm2Signature);
        Verifies(cases, "Ed25519 verify, test 1", "RFC 8032 7.1", KeyAlgorithm.Ed25519,
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", [],
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
        Verifies(cases, "Ed25519 verify, test 2", "RFC 8032 7.1", KeyAlgorithm.Ed25519,
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", [0x72],
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
        Verifies(cases, "Ed25519 verify, test 3", "RFC 8032 7.1", KeyAlgorithm.Ed25519,
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", [0xaf, 0x82],
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
        Verifies(cases, "ECDSA P-256 verify with SHA-256", "RFC 6979 A.2.5, message \"sample\"", KeyAlgorithm.P256,
            "0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB67903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
            "sample"u8.ToArray(),
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");
    }

    private static void Ciphers(List<SelfTestCase> cases)
    {
        Equal(cases, "AES-256-GCM", "GCM specification (McGrew, Viega), test case 14",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
            () =>
            {
                using var gcm = new AesGcm(new byte[32], 16);
                var ciphertext = new byte[16];
                var tag = new byte[16];
                gcm.Encrypt(new byte[12], new byte[16], ciphertext, tag);
                return Convert.ToHexStringLower(ciphertext) + Convert.ToHexStringLower(tag);
            });
    }

    private static void Native(List<SelfTestCase> cases)
    {
        if (LibCrypto.Check() is { } problem)
        {
            cases.Add(new SelfTestCase("libcrypto", "OpenSSL 3 with SM2, SM3, SM4 and Ed25519", false, problem.Message));
            return;
        }
        Equal(cases, "SM4 (libcrypto)", "GM/T 0002-2012 A.1", "681edf34d206965e86b3e94f536e4246", Sm4Example);
        Equal(cases, "SM3 of \"abc\" (libcrypto)", "GM/T 0004-2012 A.1",
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", () => LibCrypto.HashSm3("abc"u8).ToHex());
        foreach (var algorithm in new[] { KeyAlgorithm.Sm2, KeyAlgorithm.Ed25519 })
        {
            Equal(cases, $"{algorithm} sign (libcrypto), verify (managed)", "pairwise consistency, FIPS 140-3 IG 10.3.A", "True", () =>
            {
                using var signer = NativeSigner.Generate(algorithm);
                var message = "message digest"u8;
                return SignatureVerifier.Verify(algorithm, signer.PublicKey.Span, message, signer.Sign(message)).ToString();
            });
        }
    }

    private static unsafe string Sm4Example()
    {
        var block = Convert.FromHexString("0123456789abcdeffedcba9876543210");
        using var sm4 = new Sm4Blocks(block);
        fixed (byte* p = block)
        {
            sm4.Encrypt(p, block.Length);
        }
        return Convert.ToHexStringLower(block);
    }

    private static void Verifies(List<SelfTestCase> cases, string name, string source, KeyAlgorithm algorithm, string key, byte[] message, string signature)
        => Equal(cases, name, source, "None, Mismatch", () =>
        {
            var keyBytes = Convert.FromHexString(key);
            var signatureBytes = Convert.FromHexString(signature);
            var good = SignatureVerifier.Check(algorithm, keyBytes, message, signatureBytes);
            signatureBytes[40] ^= 1;
            return $"{good}, {SignatureVerifier.Check(algorithm, keyBytes, message, signatureBytes)}";
        });

    private static void Equal(List<SelfTestCase> cases, string name, string source, string expected, Func<string> compute)
    {
        string found;
        try
        {
            found = compute();
        }
        catch (CryptographicException e)
        {
            found = e.Message;
        }
        cases.Add(new SelfTestCase(name, source, found == expected, found == expected ? "" : $"expected {expected}, found {found}"));
    }
}
