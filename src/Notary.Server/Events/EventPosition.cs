using System.Globalization;
using Notary.Evidence;

namespace Notary.Server.Events;

/// <summary>
/// How far a listener has been told of a chain: all of it below <see cref="Sealed"/> is told sealed, below <see cref="Final"/> final, below <see cref="Anchored"/> anchored.
/// These are sizes of the log, so that a position means the same after a restart and on another server: it is the id of an event, and what comes after it is read from the log.
/// </summary>
/// <param name="Chain">The chain's name.</param>
/// <param name="Sealed">A tree size.</param>
/// <param name="Final">A tree size, at most <paramref name="Sealed"/>.</param>
/// <param name="Anchored">A tree size, at most <paramref name="Final"/>.</param>
internal readonly record struct EventPosition(string Chain, long Sealed, long Final, long Anchored)
{
    /// <summary>Longest text: a chain's name and three sizes.</summary>
    public const int MaxLength = 128;

    /// <summary>Without full stops, for the signed text of a webhook joins its parts by them.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Chain}:{Sealed}:{Final}:{Anchored}");

    /// <summary>The position that a text says; false when it says none of that chain.</summary>
    public static bool TryParse(string text, string chain, out EventPosition position)
    {
        position = default;
        if (text.Length > MaxLength || text.Split(':') is not [var name, var first, var second, var third] || name != chain
            || !TrySize(first, out long sealedTo) || !TrySize(second, out long finalTo) || !TrySize(third, out long anchoredTo) || finalTo > sealedTo || anchoredTo > finalTo)
        {
            return false;
        }

        position = new EventPosition(chain, sealedTo, finalTo, anchoredTo);
        return true;
    }

    private static bool TrySize(string text, out long size) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out size) && size <= RecordNumber.MaxIndex + 1;
}
