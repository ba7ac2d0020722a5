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

    [Fact]
    public void Every_option_says_its_effect_and_every_number_its_unit_and_bounds()
    {
        foreach ((string key, PropertyInfo property, object section) in All())
        {
            OptionAttribute? rule = property.GetCustomAttribute<OptionAttribute>();
            Assert.True(rule is { Effect.Length: > 20 }, key);
            if (property.PropertyType != typeof(string) && property.PropertyType != typeof(bool))
            {
                long value = Convert.ToInt64(property.GetValue(section), System.Globalization.CultureInfo.InvariantCulture);
                Assert.True(rule.Unit.Length > 0 && rule.Ceiling < long.MaxValue && rule.Floor <= value && value <= rule.Ceiling, key);
            }
        }
    }

    [Fact]
    public void Every_number_is_accepted_at_floor_and_ceiling_and_refused_beyond()
    {
        foreach ((string key, PropertyInfo property, object _) in All().Where(o => o.Property.PropertyType != typeof(string) && o.Property.PropertyType != typeof(bool)))
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
    public void A_value_that_could_not_work_is_refused(string key, string value) => Assert.Equal(key, Read((key, value)).Problem?.Key);

    [Fact]
    public void Another_address_than_loopback_is_accepted_behind_a_proxy() =>
        Assert.Null(Read(("Notary:Listen:Url", "http://0.0.0.0:5080"), ("Notary:Listen:BehindProxy", "true")).Problem);

    [Fact]
    public void The_example_of_deploy_holds_every_option_with_its_default_and_no_other()
    {
        using JsonDocument example = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(ServerProcess.Repository, "deploy", "appsettings.example.json")), new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
        var given = example.RootElement.GetProperty("Notary").EnumerateObject()
            .SelectMany(s => s.Value.EnumerateObject(), (s, o) => (Key: $"Notary:{s.Name}:{o.Name}", Value: o.Value.ToString()))
            .OrderBy(o => o.Key, StringComparer.Ordinal);
        var known = All().Select(o => (o.Key, Value: Convert.ToString(o.Property.GetValue(o.Section), System.Globalization.CultureInfo.InvariantCulture)!))
            .OrderBy(o => o.Key, StringComparer.Ordinal);
        Assert.Equal(known, given);
        Assert.Null(OptionReader.Read(new ConfigurationBuilder().AddJsonFile(Path.Combine(ServerProcess.Repository, "deploy", "appsettings.example.json")).Build()).Problem);
    }
}
