namespace Notary.Evidence.Tests;

/// <summary>One random change of some bytes: a bit, a byte, a cut, a doubled or a swapped piece, a structural character.</summary>
internal static class Mutation
{
    public static byte[] Of(Random random, byte[] bytes)
    {
        if (bytes.Length < 4)
        {
            return [1, 2, 3, 4];
        }

        var at = random.Next(bytes.Length);
        var length = random.Next(Math.Min(12, bytes.Length - at));
        switch (random.Next(6))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1:
                bytes[at] = "{}[],:\"\\0-1eE.tfn \n/u"u8[random.Next(21)];
                return bytes;
            case 2:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 3:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            case 4:
                return bytes[..at];
            default:
                var other = random.Next(bytes.Length);
                (bytes[at], bytes[other]) = (bytes[other], bytes[at]);
                return bytes;
        }
    }
}

/// <summary>Files of the repository, found from the test's own folder.</summary>
internal static class Repository
{
    public static string Path(string relative)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder.FullName, "Notary.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run inside the repository.");
        }

        return System.IO.Path.Combine(folder.FullName, relative);
    }
}
