using System.Security.Cryptography;

namespace Notary.Crypto;

/// <summary>
/// AES-256-GCM (SP 800-38D) twice: over the secret, and over the plaintext; their two 16-byte tags share the place of the MAC. The secret is
/// wrapped under a key derived from the wrapping key and the whole 16-byte iv, since 96-bit random nonces under one key for good
/// would end at 2^32 boxes (SP 800-38D 8.3).
/// </summary>
internal sealed class IntlItemScheme(ReadOnlySpan<byte> wrappingKey) : ItemScheme
{
    private const int NonceSize = 12;
    private const int TagSize = 16;

    private readonly byte[] _wrappingKey = wrappingKey.ToArray();

    public override void Seal(in ItemBatch batch)
    {
        Span<byte> authenticated = stackalloc byte[ItemBox.CiphertextAt + ItemBox.AssociatedSize];
        for (var i = 0; i < batch.Secrets.Length; i++)
        {
            var box = batch.Box(i);
            var plaintext = batch.Plaintext(i);
            var tags = box[^ItemBox.MacSize..];
            var nonce = box.Slice(ItemBox.IvAt, NonceSize);
            var associated = batch.Associated.Slice(i * ItemBox.AssociatedSize, ItemBox.AssociatedSize);

            using (var wrap = Wrapper(box.Slice(ItemBox.IvAt, ItemBox.IvSize)))
            {
                var about = Authenticated(box[..ItemBox.WrappedAt], associated, authenticated);
                wrap.Encrypt(nonce, batch.Secrets[i].AsSpan(), box.Slice(ItemBox.WrappedAt, Hash32.Size), tags[..TagSize], about);
            }
            using (var content = Content(batch.Secrets[i]))
            {
                var about = Authenticated(box[..ItemBox.CiphertextAt], associated, authenticated);
                content.Encrypt(nonce, plaintext, box.Slice(ItemBox.CiphertextAt, plaintext.Length), tags[TagSize..], about);
            }
        }
    }

    public override bool TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> associated, out Hash32 secret, out byte[] plaintext)
    {
        secret = default;
        plaintext = [];
        var tags = box[^ItemBox.MacSize..];
        var nonce = box.Slice(ItemBox.IvAt, NonceSize);
        Span<byte> authenticated = stackalloc byte[ItemBox.CiphertextAt + ItemBox.AssociatedSize];
        Span<byte> opened = stackalloc byte[Hash32.Size];
        var clear = new byte[box.Length - ItemBox.Overhead];
        try
        {
            using (var wrap = Wrapper(box.Slice(ItemBox.IvAt, ItemBox.IvSize)))
            {
                var about = Authenticated(box[..ItemBox.WrappedAt], associated, authenticated);
                wrap.Decrypt(nonce, box.Slice(ItemBox.WrappedAt, Hash32.Size), tags[..TagSize], opened, about);
            }
            var found = Hash32.FromSpan(opened);
            using (var content = Content(found))
            {
                var about = Authenticated(box[..ItemBox.CiphertextAt], associated, authenticated);
                content.Decrypt(nonce, box.Slice(ItemBox.CiphertextAt, clear.Length), tags[TagSize..], clear, about);
            }
            secret = found;
            plaintext = clear;
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    public override void Dispose() => CryptographicOperations.ZeroMemory(_wrappingKey);

    private AesGcm Wrapper(ReadOnlySpan<byte> iv)
    {
        Span<byte> message = stackalloc byte[HmacLabel.ItemWrap.Length + ItemBox.IvSize];
        HmacLabel.ItemWrap.CopyTo(message);
        iv.CopyTo(message[HmacLabel.ItemWrap.Length..]);
        return new AesGcm(Suite.Intl.Hmac(_wrappingKey, message).AsSpan(), TagSize);
    }

    private static AesGcm Content(in Hash32 secret) => new(Suite.Intl.Hmac(secret.AsSpan(), HmacLabel.ItemKey).AsSpan(), TagSize);

    private static ReadOnlySpan<byte> Authenticated(ReadOnlySpan<byte> start, ReadOnlySpan<byte> associated, Span<byte> buffer)
    {
        start.CopyTo(buffer);
        associated.CopyTo(buffer[start.Length..]);
        return buffer[..(start.Length + associated.Length)];
    }
}
