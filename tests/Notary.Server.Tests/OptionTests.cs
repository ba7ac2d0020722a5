using System.Collections;
using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Notary.Server.Options;
using Notary.Server.Tests.Hosting;
using Xunit;

namespace Notary.Server.Tests;

public sealed class OptionTests
{
    private static (ServerOptions? Options, OptionProblem? Problem) Read(params (string Key, string? Value)[] values) =>
        OptionReader.Read(new ConfigurationBuilder().AddInMemoryCollection(values.Select(v => new KeyValuePair<string, string?>(v.Key, v.Value))).Build());

    private static IEnumerable<(string Key, PropertyInfo Property, object Section)> All()
    {
        var options = new ServerOptions();
        return typeof(ServerOptions).GetProperties().SelectMany(s => s.PropertyType.GetProperties(), (s, p) => ($"Notary:{s.Name}:{p.Name}", p, s.GetValue(options)!));
    }

    private static bool IsNumber(PropertyInfo property) => property.PropertyType == typeof(int) || property.PropertyType == typeof(long);

    // A list stands in the example empty.
    private static string TextOf(object? value) => value is IList list ? $"[{string.Join(',', list.Cast<object>())}]" : Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)!;

    [Fact]
    public void Every_option_says_its_effect_and_every_number_its_unit_and_bounds()
    {
        foreach ((string key, PropertyInfo property, object section) in All())
        {
            OptionAttribute? rule = property.GetCustomAttribute<OptionAttribute>();
            Assert.True(rule is { Effect.Length: > 20 }, key);
            if (IsNumber(property))
            {
                long value = Convert.ToInt64(property.GetValue(section), System.Globalization.CultureInfo.InvariantCulture);
                Assert.True(rule.Unit.Length > 0 && rule.Ceiling < long.MaxValue && rule.Floor <= value && value <= rule.Ceiling, key);
            }
        }
    }

    [Fact]
    public void Every_number_is_accepted_at_floor_and_ceiling_and_refused_beyond()
    {
        foreach ((string key, PropertyInfo property, object _) in All().Where(o => IsNumber(o.Property)))
        {
            OptionAttribute rule = property.GetCustomAttribute<OptionAttribute>()!;
            Assert.Null(Read((key, Text(rule.Floor))).Problem);
            Assert.Null(Read((key, Text(rule.Ceiling))).Problem);
            Assert.Equal(key, Read((key, Text(rule.Floor - 1))).Problem?.Key);
            Assert.Equal(key, Read((key, Text(rule.Ceiling + 1))).Problem?.Key);
            Assert.Equal(key, Read((key, "many")).Problem?.Key);
        }

        static string Text(long n) => n.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    [Theory]
    [InlineData("Notary:Limits:BatchLine", "1")]
    [InlineData("Notary:Limit:BatchLines", "1")]
    [InlineData("Notary:Queue", "1")]
    [InlineData("Notary:Limits:BatchLines:More", "1")]
    public void An_unknown_key_is_refused_by_name(string key, string value)
    {
        OptionProblem? problem = Read((key, value)).Problem;
        Assert.NotNull(problem);
        Assert.StartsWith(problem.Key, key, StringComparison.Ordinal);
        Assert.Contains(problem.Key, problem.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Notary:Listen:Url", "https://localhost:5080")]
    [InlineData("Notary:Listen:Url", "localhost")]
    [InlineData("Notary:Listen:Url", "http://0.0.0.0:5080")]
    [InlineData("Notary:Listen:Url", "http://notary.example:5080")]
    [InlineData("Notary:Listen:BehindProxy", "perhaps")]
    [InlineData("Notary:Telemetry:Endpoint", "collector")]
    [InlineData("Notary:Connect:Issuer", "notary.example")]
    [InlineData("Notary:Connect:Issuer", "https://notary.example/")]
    [InlineData("Notary:Connect:Issuer", "https://notary.example/path")]
    [InlineData("Notary:Connect:Issuer", "https://notary.example?x=1")]
    [InlineData("Notary:Connect:Issuer", "http://notary.example")]
    public void A_value_that_could_not_work_is_refused(string key, string value) => Assert.Equal(key, Read((key, value)).Problem?.Key);

    [Fact]
    public void A_list_is_read_entry_by_entry_and_each_is_checked()
    {
        (string, string?)[] whole = [("Notary:Nodes:Serve:0:Folder", "a"), ("Notary:Nodes:Serve:0:GenesisFile", "b"), ("Notary:Nodes:Serve:0:PasswordFile", "c")];
        ServedNodeOptions served = Assert.Single(Read(whole).Options!.Nodes.Serve);
        Assert.Equal(("a", "b", "c"), (served.Folder, served.GenesisFile, served.PasswordFile));
        Assert.Equal(2, Read([.. whole, ("Notary:Nodes:Serve:7:Folder", "a"), ("Notary:Nodes:Serve:7:GenesisFile", "b"), ("Notary:Nodes:Serve:7:PasswordFile", "c")]).Options!.Nodes.Serve.Count);
        foreach ((string key, string value, string refused) in new[]
        {
            ("Notary:Nodes:Serve", "folder", "Notary:Nodes:Serve"),
            ("Notary:Nodes:Serve:1", "folder", "Notary:Nodes:Serve:1"),
            ("Notary:Nodes:Serve:first:Folder", "folder", "Notary:Nodes:Serve:first"),
            ("Notary:Nodes:Serve:0:Genesis", "file", "Notary:Nodes:Serve:0:Genesis"),
            ("Notary:Nodes:Serve:1:Folder", "folder", "Notary:Nodes:Serve:1:GenesisFile"),
            ("Notary:Nodes:Serve:0:PasswordFile", "", "Notary:Nodes:Serve:0:PasswordFile"),
        })
        {
            Assert.Equal(refused, Read([.. whole.Where(w => w.Item1 != key), (key, value)]).Problem?.Key);
        }

        Assert.Equal("Notary:Nodes:Serve:64", Read([.. Enumerable.Range(0, 65).SelectMany(i => whole.Select(w => (w.Item1.Replace(":0:", $":{i}:", StringComparison.Ordinal), w.Item2)))]).Problem?.Key);
    }

    [Fact]
    public void Another_address_than_loopback_is_accepted_behind_a_proxy() =>
        Assert.Null(Read(("Notary:Listen:Url", "http://0.0.0.0:5080"), ("Notary:Listen:BehindProxy", "true")).Problem);

    [Fact]
    public void Web_applications_behind_a_proxy_need_the_issuer_by_name()
    {
        (string, string?)[] whole =
        [
            ("Notary:Listen:BehindProxy", "true"), ("Notary:Connect:Clients:0:Id", "a"), ("Notary:Connect:Clients:0:Name", "b"), ("Notary:Connect:Clients:0:RedirectUris", "c"), ("Notary:Connect:Clients:0:KeyFile", "d"), ("Notary:Connect:Clients:0:Scopes", "e"),
        ];
        Assert.Equal("Notary:Connect:Issuer", Read(whole).Problem?.Key);
        Assert.Null(Read([.. whole, ("Notary:Connect:Issuer", "https://notary.example")]).Problem);
        Assert.Null(Read([.. whole, ("Notary:Connect:Issuer", "https://notary.example:8443")]).Problem);
    }

    [Fact]
    public void The_example_of_deploy_holds_every_option_with_its_default_and_no_other()
    {
        using JsonDocument example = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(ServerProcess.Repository, "deploy", "appsettings.example.json")), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
        var given = example.RootElement.GetProperty("Notary").EnumerateObject()
            .SelectMany(s => s.Value.EnumerateObject(), (s, o) => (Key: $"Notary:{s.Name}:{o.Name}", Value: o.Value.ToString()))
            .OrderBy(o => o.Key, StringComparer.Ordinal);
        var known = All().Select(o => (o.Key, Value: TextOf(o.Property.GetValue(o.Section))))
            .OrderBy(o => o.Key, StringComparer.Ordinal);
        Assert.Equal(known, given);
        Assert.Null(OptionReader.Read(new ConfigurationBuilder().AddJsonFile(Path.Combine(ServerProcess.Repository, "deploy", "appsettings.example.json")).Build()).Problem);
    }
}
