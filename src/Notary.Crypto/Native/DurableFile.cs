using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Notary.Crypto.Native;

/// <summary>
/// Files that are there whole, and still there after the power has failed, or not there at all.
/// </summary>
/// <remarks>
/// The base library's <c>FileStream.Flush(flushToDisk: true)</c> and <c>RandomAccess.FlushToDisk</c> call fsync(2) on Unix and <b>ignore that it failed</b>
/// (measured with .NET 10.0.12 on Linux: an injected EIO and ENOSPC are both silent; decided in dotnet/corefx pull request 10104, for descriptors that
/// cannot be synced). After a failed fsync the kernel may drop the very pages, so a program that goes on has lost what it believes to have stored.
/// Hence fsync is called here, and its failure is the caller's.
/// </remarks>
public static partial class DurableFile
{
    private const int Interrupted = 4; // EINTR

    /// <summary>
    /// Writes beside the target, syncs the bytes, and renames over it. When it returns the target holds exactly <paramref name="content"/>; when the
    /// process dies before, it holds what it held, and a file ending in <c>.part</c> may remain.
    /// </summary>
    /// <param name="path">The target.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="ownerOnly">Mode 0600 from its first byte on.</param>
    /// <remarks>The rename itself becomes durable with the next <see cref="SyncFolder"/>; one call serves many files.</remarks>
    /// <exception cref="IOException">The disk refuses; the target is unchanged.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, bool ownerOnly = false)
    {
        var part = path + ".part";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (ownerOnly && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        File.Delete(part);
        using (var stream = new FileStream(part, options))
        {
            stream.Write(content);
            Sync(stream.SafeFileHandle);
        }
        File.Move(part, path, overwrite: true);
    }

    /// <summary>Waits until what was written to the file is on the disk (fsync). A stream's own buffer is to be flushed before.</summary>
    /// <exception cref="IOException">The disk failed: what was written since the last sync is in doubt, and a second try proves nothing.</exception>
    public static void Sync(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        int error;
        do
        {
            error = Fsync(file) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        while (error == Interrupted);
        if (error != 0)
        {
            throw new IOException($"The disk could not sync a file: {Marshal.GetPInvokeErrorMessage(error)} (errno {error}).");
        }
    }

    /// <summary>
    /// Makes the names in a folder durable: POSIX promises that of a rename or a new file only after an fsync of its folder, which the base library
    /// cannot open. On Windows neither needs one.
    /// </summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void SyncFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        const int ReadOnly = 0;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0)
        {
            throw new IOException($"The folder '{folder}' cannot be opened to be synced (errno {Marshal.GetLastPInvokeError()}).");
        }
        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        Sync(handle);
    }

    /// <summary>Makes a folder, and those above it, with mode 0700; one that exists stays as it is.</summary>
    /// <exception cref="IOException">The disk refuses.</exception>
    public static void CreateOwnerOnlyFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);
}
