using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.IdentityModel.Tokens;
using Notary.Crypto;
using Notary.Server.Identity.Store;
using Notary.Server.Options;

namespace Notary.Server.Identity.Connect;

/// <summary>The keys as one server sees them for a minute.</summary>
/// <param name="Signing">Signs now.</param>
/// <param name="Verifying">Verify now: the signing one, the one before until what it signed has expired, and the next one, which is published before it signs.</param>
/// <param name="Published">The same as a JWK Set (RFC 7517 clause 5).</param>
internal sealed record TokenKeySet(SigningCredentials Signing, IReadOnlyList<JoseKey> Verifying, ReadOnlyMemory<byte> Published);

/// <summary>
/// The keys that sign tokens (ES256): in the identity database, encrypted under the identity key, so that servers that share it share them. A key is made an hour before it signs and published at once; every server
/// has read it by then, and whoever keeps the published set for the five minutes that it is good for. The purpose of these keys is <c>token</c> and no other.
/// </summary>
internal sealed class TokenKeys(IdentityDatabase database, ConnectOptions options, TimeProvider time, ILogger<TokenKeys> logger) : IDisposable
{
    // Longer than any token lives, plus the minute in which another server may not yet have gone over to the next key.
    private static readonly TimeSpan Afterwards = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(1);
    private static readonly TimeSpan Reread = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Dictionary<string, ECDsa> _open = [];
    private TokenKeySet? _set;
    private long _readAt;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The keys of now, at most a minute old. While the database does not answer, those that are known go on for an hour.</summary>
    public ValueTask<TokenKeySet> GetAsync() => _set is { } set && Now - Volatile.Read(ref _readAt) < Reread.TotalMilliseconds ? ValueTask.FromResult(set) : new ValueTask<TokenKeySet>(ReadAsync());

    /// <inheritdoc/>
    public void Dispose()
    {
        _gate.Dispose();
        foreach (ECDsa key in _open.Values)
        {
            key.Dispose();
        }
    }

    private async Task<TokenKeySet> ReadAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (_set is { } read && Now - _readAt < Reread.TotalMilliseconds)
            {
                return read;
            }

            await using IdentityContext context = database.NewContext();
            List<TokenKey> keys = await context.TokenKeys.AsNoTracking().OrderBy(static k => k.Number).ToListAsync();
            if (IsNextDue(keys))
            {
                keys = await MakeNextAsync(context);
            }

            _set = SetOf(keys);
            Volatile.Write(ref _readAt, Now);
            return _set;
        }
        catch (DbException lost) when (_set is not null && Now - _readAt < Ahead.TotalMilliseconds)
        {
            Log.TokenKeysStale(logger, lost.Message);
            return _set;
        }
        finally
        {
            _gate.Release();
        }
    }

    private bool IsNextDue(List<TokenKey> keys) => keys.Count == 0 || Now >= keys[^1].SignsFrom + (long)(TimeSpan.FromDays(options.KeyDays) - Ahead).TotalMilliseconds;

    // Also takes away the keys that verify nothing any more: nobody can sign with them afterwards, not even from a backup of the newer table.
    private async Task<List<TokenKey>> MakeNextAsync(IdentityContext context)
    {
        await using IdentityTransaction transaction = await database.BeginAsync(context);
        List<TokenKey> keys = await context.TokenKeys.AsNoTracking().OrderBy(static k => k.Number).ToListAsync();
        if (!IsNextDue(keys))
        {
            // Another server was first.
            return keys;
        }

        long now = Now;
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] pkcs8 = pair.ExportPkcs8PrivateKey();
        long number = keys.Count == 0 ? 1 : keys[^1].Number + 1;
        var next = new TokenKey
        {
            Number = number,
            Kid = JoseKey.Thumbprint(PublicOf(pair)),
            PrivateKey = database.Keys.Seal(Guid.Empty, SealName(number), Convert.ToBase64String(pkcs8)),
            Created = now,
            SignsFrom = keys.Count == 0 ? now : Math.Max(now + (long)Ahead.TotalMilliseconds, keys[^1].SignsFrom + (long)TimeSpan.FromDays(options.KeyDays).TotalMilliseconds),
        };
        CryptographicOperations.ZeroMemory(pkcs8);
        context.TokenKeys.Add(next);
        long[] over = [.. keys.SkipLast(1).Where((_, at) => keys[at + 1].SignsFrom + Afterwards.TotalMilliseconds < now).Select(static k => k.Number)];
        await context.TokenKeys.Where(k => over.Contains(k.Number)).ExecuteDeleteAsync();
        await transaction.CommitAsync(new AuditRow { Time = now, Event = AuditEvent.TokenKey, Target = next.Kid });
        return [.. keys.Where(k => !over.Contains(k.Number)), next];
    }

    private TokenKeySet SetOf(List<TokenKey> keys)
    {
        long now = Now;

        // The first key signs from the moment it is made, which another server's clock may not have reached.
        TokenKey signing = keys.LastOrDefault(k => k.SignsFrom <= now) ?? keys[0];
        TokenKey[] good = [.. keys.Where((_, at) => at == keys.Count - 1 || keys[at + 1].SignsFrom + Afterwards.TotalMilliseconds >= now)];
        JoseKey[] verifying = [.. good.Select(k => JoseKey.Of(KeyAlgorithm.P256, PublicOf(Open(k)), k.Kid) ?? throw new InvalidOperationException("A token key is none of its curve."))];
        return new TokenKeySet(new SigningCredentials(new ECDsaSecurityKey(Open(signing)) { KeyId = signing.Kid }, JoseKey.Es256), verifying, Publish(verifying));
    }

    private ECDsa Open(TokenKey key)
    {
        if (!_open.TryGetValue(key.Kid, out ECDsa? opened))
        {
            byte[] pkcs8 = Convert.FromBase64String(database.Keys.Unseal(Guid.Empty, SealName(key.Number), key.PrivateKey));
            opened = ECDsa.Create();
            opened.ImportPkcs8PrivateKey(pkcs8, out _);
            CryptographicOperations.ZeroMemory(pkcs8);
            _open.Add(key.Kid, opened);
        }

        return opened;
    }

    private static string SealName(long number) => FormattableString.Invariant($"token-key/{number}");

    private static byte[] PublicOf(ECDsa key)
    {
        ECPoint point = key.ExportParameters(includePrivateParameters: false).Q;
        return [4, .. point.X!, .. point.Y!];
    }

    private static ReadOnlyMemory<byte> Publish(IEnumerable<JoseKey> keys)
    {
        var body = new System.Buffers.ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(body);
        json.WriteStartObject();
        json.WriteStartArray("keys");
        foreach (JoseKey key in keys)
        {
            json.WriteStartObject();
            json.WriteString("kty", "EC");
            json.WriteString("crv", "P-256");
            json.WriteString("x", System.Buffers.Text.Base64Url.EncodeToString(key.PublicKey.Span[1..33]));
            json.WriteString("y", System.Buffers.Text.Base64Url.EncodeToString(key.PublicKey.Span[33..]));
            json.WriteString("kid", key.KeyId);
            json.WriteString("use", "sig");
            json.WriteString("alg", JoseKey.Es256);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return body.WrittenMemory;
    }
}
