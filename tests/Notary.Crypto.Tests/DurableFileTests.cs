using Microsoft.Win32.SafeHandles;
using Notary.Crypto.Native;

namespace Notary.Crypto.Tests;

public class DurableFileTests
{
    [Fact]
    public void Replacing_leaves_the_new_content_the_mode_and_no_draft()
    {
        var folder = Directory.CreateTempSubdirectory("notary-durable");
        try
        {
            var path = Path.Combine(folder.FullName, "file");
            File.WriteAllText(path + ".part", "left by a process that died");
            DurableFile.Replace(path, "one"u8);
            DurableFile.Replace(path, "two"u8, ownerOnly: true);
            DurableFile.SyncFolder(folder.FullName);
            Assert.Equal("two", File.ReadAllText(path));
            Assert.Equal([path], Directory.GetFiles(folder.FullName));
            if (!OperatingSystem.IsWindows())
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_sync_that_fails_is_the_callers_failure_and_not_ignored()
    {
        // What the base library's own call passes over in silence: a descriptor that cannot be synced (EINVAL), as one whose disk fails (EIO).
        using var pipe = new System.IO.Pipes.AnonymousPipeServerStream(System.IO.Pipes.PipeDirection.Out);
        using var end = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        Assert.Contains("errno", Assert.Throws<IOException>(() => DurableFile.Sync(end)).Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => DurableFile.SyncFolder("/nonexistent/folder"));
    }
}
