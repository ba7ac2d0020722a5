using System.Globalization;
using System.Runtime.InteropServices;

namespace Notary.Crypto.Native;

/// <summary>
/// Which file a path leads to, not what is in it: a file that was renamed, or whose folder was moved within its file system, stays the same one; a copy is another, on whatever machine.
/// </summary>
/// <remarks>
/// Linux' statx(2): inode number and time of birth, which no tool can set. What copies a whole file system below its files (a snapshot, an image, a cloned virtual machine) copies both and is not seen.
/// The device's number is left out: it may change with every start. A file system that keeps no time of birth is known by the inode number alone.
/// </remarks>
public static partial class FileIdentity
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint Inode = 0x100; // STATX_INO
    private const uint Birth = 0x800; // STATX_BTIME

    /// <summary>The file's identity, in ASCII without spaces; null where the system has none to tell.</summary>
    /// <exception cref="IOException">The file is not there, or may not be looked at.</exception>
    public static string? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        if (Statx(CurrentFolder, path, 0, Inode | Birth, out var status) != 0)
        {
            throw new IOException($"'{path}' cannot be looked at: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
        }

        return (status.Mask & Birth) != 0
            ? string.Create(CultureInfo.InvariantCulture, $"{status.InodeNumber}@{status.BirthSeconds}.{status.BirthNanoseconds:000000000}")
            : status.InodeNumber.ToString(CultureInfo.InvariantCulture);
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, out Status status);

    // struct statx of linux/stat.h: 256 bytes on every architecture.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(0)]
        public uint Mask;

        [FieldOffset(32)]
        public ulong InodeNumber;

        [FieldOffset(80)]
        public long BirthSeconds;

        [FieldOffset(88)]
        public uint BirthNanoseconds;
    }
}
