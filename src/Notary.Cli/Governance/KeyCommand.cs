using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Notary.Crypto;
using Notary.Evidence;

namespace Notary.Cli.Governance;

/// <summary><c>notary key propose</c>: writes the key record of a service account for governance to sign: a new key, another record of one, or its revocation.</summary>
internal static class KeyCommand
{
    private const int MaximumFile = 16 * 1024;
    private const string KeygenLine = "public key (SubjectPublicKeyInfo, base64): ";

    public static Command Build() => new("key", "Proposes the keys of service accounts.") { Propose() };

    /// <summary>Which key, whose and for how long, as every verb that makes a key record takes it.</summary>
    public static KeyRecord Record(string account, string spkiPath, string[] origins, string[] types, string purpose, long from, long until)
    {
        if (!Grammar.IsName(account))
        {
            throw new CliException(ExitCode.Usage, "account-name", $"{Terminal.Printable(account)} is no name of an account.");
        }

        byte[] spki = ReadPublicKey(spkiPath);
        if (PublicKeyInfo.TryParse(spki, out KeyAlgorithm algorithm, out byte[] raw) is var failure && failure != PublicKeyFailure.None)
        {
            throw new CliException(ExitCode.Data, "public-key-malformed", $"{spkiPath} holds no public key of SM2, Ed25519 or P-256 ({failure}).");
        }

        if (!KeyRecord.TryPurpose(purpose, out KeyPurpose known))
        {
            throw new CliException(ExitCode.Usage, "purpose", $"{Terminal.Printable(purpose)} is no purpose of a key.");
        }

        var record = new KeyRecord
        {
            Account = account, Purpose = known, SuiteId = algorithm == KeyAlgorithm.Sm2 ? SuiteId.Sm : SuiteId.Intl, Spki = PublicKeyInfo.Format(algorithm, raw),
            Chains = Sorted(origins), Types = types.Length == 0 ? [KeyRecord.Any] : Sorted(types), From = from, Until = until,
        };
        return KeyRecord.TryParseDocument(record.SignedDocument(), out _) is { Length: > 0 } problem
            ? throw new CliException(ExitCode.Usage, "key-record", $"These values make no key record ({problem}).")
            : record;
    }

