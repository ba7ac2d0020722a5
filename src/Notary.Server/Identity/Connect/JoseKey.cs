using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using Notary.Crypto;

namespace Notary.Server.Identity.Connect;

/// <summary>
/// A public key that verifies JWTs by exactly one algorithm: <c>ES256</c> (RFC 7518) for P-256, or the private name <c>SM2SM3</c> for SM2 with SM3 (GB/T 32918.2, signer's ID
/// 1234567812345678, r‖s of 64 bytes). The token library asks it for everything else and gets no, so that no header can choose another algorithm for it. The checks of key and signature are those of
/// <see cref="SignatureVerifier"/>.
/// </summary>
internal sealed class JoseKey : SecurityKey
{
    /// <summary>ECDSA with P-256 and SHA-256.</summary>
    public const string Es256 = "ES256";

    /// <summary>SM2 with SM3. No registry lists it.</summary>
    public const string Sm2Sm3 = "SM2SM3";

    private const int MaxJwk = 4_096;

    private JoseKey(KeyAlgorithm algorithm, ReadOnlyMemory<byte> publicKey, string name)
    {
        KeyAlgorithm = algorithm;
        PublicKey = publicKey;
        KeyId = name;
        CryptoProviderFactory = new CryptoProviderFactory { CustomCryptoProvider = Verifiers.Instance, CacheSignatureProviders = false };
    }

    /// <summary>The curve.</summary>
    public KeyAlgorithm KeyAlgorithm { get; }

    /// <summary>04‖X‖Y.</summary>
    public ReadOnlyMemory<byte> PublicKey { get; }

    /// <summary>The one algorithm, as a header names it.</summary>
    public string Algorithm => KeyAlgorithm == KeyAlgorithm.Sm2 ? Sm2Sm3 : Es256;

    /// <inheritdoc/>
    public override int KeySize => 256;

    /// <inheritdoc/>
    public override bool IsSupportedAlgorithm(string algorithm) => algorithm == Algorithm;

    /// <summary>The key under a name; null for an algorithm that signs no tokens, or for what is no key of it.</summary>
    /// <param name="publicKey">04‖X‖Y.</param>
    public static JoseKey? Of(KeyAlgorithm algorithm, ReadOnlyMemory<byte> publicKey, string name) =>
        algorithm is KeyAlgorithm.Sm2 or KeyAlgorithm.P256 && PublicKeyInfo.Check(algorithm, publicKey.Span) == PublicKeyFailure.None ? new JoseKey(algorithm, publicKey, name) : null;

    /// <summary>The key of a JWK (RFC 7517, RFC 7518 clause 6.2): P-256 only, and without a private part. Its name is its thumbprint.</summary>
    public static JoseKey? OfJwk(JsonElement jwk)
    {
        // Nothing in it needs an escape; half a surrogate pair could not even be read.
        if (jwk.ValueKind != JsonValueKind.Object || jwk.GetRawText().Contains('\\', StringComparison.Ordinal) || Text(jwk, "kty") != "EC" || Text(jwk, "crv") != "P-256" || jwk.TryGetProperty("d", out _)
            || Coordinate(jwk, "x") is not { } x || Coordinate(jwk, "y") is not { } y)
        {
            return null;
        }

        byte[] publicKey = [4, .. x, .. y];
        return Of(KeyAlgorithm.P256, publicKey, Thumbprint(publicKey));
    }

    /// <summary>The keys of a file: one JWK, or one or two SubjectPublicKeyInfo in PEM (P-256, SM2); null for anything else. The name is the thumbprint, or for SM2 the SHA-256 of the SubjectPublicKeyInfo in hex.</summary>
    public static IReadOnlyList<JoseKey>? OfFile(string text)
    {
        if (text.TrimStart().StartsWith('{'))
        {
            try
            {
                using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 4 });
                return text.Length <= MaxJwk && OfJwk(document.RootElement) is { } only ? [only] : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }

        var keys = new List<JoseKey>();
        ReadOnlySpan<char> rest = text;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            byte[] spki = Convert.FromBase64String(rest[fields.Base64Data].ToString());
            if (rest[fields.Label] is not "PUBLIC KEY" || PublicKeyInfo.TryParse(spki, out KeyAlgorithm algorithm, out byte[] publicKey) != PublicKeyFailure.None
                || Of(algorithm, publicKey, algorithm == KeyAlgorithm.P256 ? Thumbprint(publicKey) : Convert.ToHexStringLower(SHA256.HashData(spki))) is not { } key)
            {
                return null;
            }

            keys.Add(key);
            rest = rest[fields.Location.End..];
        }

        return keys.Count is 1 or 2 ? keys : null;
    }

    /// <summary>The thumbprint of RFC 7638 of a P-256 key, in base64url.</summary>
    /// <param name="publicKey">04‖X‖Y.</param>
    public static string Thumbprint(ReadOnlySpan<byte> publicKey) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(
        $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(publicKey[1..33])}}","y":"{{Base64Url.EncodeToString(publicKey[33..])}}"}""")));

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Coordinate(JsonElement jwk, string name)
    {
        byte[] bytes = new byte[32];
        return Text(jwk, name) is { Length: 43 } text && Base64Url.IsValid(text) && Base64Url.TryDecodeFromChars(text, bytes, out int length) && length == 32 ? bytes : null;
    }

    private sealed class Verifiers : ICryptoProvider
    {
        public static readonly Verifiers Instance = new();

        public bool IsSupportedAlgorithm(string algorithm, params object[] args) => args is [JoseKey key, ..] && key.IsSupportedAlgorithm(algorithm);

        public object Create(string algorithm, params object[] args) => new Verifier((JoseKey)args[0], algorithm);

        public void Release(object cryptoInstance) => (cryptoInstance as IDisposable)?.Dispose();
    }

    private sealed class Verifier(JoseKey key, string algorithm) : SignatureProvider(key, algorithm)
    {
        public override byte[] Sign(byte[] input) => throw new NotSupportedException("A public key does not sign.");

        public override bool Verify(byte[] input, byte[] signature) => SignatureVerifier.Verify(key.KeyAlgorithm, key.PublicKey.Span, input, signature);

        public override bool Verify(byte[] input, int inputOffset, int inputLength, byte[] signature, int signatureOffset, int signatureLength) =>
            SignatureVerifier.Verify(key.KeyAlgorithm, key.PublicKey.Span, input.AsSpan(inputOffset, inputLength), signature.AsSpan(signatureOffset, signatureLength));

        protected override void Dispose(bool disposing)
        {
        }
    }
}
