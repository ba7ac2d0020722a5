using System.CommandLine;
using System.Globalization;

namespace Notary.Cli;

/// <summary>Bounds of options, and what a list of files may not hold.</summary>
internal static class NumberOption
{
    /// <summary>Refuses a number outside the bounds. What is no number at all the parser itself refuses.</summary>
    public static void Between(Option option, double floor, double ceiling) => option.Validators.Add(result =>
    {
        if (result.Tokens.Any(t => double.TryParse(t.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && (value < floor || value > ceiling)))
        {
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes {floor} to {ceiling}"));
        }
    });

    /// <summary>A list of files swallows a misspelled option; a file of such a name is written <c>./--name</c>.</summary>
    public static void RefuseOptions(Argument argument) => argument.Validators.Add(result =>
    {
        if (result.Tokens.FirstOrDefault(t => t.Value.StartsWith("--", StringComparison.Ordinal)) is { } option)
        {
            result.AddError($"There is no option {option.Value}");
        }
    });
}
