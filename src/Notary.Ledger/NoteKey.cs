using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Notary.Crypto;

namespace Notary.Ledger;

/// <summary>
/// Signature types of notes. The first two are C2SP's identifier bytes; the others are the private types of the <c>sm</c> suite,
/// whose identifier is 0xff and a long name (see <see cref="NoteKey.TypeIdentifier"/>) and whose numbers here are ours alone.
/// </summary>
public enum NoteKeyType
{
    /// <summary>C2SP signed-note type 0x01: Ed25519 over the note text.</summary>
    Ed25519 = 0x01,

    /// <summary>C2SP tlog-cosignature type 0x04: timestamped Ed25519 cosignature of a checkpoint.</summary>
    Ed25519Cosignature = 0x04,

    /// <summary>0xff <c>notary/sm2-note/v1</c>: SM2 with SM3 over the note text, raw r‖s.</summary>
    Sm2Note = 0x101,

    /// <summary>0xff <c>notary/sm2-cosignature/v1</c>: timestamped SM2 cosignature of a checkpoint.</summary>
    Sm2Cosignature = 0x102,
}

/// <summary>Why a verifier key was not taken.</summary>
public enum NoteKeyProblem
{
    None = 0,

    /// <summary>Not <c>name+id+key</c>.</summary>
    Malformed = 1,

    /// <summary>The name is empty or holds a Unicode space, a control character or an unpaired surrogate.</summary>
    BadName = 2,

    /// <summary>The key id is not eight lower-case hex digits.</summary>
    BadKeyId = 3,

    /// <summary>The key is not canonical base64.</summary>
    BadBase64 = 4,

    /// <summary>A signature type that this platform does not know.</summary>
    UnknownType = 5,

    /// <summary>The public key has not the length of its type, or is no uncompressed point.</summary>
    BadKey = 6,

    /// <summary>The key id is not the one that follows from name, type and key.</summary>
    KeyIdMismatch = 7,
}

/// <summary>
/// A verifier key of a signed note (C2SP signed-note, "Verifier keys"):
/// <c>&lt;name&gt;+hex(key id)+base64(type ‖ public key)</c>, key id = SHA-256(name ‖ 0x0A ‖ type ‖ public key), first four bytes.
/// The id's hash is SHA-256 in both suites. Public keys: Ed25519 32 bytes, SM2 04‖X‖Y. Immutable.
/// </summary>
public sealed class NoteKey : IEquatable<NoteKey>
{
    /// <summary>Bytes of a signature, without the time of a cosignature, in all four types.</summary>
    private const int RawSignatureLength = 64;

    /// <summary>Most characters of a verifier key that is read at all.</summary>
    private const int MaxLength = 1024;

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    private static readonly NoteKeyType[] Types =
        [NoteKeyType.Ed25519, NoteKeyType.Ed25519Cosignature, NoteKeyType.Sm2Note, NoteKeyType.Sm2Cosignature];

    private static readonly byte[] Sm2NoteIdentifier = [0xff, .. "notary/sm2-note/v1"u8];

    private static readonly byte[] Sm2CosignatureIdentifier = [0xff, .. "notary/sm2-cosignature/v1"u8];

    private readonly byte[] _publicKey;

