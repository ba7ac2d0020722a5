using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Notary.Cli.Bench.Load;

/// <summary>What the records of a case look like.</summary>
/// <param name="Lines">Records a request: 1 goes to <c>/api/evidence</c>, more to <c>/api/evidence/batch</c>.</param>
/// <param name="Metadata">Whether each record carries the eight metadata fields.</param>
/// <param name="IdempotencyKeys">Whether each request carries a fresh <c>Idempotency-Key</c>.</param>
internal sealed record RequestShape(int Lines, bool Metadata, bool IdempotencyKeys);

/// <summary>
/// One whole HTTP request, head included, built once; before each sending only its digests (and its key) are overwritten with fresh random
/// hexadecimal digits, so that no two records are alike and the generator costs little. Not thread-safe: one a connection.
/// </summary>
internal sealed class RequestTemplate
{
    private const string HexOfZeros = "0000000000000000000000000000000000000000000000000000000000000000";
    private const int HexDigits = 64;
    private readonly byte[] _request;
    private readonly int[] _sm3;
    private readonly int[] _sha256;
    private readonly int _bodyStart;
    private readonly int _key;
    private readonly byte[] _random = new byte[64];
    private ulong _state0;
    private ulong _state1;

    /// <summary>Builds the request.</summary>
    public RequestTemplate(RequestShape shape, Uri server, string bearer)
    {
        byte[] body = Body(shape);
        string path = shape.Lines == 1 ? "api/evidence" : "api/evidence/batch";
        string media = shape.Lines == 1 ? "application/json" : "application/x-ndjson";
        var head = new StringBuilder()
            .Append("POST ").Append(new Uri(server, path).AbsolutePath).Append(" HTTP/1.1\r\nHost: ").Append(server.Authority)
            .Append("\r\nAuthorization: Bearer ").Append(bearer)
            .Append("\r\nContent-Type: ").Append(media)
            .Append("\r\nContent-Length: ").Append(body.Length).Append("\r\n");
        if (shape.IdempotencyKeys)
        {
            head.Append("Idempotency-Key: ").Append('0', 32).Append("\r\n");
        }

        byte[] headBytes = Encoding.ASCII.GetBytes(head.Append("\r\n").ToString());
        _request = [.. headBytes, .. body];
        _bodyStart = headBytes.Length;
        _key = shape.IdempotencyKeys ? headBytes.AsSpan().IndexOf("Idempotency-Key: "u8) + 17 : -1;
        _sm3 = Offsets("\"sm3\":\""u8, shape.Lines);
        _sha256 = Offsets("\"sha256\":\""u8, shape.Lines);
        Span<byte> seed = stackalloc byte[16];
        RandomNumberGenerator.Fill(seed);
        _state0 = BitConverter.ToUInt64(seed) | 1;
        _state1 = BitConverter.ToUInt64(seed[8..]);
    }

    /// <summary>Records in each request.</summary>
    public int Lines => _sm3.Length;

    /// <summary>The request as it is sent now.</summary>
    public ReadOnlyMemory<byte> Request => _request;

    /// <summary>The body as it is sent now.</summary>
    public ReadOnlySpan<byte> SentBody => _request.AsSpan(_bodyStart);

    /// <summary>The SM3 digest of a record as it is sent now, 64 hexadecimal digits.</summary>
    public string Sm3(int line) => Encoding.ASCII.GetString(_request, _sm3[line], HexDigits);

    /// <summary>Copies the SM3 digest of a record as it is sent now.</summary>
    public void CopySm3(int line, Span<byte> digits) => _request.AsSpan(_sm3[line], HexDigits).CopyTo(digits);

    /// <summary>Overwrites every digest, and the key, with fresh random digits.</summary>
    public void Renew()
    {
        if (_key >= 0)
        {
            // As the client library draws them: a UUIDv7 begins with its time, so that neighbours in time are neighbours in the server's table.
            Guid.CreateVersion7().TryFormat(_request.AsSpan(_key, 32), out _, "N");
        }

        for (int i = 0; i < _sm3.Length; i++)
        {
            FillHex(_sm3[i], 32);
            FillHex(_sha256[i], 32);
        }
    }

    private void FillHex(int offset, int bytes)
    {
        // xoroshiro128+: fast and without short cycles; nothing here is a secret.
        Span<byte> random = _random.AsSpan(0, bytes);
        for (int i = 0; i < bytes; i += 8)
        {
            ulong s0 = _state0;
            ulong s1 = _state1;
            BitConverter.TryWriteBytes(random[i..], s0 + s1);
            s1 ^= s0;
            _state0 = ulong.RotateLeft(s0, 24) ^ s1 ^ (s1 << 16);
            _state1 = ulong.RotateLeft(s1, 37);
        }

        Convert.TryToHexStringLower(random, _request.AsSpan(offset, bytes * 2), out _);
    }

    private int[] Offsets(ReadOnlySpan<byte> before, int lines)
    {
        var offsets = new int[lines];
        int from = _bodyStart;
        for (int i = 0; i < lines; i++)
        {
            int at = _request.AsSpan(from).IndexOf(before);
            from += at + before.Length;
            offsets[i] = from;
        }

        return offsets;
    }

    private static byte[] Body(RequestShape shape)
    {
        var buffer = new ArrayBufferWriter<byte>();
        for (int i = 0; i < shape.Lines; i++)
        {
            using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            {
                WriteLine(json, shape, i);
            }

            if (shape.Lines > 1)
            {
                buffer.Write("\n"u8);
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteLine(Utf8JsonWriter json, RequestShape shape, int line)
    {
        json.WriteStartObject();
        json.WriteString("type", BenchRecord.EvidenceType);
        json.WriteStartArray("parts");
        json.WriteStartObject();
        json.WriteString("media", "application/pdf");
        json.WriteString("sha256", HexOfZeros);
        json.WriteNumber("size", 100_000 + line);
        json.WriteString("sm3", HexOfZeros);
        json.WriteEndObject();
        json.WriteEndArray();
        if (shape.Metadata)
        {
            json.WriteStartObject("metadata");
            foreach ((string name, string value) in BenchRecord.Metadata)
            {
                json.WriteString(name, value);
            }

            json.WriteStartArray("files");
            json.WriteStringValue($"scan-{line:D4}.pdf");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}

/// <summary>The constant content of the records that the bench deposits.</summary>
internal static class BenchRecord
{
    /// <summary>Evidence type of every record.</summary>
    public const string EvidenceType = "document";

    /// <summary>Seven metadata fields; <c>files</c>, written beside them, is the eighth.</summary>
    public static readonly (string Name, string Value)[] Metadata =
    [
        ("authority", "佛山市禅城区市场监督管理局"),
        ("case", "(2026) 粤0604 民初 1234 号"),
        ("collected", "2026-03-01T09:30:00.000Z"),
        ("collector", "officer 4711"),
        ("description", "Photograph of the counter display taken during the inspection"),
        ("method", "on-site photograph"),
        ("title", "Inspection record, page scan"),
    ];
}
