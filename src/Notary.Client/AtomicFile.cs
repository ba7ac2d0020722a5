using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Notary.Client;

/// <summary>Files that are either there as a whole or not at all, also after the power has failed.</summary>
public static partial class AtomicFile
{
    /// <summary>
    /// Writes beside the target, makes the bytes durable (fsync), and renames over it. When it returns, the target holds exactly
    /// <paramref name="content"/>; when the process dies before, it holds what it held, and a file ending in <c>.part</c> may remain.
    /// </summary>
    /// <remarks>The rename itself becomes durable with the next <see cref="SyncFolder"/>; call it once after many files.</remarks>
    /// <exception cref="IOException">The disk refuses; the target is unchanged.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string part = path + ".part";
        using (SafeFileHandle file = File.OpenHandle(part, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(file, content, 0);
            RandomAccess.FlushToDisk(file);
        }

        File.Move(part, path, overwrite: true);
    }

    /// <summary>
    /// Makes the names in a folder durable: POSIX promises that of a rename only after an fsync of its folder, which the base library
    /// cannot open. On Windows a rename needs none.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const int ReadOnly = 0;
        int descriptor = Open(folder, ReadOnly);
        if (descriptor < 0)
        {
            throw new IOException($"The folder {folder} cannot be opened to make it durable (errno {Marshal.GetLastPInvokeError()}).");
        }

        int result = Fsync(descriptor);
        int error = Marshal.GetLastPInvokeError();
        _ = Close(descriptor);
        if (result != 0)
        {
            throw new IOException($"The folder {folder} cannot be made durable (errno {error}).");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