    private NoteKey(string name, NoteKeyType type, byte[] publicKey)
    {
        Name = name;
        Type = type;
        _publicKey = publicKey;
        byte[] message = [.. Encoding.UTF8.GetBytes(name), (byte)'\n', .. TypeIdentifier(type), .. publicKey];
        KeyId = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(message));
    }

    public string Name { get; }

    /// <summary>First four bytes of the key's hash, big-endian. An identifier, not a fingerprint: it is easily collided.</summary>
    public uint KeyId { get; }

    public NoteKeyType Type { get; }

    public ReadOnlySpan<byte> PublicKey => _publicKey;

    /// <summary>Whether signatures carry a time and cover the cosignature message instead of the bare text.</summary>
    public bool IsCosignature => Type is NoteKeyType.Ed25519Cosignature or NoteKeyType.Sm2Cosignature;

    public KeyAlgorithm Algorithm => AlgorithmOf(Type);

    /// <summary>The suite that the key's type belongs to; a log key's type fixes the hash of its tree.</summary>
    public Suite Suite => Algorithm == KeyAlgorithm.Sm2 ? Suite.Sm : Suite.Intl;

    /// <summary>The bytes that stand for a type in key ids and verifier keys.</summary>
    public static ReadOnlySpan<byte> TypeIdentifier(NoteKeyType type) => type switch
    {
        NoteKeyType.Ed25519 => [0x01],
        NoteKeyType.Ed25519Cosignature => [0x04],
        NoteKeyType.Sm2Note => Sm2NoteIdentifier,
        NoteKeyType.Sm2Cosignature => Sm2CosignatureIdentifier,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Builds the key of a name and a public key.</summary>
    /// <exception cref="ArgumentException">The name or the key is not well formed.</exception>
    public static NoteKey Create(string name, NoteKeyType type, ReadOnlySpan<byte> publicKey)
    {
        if (!IsValidName(name))
        {
            throw new ArgumentException("Not a key name.", nameof(name));
        }

        if (!IsWellFormed(type, publicKey))
        {
            throw new ArgumentException("Not a public key of this type.", nameof(publicKey));
        }

        return new NoteKey(name, type, publicKey.ToArray());
    }

    /// <summary>The type with which a key of this algorithm signs notes, or cosigns checkpoints.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The algorithm signs no notes (P-256).</exception>
    public static NoteKeyType TypeFor(KeyAlgorithm algorithm, bool cosignature) => (algorithm, cosignature) switch
    {
        (KeyAlgorithm.Ed25519, false) => NoteKeyType.Ed25519,
        (KeyAlgorithm.Ed25519, true) => NoteKeyType.Ed25519Cosignature,
        (KeyAlgorithm.Sm2, false) => NoteKeyType.Sm2Note,
        (KeyAlgorithm.Sm2, true) => NoteKeyType.Sm2Cosignature,
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Parses a verifier key.</summary>
    public static NoteKeyProblem TryParse(string vkey, out NoteKey? key)
    {
        ArgumentNullException.ThrowIfNull(vkey);
        key = null;
        var first = vkey.IndexOf('+', StringComparison.Ordinal);
        var second = first < 0 ? -1 : vkey.IndexOf('+', first + 1);
        if (second < 0 || vkey.Length > MaxLength)
        {
            return NoteKeyProblem.Malformed;
        }

        var name = vkey[..first];
        if (!IsValidName(name))
        {
            return NoteKeyProblem.BadName;
        }

        var id = vkey.AsSpan(first + 1, second - first - 1);
        if (id.Length != 8 || id.ContainsAnyExcept(LowerHex))
        {
            return NoteKeyProblem.BadKeyId;
        }

        if (!CanonicalBase64.TryDecode(vkey.AsSpan(second + 1), out var bytes))
        {
            return NoteKeyProblem.BadBase64;
        }

        foreach (var type in Types)
        {
            var identifier = TypeIdentifier(type);
            if (!bytes.AsSpan().StartsWith(identifier))
            {
                continue;
            }

            var publicKey = bytes.AsSpan(identifier.Length);
            if (!IsWellFormed(type, publicKey))
            {
                return NoteKeyProblem.BadKey;
            }

            var parsed = new NoteKey(name, type, publicKey.ToArray());
            if (parsed.KeyId != uint.Parse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))
            {
                return NoteKeyProblem.KeyIdMismatch;
            }

            key = parsed;
            return NoteKeyProblem.None;
        }

        return NoteKeyProblem.UnknownType;
    }

    /// <summary>The verifier key as text.</summary>
    public string Format()
    {
        byte[] bytes = [.. TypeIdentifier(Type), .. _publicKey];
        return string.Create(CultureInfo.InvariantCulture, $"{Name}+{KeyId:x8}+{Convert.ToBase64String(bytes)}");
    }

    public override string ToString() => Format();

    /// <summary>
    /// Whether a signature line with this name and key id is this key's. What is not must be ignored, not refused.
    /// </summary>
    public bool Matches(NoteSignature signature) => signature.KeyId == KeyId && string.Equals(signature.Name, Name, StringComparison.Ordinal);

    /// <summary>
    /// Verifies the bytes that follow the key id on a signature line. <paramref name="cosignatureTime"/> is the POSIX time, in
    /// seconds, that a valid cosignature covers, and null otherwise.
    /// </summary>
    /// <param name="text">The note text, with its final newline.</param>
    /// <param name="signature">Note types: r‖s, 64 bytes. Cosignatures: u64 big-endian time, then 64 bytes.</param>
    public bool Verify(string text, ReadOnlySpan<byte> signature, out long? cosignatureTime)
    {
        ArgumentNullException.ThrowIfNull(text);
        cosignatureTime = null;
        if (!IsCosignature)
        {
            return signature.Length == RawSignatureLength && SignatureVerifier.Verify(Algorithm, _publicKey, Encoding.UTF8.GetBytes(text), signature);
        }

        if (signature.Length != sizeof(ulong) + RawSignatureLength)
        {
            return false;
        }

        var time = BinaryPrimitives.ReadUInt64BigEndian(signature);
        if (time > long.MaxValue || !SignatureVerifier.Verify(Algorithm, _publicKey, CosignatureMessage(text, (long)time), signature[sizeof(ulong)..]))
        {
            return false;
        }

        cosignatureTime = (long)time;
        return true;
    }

    public bool Equals(NoteKey? other) =>
        other is not null && Type == other.Type && string.Equals(Name, other.Name, StringComparison.Ordinal) && _publicKey.AsSpan().SequenceEqual(other._publicKey);

    public override bool Equals(object? obj) => Equals(obj as NoteKey);

    public override int GetHashCode() => HashCode.Combine(Name, KeyId);

    /// <summary>C2SP signed-note: not empty, no Unicode spaces, no plus; and, as no note may hold them, no control characters.</summary>
    public static bool IsValidName([NotNullWhen(true)] string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return false;
        }

        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] < 0x20 || name[i] == '+' || char.IsWhiteSpace(name[i]))
            {
                return false;
            }

            if (char.IsSurrogate(name[i]) && (!char.IsHighSurrogate(name[i]) || ++i == name.Length || !char.IsLowSurrogate(name[i])))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>C2SP tlog-cosignature: what a timestamped cosignature signs.</summary>
    internal static byte[] CosignatureMessage(string text, long time) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"cosignature/v1\ntime {time}\n{text}"));

    private static KeyAlgorithm AlgorithmOf(NoteKeyType type) =>
        type is NoteKeyType.Ed25519 or NoteKeyType.Ed25519Cosignature ? KeyAlgorithm.Ed25519 : KeyAlgorithm.Sm2;

    private static bool IsWellFormed(NoteKeyType type, ReadOnlySpan<byte> publicKey) => AlgorithmOf(type) == KeyAlgorithm.Ed25519
        ? publicKey.Length == 32
        : publicKey.Length == 65 && publicKey[0] == 0x04;
}
