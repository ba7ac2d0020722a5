namespace Notary.Server.Options;

/// <summary>What an option's value means and between which values it may lie. The property's initialiser is the default.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string effect) : Attribute
{
    /// <summary>One sentence for the operator: what changes when the value changes.</summary>
    public string Effect { get; } = effect;

    /// <summary>The unit of a number; empty for text and switches.</summary>
    public string Unit { get; init; } = "";

    /// <summary>The smallest value that is accepted (numbers only).</summary>
    public long Floor { get; init; }

    /// <summary>The largest value that is accepted (numbers), or the most entries (lists).</summary>
    public long Ceiling { get; init; } = long.MaxValue;

    /// <summary>An entry of a list is refused without it (text only).</summary>
    public bool Required { get; init; }
}
