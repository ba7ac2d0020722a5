using System.Collections;
using System.Globalization;
using System.Reflection;

namespace Notary.Server.Options;

/// <summary>An option that the server cannot start with: its key and one sentence that says what would be accepted.</summary>
public sealed record OptionProblem(string Key, string Sentence);

/// <summary>
/// Fills <see cref="ServerOptions"/> from the <c>Notary</c> section. The configuration binder of the base library passes over unknown
/// keys and knows no bounds; here an unknown key, a value of the wrong type and a value out of bounds each stop the start.
/// </summary>
public static class OptionReader
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Notary";

    /// <summary>Reads all options, or says what is wrong with the first key that is.</summary>
    public static (ServerOptions? Options, OptionProblem? Problem) Read(IConfiguration configuration)
    {
        var options = new ServerOptions();
        OptionProblem? problem = Fill(options, configuration.GetSection(Section), Section) ?? Check(options);
        return problem is null ? (options, null) : (null, problem);
    }

    private static OptionProblem? Fill(object target, IConfigurationSection section, string path)
    {
        foreach (IConfigurationSection child in section.GetChildren())
        {
            string key = $"{path}:{child.Key}";
            PropertyInfo? property = target.GetType().GetProperties()
                .FirstOrDefault(p => string.Equals(p.Name, child.Key, StringComparison.OrdinalIgnoreCase));
            if (property is null)
            {
                string known = string.Join(", ", target.GetType().GetProperties().Select(p => p.Name));
                return new OptionProblem(key, $"the option {key} is unknown; {path} has {known}.");
            }

            OptionAttribute? rule = property.GetCustomAttribute<OptionAttribute>();
            OptionProblem? problem = rule is null
                ? child.Value is { Length: > 0 }
                    ? new OptionProblem(key, $"the option {key} is a section and takes no value of its own.")
                    : Fill(property.GetValue(target)!, child, key)
                : property.GetValue(target) is IList list ? FillList(list, property, rule, child, key)
                : SetValue(target, property, rule, child, key);
            if (problem is not null)
            {
                return problem;
            }
        }

        return null;
    }

    private static OptionProblem? FillList(IList list, PropertyInfo property, OptionAttribute rule, IConfigurationSection given, string key)
    {
        Type type = property.PropertyType.GenericTypeArguments[0];
        foreach (IConfigurationSection entry in given.GetChildren())
        {
            string place = $"{key}:{entry.Key}";
            if (!int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _) || entry.Value is { Length: > 0 } || list.Count == rule.Ceiling)
            {
                return new OptionProblem(place, string.Create(CultureInfo.InvariantCulture, $"the option {place} is not one of at most {rule.Ceiling} {rule.Unit}, numbered from 0, each a section of its own."));
            }

            object target = Activator.CreateInstance(type)!;
            if (Fill(target, entry, place) is { } problem)
            {
                return problem;
            }

            if (type.GetProperties().FirstOrDefault(p => p.GetCustomAttribute<OptionAttribute>() is { Required: true } && p.GetValue(target) is "") is { } missing)
            {
                return new OptionProblem($"{place}:{missing.Name}", $"the option {place}:{missing.Name} is missing: give {place} every one of {string.Join(", ", type.GetProperties().Select(p => p.Name))}.");
            }

            list.Add(target);
        }

        return given.Value is { Length: > 0 } ? new OptionProblem(key, $"the option {key} takes a list, not one value.") : null;
    }

    private static OptionProblem? SetValue(object target, PropertyInfo property, OptionAttribute rule, IConfigurationSection given, string key)
    {
        if (given.Value is not { } text)
        {
            return new OptionProblem(key, $"the option {key} takes one value, not a section.");
        }

        if (property.PropertyType == typeof(string))
        {
            property.SetValue(target, text);
            return null;
        }

        if (property.PropertyType == typeof(bool))
        {
            if (!bool.TryParse(text, out bool flag))
            {
                return new OptionProblem(key, $"the option {key} is \"{text}\"; it takes true or false.");
            }

            property.SetValue(target, flag);
            return null;
        }

        if (!long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) || number < rule.Floor || number > rule.Ceiling)
        {
            return new OptionProblem(key, string.Create(CultureInfo.InvariantCulture,
                $"the option {key} is \"{text}\"; it takes a whole number of {rule.Floor} to {rule.Ceiling} ({rule.Unit})."));
        }

        property.SetValue(target, Convert.ChangeType(number, property.PropertyType, CultureInfo.InvariantCulture));
        return null;
    }

    private static OptionProblem? Check(ServerOptions options)
    {
        const string UrlKey = $"{Section}:Listen:Url";
        if (!Uri.TryCreate(options.Listen.Url, UriKind.Absolute, out Uri? url) || url.Scheme != "http" || url.PathAndQuery != "/")
        {
            return new OptionProblem(UrlKey, $"the option {UrlKey} is \"{options.Listen.Url}\"; it takes http, host and port, as in http://localhost:5080 (a proxy ends TLS).");
        }

        if (!url.IsLoopback && !options.Listen.BehindProxy)
        {
            return new OptionProblem(UrlKey, $"the option {UrlKey} would send secrets in clear over {url.Host}: bind a loopback address, or set Notary:Listen:BehindProxy when a proxy ends TLS.");
        }

        const string IssuerKey = $"{Section}:Connect:Issuer";
        if (options.Connect.Issuer.Length > 0
            && (!Uri.TryCreate(options.Connect.Issuer, UriKind.Absolute, out Uri? issuer) || issuer.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/') != options.Connect.Issuer
                || !(issuer.Scheme == "https" || (issuer.Scheme == "http" && issuer.IsLoopback)) || issuer.AbsolutePath != "/"))
        {
            return new OptionProblem(IssuerKey, $"the option {IssuerKey} is \"{options.Connect.Issuer}\"; it takes https and a host (http on this machine only), with a port where it is not the usual one, without path and slash at the end, as in https://notary.example.");
        }

        if (options.Connect.Issuer.Length == 0 && options.Connect.Clients.Count > 0 && options.Listen.BehindProxy)
        {
            return new OptionProblem(IssuerKey, $"the option {IssuerKey} is missing: behind a proxy that ends TLS web applications know this platform by another address than Notary:Listen:Url.");
        }

        const string OtlpKey = $"{Section}:Telemetry:Endpoint";
        if (options.Telemetry.Endpoint.Length > 0
            && (!Uri.TryCreate(options.Telemetry.Endpoint, UriKind.Absolute, out Uri? otlp) || (otlp.Scheme != "http" && otlp.Scheme != "https")))
        {
            return new OptionProblem(OtlpKey, $"the option {OtlpKey} is \"{options.Telemetry.Endpoint}\"; it takes an http or https address.");
        }

        return null;
    }
}
