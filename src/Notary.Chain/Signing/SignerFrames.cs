using System.Buffers.Binary;
using System.Text;
using Notary.Crypto;

namespace Notary.Chain.Signing;

/// <summary>What a log asks of its signer. Numbers frozen.</summary>
public enum SignerRequest : byte
{
    /// <summary>Which key it holds for the origin that follows.</summary>
    Key = 1,

    /// <summary>A signature over the text of a checkpoint, which follows.</summary>
    Sign = 2,
}

/// <summary>What the signer answers. Numbers frozen; the code in its audit lines is the name in lower case with hyphens.</summary>
public enum SignerAnswer : byte
{
    /// <summary>Done: the key or the signature follows.</summary>
    Done = 0,

    /// <summary>No request of this version.</summary>
    Malformed = 1,

    /// <summary>Another origin than the one it signs for.</summary>
    OtherOrigin = 2,

    /// <summary>The text is no checkpoint, or has lines that this log does not write.</summary>
    NotACheckpoint = 3,

    /// <summary>A smaller size than one that it has signed.</summary>
    Behind = 4,

    /// <summary>Another root than the one that it has signed for this size.</summary>
    OtherRoot = 5,

    /// <summary>Its disk or its key failed; nothing was signed.</summary>
    Failed = 6,
}

/// <summary>
/// The frames between a log and its signer on a Unix socket (docs/spec/signer.md): a big-endian 32-bit length, then the version, a number, and the rest.
/// </summary>
internal static class SignerFrames
{
    /// <summary>The version of the frames.</summary>
    public const byte Version = 1;

    /// <summary>Most bytes after the length.</summary>
    public const int MaximumLength = 8192;

    private const int Head = sizeof(uint) + 2;

    /// <summary>A frame.</summary>
    public static byte[] Of(byte number, ReadOnlySpan<byte> rest)
    {
        var frame = new byte[Head + rest.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)(rest.Length + 2));
        frame[sizeof(uint)] = Version;
        frame[sizeof(uint) + 1] = number;
        rest.CopyTo(frame.AsSpan(Head));
        return frame;
    }

    /// <summary>A refusal, with its sentence.</summary>
    public static byte[] Refusal(SignerAnswer answer, string sentence) => Of((byte)answer, Encoding.UTF8.GetBytes(sentence));

    /// <summary>The answer to <see cref="SignerRequest.Key"/>: the algorithm's number and the public key.</summary>
    public static byte[] Key(KeyAlgorithm algorithm, ReadOnlySpan<byte> publicKey) => Of((byte)SignerAnswer.Done, [(byte)algorithm, .. publicKey]);

    /// <summary>What follows the length of the next frame; null at the end of the stream.</summary>
    /// <exception cref="InvalidDataException">A length that no frame has.</exception>
    /// <exception cref="EndOfStreamException">It ends in the midst of a frame.</exception>
    public static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        var head = new byte[sizeof(uint)];
        var read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
        if (read == 0)
        {
            return null;
        }

        var length = read == head.Length ? BinaryPrimitives.ReadUInt32BigEndian(head) : throw new EndOfStreamException("It ends in the midst of a frame.");
        if (length is < 2 or > MaximumLength)
        {
            throw new InvalidDataException($"A frame of {length} bytes is none.");
        }

        var body = new byte[length];
        await stream.ReadExactlyAsync(body, cancellation).ConfigureAwait(false);
        return body;
    }
}
