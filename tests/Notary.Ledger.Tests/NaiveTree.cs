using System.Security.Cryptography;
using Notary.Crypto;

namespace Notary.Ledger.Tests;

/// <summary>
/// The oracle: RFC 6962 section 2.1 written down as its definitions stand, recursive and slow, with nothing of the product in it
/// but the hash. Proofs are also written as formulas, so that a test can say which mutations of a proof leave the
/// very same computation and therefore cannot be refused.
/// </summary>
internal sealed class NaiveTree(Suite suite, IReadOnlyList<Hash32> leaves)
{
    private readonly Dictionary<(int, int), Hash32> _known = [];

    public IReadOnlyList<Hash32> Leaves => leaves;

    /// <summary>SHA-256 straight from the base library, so that the bulk of the tests does not lean on the product's hash.</summary>
    public static Hash32 Hash(Suite suite, ReadOnlySpan<byte> message) =>
        suite.Id == SuiteId.Intl ? Hash32.FromSpan(SHA256.HashData(message)) : suite.Hash(message);

    /// <summary>A tree whose entries are the little-endian numbers of the leaves.</summary>
    public static NaiveTree OfNumbers(Suite suite, int count) =>
        new(suite, [.. Enumerable.Range(0, count).Select(i => Hash(suite, [0, .. BitConverter.GetBytes(i)]))]);

    public Hash32 Root(int size) => Mth(0, size);

    public Hash32 Mth(int low, int high)
    {
        if (low == high)
        {
            return Hash(suite, []);
        }

        if (high - low == 1)
        {
            return leaves[low];
        }

        if (!_known.TryGetValue((low, high), out var hash))
        {
            var k = low + Split(high - low);
            hash = Hash(suite, [1, .. Mth(low, k).ToArray(), .. Mth(k, high).ToArray()]);
            _known[(low, high)] = hash;
        }

        return hash;
    }

    /// <summary>PATH(m, D[low:high]).</summary>
    public List<Hash32> Path(int m, int low, int high)
    {
        if (high - low == 1)
        {
            return [];
        }

        var k = Split(high - low);
        return m < k
            ? [.. Path(m, low, low + k), Mth(low + k, high)]
            : [.. Path(m - k, low + k, high), Mth(low, low + k)];
    }

    /// <summary>SUBPROOF(m, D[low:high], b).</summary>
    public List<Hash32> Subproof(int m, int low, int high, bool b)
    {
        var n = high - low;
        if (m == n)
        {
            return b ? [] : [Mth(low, high)];
        }

        var k = Split(n);
        return m <= k
            ? [.. Subproof(m, low, low + k, b), Mth(low + k, high)]
            : [.. Subproof(m - k, low + k, high, false), Mth(low, low + k)];
    }

    /// <summary>SUBTREE_SUBPROOF(start, end, D[low:high], b) of draft-ietf-plants-merkle-tree-certs section 4.4.</summary>
    public List<Hash32> SubtreeSubproof(int start, int end, int low, int high, bool b)
    {
        var n = high - low;
        if (start == 0 && end == n)
        {
            return b ? [] : [Mth(low, high)];
        }

        var k = Split(n);
        return end <= k ? [.. SubtreeSubproof(start, end, low, low + k, b), Mth(low + k, high)]
            : k <= start ? [.. SubtreeSubproof(start - k, end - k, low + k, high, b), Mth(low, low + k)]
            : [.. SubtreeSubproof(0, end - k, low + k, high, false), Mth(low, low + k)];
    }

    /// <summary>RANGE(f, e, D[low:high]), as docs/spec/proof.md defines it.</summary>
    public List<Hash32> Range(int f, int e, int low, int high)
    {
        var n = high - low;
        if (f == 0 && e == n)
        {
            return [];
        }

        var k = Split(n);
        return e <= k ? [.. Range(f, e, low, low + k), Mth(low + k, high)]
            : f >= k ? [.. Range(f - k, e - k, low + k, high), Mth(low, low + k)]
            : [.. Range(f, k, low, low + k), .. Range(0, e - k, low + k, high)];
    }

    /// <summary>The root as a formula over the range's leaves L0, L1… and the proof's hashes p0, p1…; null outside the tree.</summary>
    public static string? RangeFormula(int first, int count, int size)
    {
        if (first < 0 || count < 1 || first + count > size)
        {
            return null;
        }

        var used = 0;
        var leaf = 0;
        return Formula(first, first + count, size);

        string Formula(int f, int e, int n)
        {
            if (f == 0 && e == n)
            {
                return Perfect(n);
            }

            var k = Split(n);
            if (e <= k)
            {
                var left = Formula(f, e, k);
                return $"({left}p{used++})";
            }

            if (f >= k)
            {
                var right = Formula(f - k, e - k, n - k);
                return $"(p{used++}{right})";
            }

            var l = Formula(f, k, k);
            return $"({l}{Formula(0, e - k, n - k)})";
        }

        string Perfect(int n) => n == 1 ? $"L{leaf++}" : Perfect(Split(n)) is var l ? $"({l}{Perfect(n - Split(n))})" : "";
    }

    /// <summary>Older and newer root as formulas over the older root R and the proof's hashes; null for sizes that no proof is between.</summary>
    public static (string Old, string New)? ConsistencyFormula(int oldSize, int newSize)
    {
        if (oldSize < 1 || oldSize > newSize)
        {
            return null;
        }

        var used = 0;
        return Formula(oldSize, newSize, true);

        (string, string) Formula(int m, int n, bool b)
        {
            if (m == n)
            {
                var hash = b ? "R" : $"p{used++}";
                return (hash, hash);
            }

            var k = Split(n);
            if (m <= k)
            {
                var (old, now) = Formula(m, k, b);
                return (old, $"({now}p{used++})");
            }

            var (upperOld, upperNew) = Formula(m - k, n - k, false);
            var left = $"p{used++}";
            return ($"({left}{upperOld})", $"({left}{upperNew})");
        }
    }

    /// <summary>Subtree and root as formulas over the subtree's hash R and the proof's hashes; null for what is no subtree of the tree.</summary>
    public static (string Subtree, string Root)? SubtreeFormula(int start, int end, int size)
    {
        if (start < 0 || end <= start || end > size || !Aligned())
        {
            return null;
        }

        var used = 0;
        return Formula(start, end, size, true);

        bool Aligned()
        {
            var width = 1;
            while (width < end - start)
            {
                width *= 2;
            }

            return start % width == 0;
        }

        (string, string) Formula(int s, int e, int n, bool b)
        {
            if (s == 0 && e == n)
            {
                var hash = b ? "R" : $"p{used++}";
                return (hash, hash);
            }

            var k = Split(n);
            if (e <= k)
            {
                var (part, lower) = Formula(s, e, k, b);
                return (part, $"({lower}p{used++})");
            }

            if (s >= k)
            {
                var (part, upper) = Formula(s - k, e - k, n - k, b);
                return (part, $"(p{used++}{upper})");
            }

            var (tail, all) = Formula(0, e - k, n - k, false);
            var left = $"p{used++}";
            return ($"({left}{tail})", $"({left}{all})");
        }
    }

    /// <summary>Number of hashes that a formula uses.</summary>
    public static int Hashes(string formula) => formula.Count(c => c == 'p');

    public static int Split(int n)
    {
        var k = 1;
        while (2 * k < n)
        {
            k *= 2;
        }

        return k;
    }
}
