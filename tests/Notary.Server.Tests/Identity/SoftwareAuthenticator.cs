using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Notary.Server.Tests.Identity;

/// <summary>An authenticator with one ES256 passkey (WebAuthn Level 3; attestation "none"), which does what it is told, right or wrong.</summary>
internal sealed class SoftwareAuthenticator(string origin) : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly byte[] _id = RandomNumberGenerator.GetBytes(32);
    private string _user = "";
    private uint _counter;

    /// <summary>Whether it says that it verified its user.</summary>
    public bool Verifies { get; set; } = true;

    /// <summary>What it says where it is.</summary>
    public string Origin { get; set; } = origin;

    public string Id => Base64Url.EncodeToString(_id);

    public JsonObject Create(JsonNode options)
    {
        _user = options["user"]!["id"]!.GetValue<string>();
        ECParameters point = _key.ExportParameters(false);

        // COSE_Key {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        byte[] cose = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, .. point.Q.X!, 0x22, 0x58, 0x20, .. point.Q.Y!];
        byte[] data = [.. AuthenticatorData(options["rp"]!["id"]?.GetValue<string>(), attested: true), .. new byte[16], 0, 32, .. _id, .. cose];

        // {"fmt": "none", "attStmt": {}, "authData": bytes}
        byte[] attestation = [0xa3, 0x63, .. "fmt"u8, 0x64, .. "none"u8, 0x67, .. "attStmt"u8, 0xa0, 0x68, .. "authData"u8, 0x58, (byte)data.Length, .. data];
        return Credential(new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(ClientData("webauthn.create", options)),
            ["attestationObject"] = Base64Url.EncodeToString(attestation),
            ["transports"] = new JsonArray("internal"),
        });
    }

    public JsonObject Get(JsonNode options)
    {
        _counter++;
        byte[] data = AuthenticatorData(options["rpId"]?.GetValue<string>(), attested: false);
        byte[] client = ClientData("webauthn.get", options);
        return Credential(new JsonObject
        {
            ["clientDataJSON"] = Base64Url.EncodeToString(client),
            ["authenticatorData"] = Base64Url.EncodeToString(data),
            ["signature"] = Base64Url.EncodeToString(_key.SignData([.. data, .. SHA256.HashData(client)], HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)),
            ["userHandle"] = _user,
        });
    }

    public void Dispose() => _key.Dispose();

    private JsonObject Credential(JsonObject response) => new()
    {
        ["id"] = Id, ["rawId"] = Id, ["type"] = "public-key", ["clientExtensionResults"] = new JsonObject(), ["response"] = response,
    };

    private byte[] AuthenticatorData(string? rpId, bool attested)
    {
        byte[] data = new byte[37];
        SHA256.HashData(Encoding.UTF8.GetBytes(rpId ?? new Uri(Origin).Host), data);
        data[32] = (byte)(1 | (Verifies ? 4 : 0) | (attested ? 0x40 : 0));
        BinaryPrimitives.WriteUInt32BigEndian(data.AsSpan(33), _counter);
        return data;
    }

    private byte[] ClientData(string type, JsonNode options) =>
        JsonSerializer.SerializeToUtf8Bytes(new { type, challenge = options["challenge"]!.GetValue<string>(), origin = Origin, crossOrigin = false });
}
