using System.Globalization;
using System.Text;
using Notary.Crypto;
using Notary.Crypto.Native;

namespace Notary.Chain.Signing;

/// <summary>
/// A signer's memory and audit in one file: a line for each request, on the disk before it is answered. Each line repeats the largest size that was signed and its root, so the last
/// line is all that a start needs.
/// </summary>
/// <remarks>
/// <code>
/// 2026-03-01T08:00:00.000Z done 481 &lt;root hex&gt; 481 &lt;root hex&gt; uid=1000 pid=4711
/// time, how it ended, size and root that were asked for ("-" when it was no checkpoint), largest signed size and its root, who asked
/// </code>
/// A line that a crash cut off was never answered, and is taken away. At <see cref="MaximumBytes"/> the file is put aside as <c>signer-&lt;time&gt;.log</c> and begun anew.
/// </remarks>
public sealed class SignerLog : IDisposable
{
    /// <summary>Bytes after which the file is begun anew.</summary>
    public const long MaximumBytes = 64L * 1024 * 1024;

    private const int LongestLine = 512;
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    private readonly string _path;
    private readonly FileStream _lock;
    private readonly TimeProvider _time;
    private FileStream _file;
    private byte[] _last = [];

    private SignerLog(string path, FileStream held, FileStream file, TimeProvider time)
    {
        _path = path;
        _lock = held;
        _file = file;
        _time = time;
    }

    /// <summary>The largest size that was signed; −1 before the first.</summary>
    public long Size { get; private set; } = -1;

    /// <summary>The root of that size.</summary>
    public Hash32 Root { get; private set; }

    /// <summary>Opens the log of a folder, which is made with mode 0700 when it is not there.</summary>
    /// <exception cref="ChainRefusedException">Another signer works on it, its last line is none, or the disk refuses.</exception>
    public static SignerLog Open(string folder, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        FileStream? held = null;
        FileStream? file = null;
        try
        {
            DurableFile.CreateOwnerOnlyFolder(folder);
            held = Hold(Path.Combine(folder, "signer.lock"));
            var path = Path.Combine(folder, "signer.log");
            file = OpenFile(path);
            DurableFile.SyncFolder(folder);
            var log = new SignerLog(path, held, file, time);
            log.ReadLast();
            return log;
        }
        catch (Exception failure)
        {
            file?.Dispose();
            held?.Dispose();
            throw failure is IOException or UnauthorizedAccessException
                ? new ChainRefusedException(ChainRefusal.Storage, $"The signer's folder '{folder}' cannot be used: {failure.Message}", failure)
                : failure;
        }
    }

    /// <summary>Writes how a request ended, on the disk when this returns; a signed one becomes the largest.</summary>
    /// <exception cref="IOException">The disk failed: nothing may be signed any more.</exception>
    public void Write(SignerAnswer answer, long size, Hash32? root, string who)
    {
        if (answer == SignerAnswer.Done)
        {
            (Size, Root) = (size, root!.Value);
        }

        if (_file.Length >= MaximumBytes)
        {
            PutAside();
        }

        var line = string.Create(
            CultureInfo.InvariantCulture, $"{_time.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture)} {Code(answer)} {(root is null ? "-" : size)} {root?.ToHex() ?? "-"} {Size} {(Size < 0 ? "-" : Root.ToHex())} {who}\n");
        _last = Encoding.ASCII.GetBytes(line);
        _file.Write(_last);
        DurableFile.Sync(_file.SafeFileHandle);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _lock.Dispose();
    }

    private static string Code(SignerAnswer answer) => answer switch
    {
        SignerAnswer.Done => "done",
        SignerAnswer.Malformed => "malformed",
        SignerAnswer.OtherOrigin => "other-origin",
        SignerAnswer.NotACheckpoint => "not-a-checkpoint",
        SignerAnswer.Behind => "behind",
        SignerAnswer.OtherRoot => "other-root",
        _ => "failed",
    };

    private static FileStream Hold(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy)
        {
            throw new ChainRefusedException(ChainRefusal.Locked, $"Another signer works on '{Path.GetDirectoryName(path)}': two with one key would sign two histories.", busy);
        }
    }

    private static FileStream OpenFile(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.Read, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(path, options);
    }

    private void ReadLast()
    {
        var from = Math.Max(0, _file.Length - (2 * LongestLine));
        var tail = new byte[_file.Length - from];
        _file.Position = from;
        _file.ReadExactly(tail);
        var end = Array.LastIndexOf(tail, (byte)'\n') + 1;
        if (end == 0 && tail.Length > LongestLine)
        {
            throw Damaged();
        }

        _file.SetLength(from + end);
        _file.Position = from + end;
        if (end == 0)
        {
            return;
        }

        var begin = end < 2 ? 0 : Array.LastIndexOf(tail, (byte)'\n', end - 2) + 1;
        var fields = Encoding.ASCII.GetString(tail, begin, end - 1 - begin).Split(' ');
        if (fields.Length != 8 || !long.TryParse(fields[4], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var size) || size < -1)
        {
            throw Damaged();
        }

        var root = default(Hash32);
        if (size >= 0 && !Hash32.TryParseHex(fields[5], out root))
        {
            throw Damaged();
        }

        (Size, Root) = (size, root);
        _last = tail[begin..end];
    }

    private ChainRefusedException Damaged() => new(
        ChainRefusal.Inconsistent, $"The last line of '{_path}' is none, so it is not known what was signed: restore the file, and never begin it anew with this key.");

    // The copy first, then the new file in one rename: whenever this is interrupted, the last line is in signer.log.
    private void PutAside()
    {
        var folder = Path.GetDirectoryName(_path)!;
        var stamp = _time.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmssfff", CultureInfo.InvariantCulture);
        var aside = Path.Combine(folder, $"signer-{stamp}.log");
        File.Copy(_path, aside);
        using (var copy = File.OpenHandle(aside, FileMode.Open, FileAccess.ReadWrite))
        {
            DurableFile.Sync(copy);
        }

        DurableFile.Replace(_path, _last, ownerOnly: true);
        DurableFile.SyncFolder(folder);
        _file.Dispose();
        _file = OpenFile(_path);
        _file.Position = _file.Length;
    }
}
