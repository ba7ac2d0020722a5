using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Notary.Chain.Tests.Postgres;
using Notary.Server.Identity.People;
using Notary.Server.Identity.Store;
using Notary.Server.Startup;

namespace Notary.Server.Tests.Identity;

/// <summary>The identity tables: scripts against model, the audit trail's chain, the gate between writers, what is encrypted.</summary>
public sealed class IdentityStoreTests : IDisposable
{
    private readonly Hosting.TemporaryFolder _folder = new();

    public static TheoryData<bool> Stores => [false, true];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task The_scripts_make_what_the_model_says(bool postgres)
    {
        using IdentityDatabase database = Open(postgres);
        await using IdentityContext context = database.NewContext();
        string sql = postgres
            ? "SELECT table_name || '.' || column_name || CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS \"Value\" FROM information_schema.columns WHERE table_schema = 'identity' AND table_name NOT IN ('version', 'key_check')"
            : "SELECT t.name || '.' || c.name || CASE c.\"notnull\" WHEN 0 THEN '?' ELSE '' END AS Value FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name <> 'key_check'";
        string[] made = await context.Database.SqlQueryRaw<string>(sql).ToArrayAsync();
        IEnumerable<string> modelled = context.Model.GetEntityTypes().Where(static e => !e.IsOwned()).SelectMany(static e => e.GetProperties(), static (e, p) => $"{e.GetTableName()}.{p.GetColumnName()}{(p.IsNullable ? "?" : "")}")
            .Append("account_passkey.data");
        Assert.Equal(modelled.Order(StringComparer.Ordinal), made.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Rows_of_the_trail_are_numbered_without_a_gap_by_many_writers_and_a_changed_removed_or_added_one_is_found(bool postgres)
    {
        using IdentityDatabase database = Open(postgres);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (int i = 0; i < 10; i++)
            {
                await using IdentityContext context = database.NewContext();
                await using IdentityTransaction transaction = await database.BeginAsync(context);
                var row = new AuditRow { Time = i, Event = AuditEvent.SignIn, Actor = $"w{writer}", Target = "t", Address = "::1" };
                if (i % 3 == 2)
                {
                    // What is not committed leaves no row and no gap.
                    await transaction.AppendAsync(row);
                    continue;
                }

                await transaction.CommitAsync(row);
            }
        }));
        await using IdentityContext reader = database.NewContext();
        List<AuditRow> rows = await reader.Audit.AsNoTracking().OrderBy(static r => r.Number).ToListAsync();
        Assert.Equal(Enumerable.Range(1, 56).Select(static n => (long)n), rows.Select(static r => r.Number));
        Assert.Null(AuditTrail.FirstBroken(database.Keys, null, rows));
        Assert.Equal(31, AuditTrail.FirstBroken(database.Keys, null, [.. rows.Take(30), .. rows.Skip(31)]));
        string actor = rows[9].Actor;
        rows[9].Actor = actor + "x";
        Assert.Equal(10, AuditTrail.FirstBroken(database.Keys, null, rows));
        rows[9].Actor = actor;
        (rows[9].Event, rows[9].Target) = (rows[9].Event + "t", "");
        Assert.Equal(10, AuditTrail.FirstBroken(database.Keys, null, rows));
        Assert.Null(AuditTrail.FirstBroken(database.Keys, rows[9], rows.Skip(10)));
    }

    [Fact]
    public void Without_its_key_a_database_that_was_used_is_refused_and_a_sealed_secret_opens_for_its_account_only()
    {
        Guid one = Guid.CreateVersion7();
        string sealedText;
        using (IdentityDatabase database = Open(postgres: false))
        {
            sealedText = database.Keys.Seal(one, "code", "JBSWY3DPEHPK3PXP");
            Assert.DoesNotContain("JBSWY3DPEHPK3PXP", sealedText, StringComparison.Ordinal);
            Assert.Equal("JBSWY3DPEHPK3PXP", database.Keys.Unseal(one, "code", sealedText));
            Assert.ThrowsAny<System.Security.Cryptography.CryptographicException>(() => database.Keys.Unseal(Guid.CreateVersion7(), "code", sealedText));
            Assert.ThrowsAny<System.Security.Cryptography.CryptographicException>(() => database.Keys.Unseal(one, "other", sealedText));
            using IdentityContext context = database.NewContext();
            context.Users.Add(new Account { Id = one, UserName = "x", NormalizedUserName = "X", Role = Role.Citizen, State = AccountState.Enrolling });
            context.SaveChanges();
        }

        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        byte[] right = File.ReadAllBytes(_folder.File("keys/identity.key"));
        File.Delete(_folder.File("keys/identity.key"));
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(Crypto.Keys.SymmetricKeyFile.Create(_folder.File("keys/identity.key"), 32, Password));
        Assert.Contains("is not the key", Assert.Throws<StartRefusedException>(() => Open(postgres: false)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(_folder.File("keys/identity.key"), right);
        File.Move(_folder.File("keys/identity.key"), _folder.File("keys/elsewhere"));
        Assert.Contains("identity.key", Assert.Throws<StartRefusedException>(() => Open(postgres: false)).Message, StringComparison.Ordinal);
        File.Move(_folder.File("keys/elsewhere"), _folder.File("keys/identity.key"));
        using IdentityDatabase again = Open(postgres: false);
        Assert.Equal("JBSWY3DPEHPK3PXP", again.Keys.Unseal(one, "code", sealedText));
    }

    // RFC 6238 appendix B, SHA-1, the last six of its eight digits.
    [Theory]
    [InlineData(59, "287082")]
    [InlineData(1_111_111_109, "081804")]
    [InlineData(1_111_111_111, "050471")]
    [InlineData(1_234_567_890, "005924")]
    [InlineData(2_000_000_000, "279037")]
    [InlineData(20_000_000_000, "353130")]
    public void One_time_codes_are_those_of_RFC_6238_and_each_is_accepted_once(long second, string code)
    {
        const string Key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        DateTimeOffset now = DateTimeOffset.FromUnixTimeSeconds(second);
        Assert.Equal(second / 30, OneTimeCode.Accept(Key, code, now, 0));
        Assert.Equal(second / 30, OneTimeCode.Accept(Key, code, now.AddSeconds(30), 0));
        Assert.Null(OneTimeCode.Accept(Key, code, now.AddSeconds(60), 0));
        Assert.Null(OneTimeCode.Accept(Key, code, now, second / 30));
        Assert.Null(OneTimeCode.Accept(Key, code + " ", now, 0));
        Assert.Null(OneTimeCode.Accept(Key, "0" + code, now, 0));
    }

    [Fact]
    public void A_person_is_spelled_in_one_way()
    {
        using IdentityDatabase database = Open(postgres: false);
        byte[] person = database.Keys.Person("11010119790101123x")!;
        Assert.Equal(person, database.Keys.Person("110101 19790101 123X"));
        Assert.All(new[] { "110101-19790101123x", "１１０１０１19790101123x", "11010119790101123x\u200b", "12345", "", "      ", new string('1', 33) }, spelled => Assert.Null(database.Keys.Person(spelled)));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public void Tables_of_a_later_version_are_refused(bool postgres)
    {
        string file = ConnectionFile(postgres);
        using (IdentityDatabase database = IdentityDatabase.Open(file, _folder.Path, Password))
        using (IdentityContext context = database.NewContext())
        {
            context.Database.ExecuteSqlRaw(postgres ? "UPDATE identity.version SET version = 99" : "PRAGMA user_version=99");
        }

        Assert.Contains("version 99", Assert.Throws<StartRefusedException>(() => IdentityDatabase.Open(file, _folder.Path, Password)).Message, StringComparison.Ordinal);
    }

    // 48 hex digits: a drawn password, quick to open.
    private const string Password = "00112233445566778899aabbccddeeff0011223344556677";

    private IdentityDatabase Open(bool postgres) => IdentityDatabase.Open(ConnectionFile(postgres), _folder.Path, Password);

    private string ConnectionFile(bool postgres)
    {
        if (!postgres)
        {
            return "";
        }

        string file = _folder.File("connection");
        File.WriteAllText(file, PostgresCluster.Shared.Database($"identity_{Guid.NewGuid():N}") + "\n");
        return file;
    }
}
