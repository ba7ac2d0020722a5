using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Notary.Crypto.Native;

namespace Notary.Cli.Bench;

/// <summary>What the disk under a folder is and does: a durability figure means nothing without it.</summary>
internal static class DiskProbe
{
    private const int Rounds = 64;
    private static readonly string[] s_volatile = ["tmpfs", "ramfs", "devtmpfs"];

    /// <summary>Name of the file system under an existing folder.</summary>
    public static string FileSystem(string folder)
    {
        try
        {
            return new DriveInfo(folder).DriveFormat;
        }
        catch (Exception e) when (e is IOException or ArgumentException or UnauthorizedAccessException)
        {
            return "unknown";
        }
    }

    /// <summary>Refuses a folder whose files live in memory.</summary>
    public static void RefuseVolatile(string folder)
    {
        string name = FileSystem(folder);
        if (s_volatile.Contains(name, StringComparer.Ordinal))
        {
            throw new CliException(ExitCode.Configuration, "volatile-disk", $"{folder} lies on {name}, where nothing is durable; name a folder on a disk with --data.");
        }
    }

    /// <summary>Median time of a 4 KiB append and its fsync, in milliseconds.</summary>
    public static double FsyncMilliseconds(string folder)
    {
        string path = Path.Combine(folder, $"fsync-{Environment.ProcessId}.probe");
        var times = new double[Rounds];
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
            byte[] block = new byte[4096];
            for (int i = 0; i < Rounds; i++)
            {
                long started = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, block, (long)i * block.Length);
                DurableFile.Sync(file);
                times[i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        }
        finally
        {
            File.Delete(path);
        }

        Array.Sort(times);
        return Math.Round(times[Rounds / 2], 3);
    }

    /// <summary>Bytes of all files below a folder.</summary>
    public static long FolderBytes(string folder) =>
        new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