    /// <summary>A time as a person writes it: a date, or a time with its offset; UTC where it has none.</summary>
    public static long Time(string text, string option) => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTimeOffset time)
        ? RecordTime.ToMilliseconds(time)
        : throw new CliException(ExitCode.Usage, "time-malformed", $"{option} takes a date or a time such as 2028-03-01 or 2028-03-01T08:00:00Z, not {Terminal.Printable(text)}.");

    private static Command Propose()
    {
        var account = new Option<string>("--account") { Description = "The service account, as it stands in leaves.", Required = true };
        var spki = new Option<string>("--spki") { Description = "File with the public key: DER, PEM, base64, or what notary keygen printed.", Required = true };
        var chains = new Option<string[]>("--chains") { Description = "The chains where the key shall hold, by name.", Required = true, AllowMultipleArgumentsPerToken = true };
        var types = new Option<string[]>("--types") { Description = "Evidence types for which it holds; without it all.", AllowMultipleArgumentsPerToken = true };
        var purpose = new Option<string>("--purpose") { Description = "What the key is for.", DefaultValueFactory = _ => KeyRecord.PurposeName(KeyPurpose.Submitter) };
        purpose.AcceptOnlyFromAmong([.. Enum.GetValues<KeyPurpose>().Select(KeyRecord.PurposeName)]);
        var from = new Option<string?>("--from") { Description = "First instant; without it now. Of a revocation: when the key was revoked." };
        var until = new Option<string?>("--until") { Description = "First instant after its validity." };
        var supersedes = new Option<bool>("--supersedes") { Description = "Another record of a key that the chain has, which takes the place of its newest." };
        var revoke = new Option<bool>("--revoke") { Description = "Ends a key for good." };
        var output = new Option<string>("--out") { Description = "The proposal to write; an existing file is never overwritten.", DefaultValueFactory = _ => "key.proposal" };
        Option<string?> credential = ClientOptions.Credential();
        var command = new Command("propose", "Writes a proposal of a key record for each chain, unsigned; the server is asked which of the account's keys are in force. Two keys may hold at once: that is how one is replaced.")
        {
            account, spki, chains, types, purpose, from, until, supersedes, revoke, output, credential,
        };
        command.SetAction((parsed, cancel) => RunAsync(
            new Wanted(
                parsed.GetValue(account)!, parsed.GetValue(spki)!, parsed.GetValue(chains)!, parsed.GetValue(types) ?? [], parsed.GetValue(purpose)!, parsed.GetValue(from), parsed.GetValue(until),
                parsed.GetValue(supersedes), parsed.GetValue(revoke)),
            parsed.GetValue(output)!, parsed.GetValue(credential), cancel));
        return command;
    }

    private static async Task<int> RunAsync(Wanted wanted, string output, string? credential, CancellationToken cancel)
    {
        if (wanted.Revoke ? wanted.Until is not null || wanted.Supersedes : wanted.Until is null)
        {
            throw new CliException(ExitCode.Usage, "until", wanted.Revoke ? "A revocation takes neither --until nor --supersedes: it changes nothing else of the record." : "A key holds until a time: name it with --until.");
        }

        long from = wanted.From is { } text ? Time(text, "--from") : RecordTime.ToMilliseconds(DateTimeOffset.UtcNow);
        Hash32 keyId = Suite.Intl.Hash(ReadPublicKey(wanted.Spki));
        IReadOnlyList<GovernanceInForce> chains = await GovernanceInForce.AskAsync(credential, wanted.Chains, wanted.Account, cancel);
        string[] origins = [.. chains.Select(static chain => chain.Genesis.Origin)];
        var documents = new List<GovernedDocument>();
        foreach (GovernanceInForce chain in chains)
        {
            (long Index, KeyRecord Key)? known = chain.Keys.Where(one => one.Key.KeyId == keyId).Select(static one => ((long, KeyRecord)?)one).FirstOrDefault();
            KeyRecord record = (known, wanted) switch
            {
                ({ Key.Revoked: not null }, _) => throw Refused("key-revoked", $"The key is revoked on {Terminal.Printable(chain.Genesis.Origin)}: it does not come back."),
                (null, { Revoke: true } or { Supersedes: true }) => throw Refused("key-unknown", $"{Terminal.Printable(chain.Genesis.Origin)} has no record of this key for {wanted.Account}."),
                ({ } before, { Revoke: true }) => before.Key with { Supersedes = before.Index, Revoked = from },
                ({ } before, { Supersedes: true }) => Record(wanted.Account, wanted.Spki, origins, wanted.Types, wanted.Purpose, from, Time(wanted.Until!, "--until")) with { Supersedes = before.Index },
                (null, _) => Record(wanted.Account, wanted.Spki, origins, wanted.Types, wanted.Purpose, from, Time(wanted.Until!, "--until")),
                _ => throw Refused("key-known", $"{Terminal.Printable(chain.Genesis.Origin)} has a record of this key: --supersedes puts another one in its place, --revoke ends it."),
            };
            documents.Add(new GovernedDocument(chain.Genesis.Origin, Evidence.Governance.KeyDocument, record.SignedDocument(), []));
        }

        string problem = GovernanceProposal.TryCreate([.. chains.Select(static chain => chain.Genesis)], documents, out GovernanceProposal? proposal);
        return problem.Length == 0 ? GovernanceCommand.Write(proposal!, output, static _ => null) : throw Refused("proposal-refused", $"No proposal can hold these records ({problem}).");
    }

    private static CliException Refused(string code, string sentence) => new(ExitCode.Data, code, sentence);

    private static string[] Sorted(string[] items) => [.. items.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    // DER as it is; else text: PEM, base64, or the line of notary keygen.
    private static byte[] ReadPublicKey(string path)
    {
        byte[] bytes = ProposalFile.Read(path, MaximumFile, "public key");
        if (bytes.Length > 0 && bytes[0] == 0x30)
        {
            return bytes;
        }

        string text = Encoding.UTF8.GetString(bytes);
        if (PemEncoding.TryFind(text, out PemFields pem) && text[pem.Label] == "PUBLIC KEY")
        {
            return Convert.FromBase64String(text[pem.Base64Data]);
        }

        string line = text.Split('\n').Select(static line => line.Trim()).FirstOrDefault(static line => line.StartsWith(KeygenLine, StringComparison.Ordinal))?[KeygenLine.Length..] ?? text.Trim();
        byte[] der = new byte[line.Length];
        return Convert.TryFromBase64String(line, der, out int length) && length > 0
            ? der[..length]
            : throw new CliException(ExitCode.Data, "public-key-malformed", $"{path} holds no public key: DER, PEM (PUBLIC KEY), base64, or what notary keygen printed.");
    }

    private sealed record Wanted(string Account, string Spki, string[] Chains, string[] Types, string Purpose, string? From, string? Until, bool Supersedes, bool Revoke);
}
