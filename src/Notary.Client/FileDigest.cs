using System.Buffers;
using Notary.Crypto;

namespace Notary.Client;

/// <summary>Both digests of one file, made in one pass.</summary>
/// <param name="Path">The path as it was given.</param>
/// <param name="Size">Bytes that were read.</param>
/// <param name="Sm3">SM3 (GB/T 32905) of the bytes.</param>
/// <param name="Sha256">SHA-256 (FIPS 180-4) of the bytes.</param>
public sealed record FileDigest(string Path, long Size, Hash32 Sm3, Hash32 Sha256)
{
    private const int BlockBytes = 256 * 1024;

    /// <summary>The file's name without its folder.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>The media type that goes with the name.</summary>
    public string Media => MediaTypes.Of(Path);

    /// <summary>Reads a file once, in order, and hashes it with both functions.</summary>
    /// <param name="path">A regular file.</param>
    /// <param name="progress">Is told the number of bytes after each block.</param>
    /// <param name="cancel">Stops between two blocks.</param>
    /// <exception cref="NotaryClientException"><see cref="ClientFailure.LocalFile"/>: absent, unreadable, not a regular file, or its length changed meanwhile.</exception>
    public static FileDigest Compute(string path, IProgress<long>? progress = null, CancellationToken cancel = default)
    {
        byte[] block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            if (Directory.Exists(path))
            {
                throw new NotaryClientException(ClientFailure.LocalFile, "file-is-folder", $"{path} is a folder; name files, or use submit.");
            }

            using StreamingHash sm3 = Suite.Sm.CreateHash();
            using StreamingHash sha256 = Suite.Intl.CreateHash();
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
            long length = file.CanSeek ? file.Length : throw new NotaryClientException(ClientFailure.LocalFile, "file-not-regular", $"{path} is not a regular file.");
            long size = 0;
            for (int n; (n = file.Read(block, 0, BlockBytes)) > 0;)
            {
                cancel.ThrowIfCancellationRequested();
                sm3.Append(block.AsSpan(0, n));
                sha256.Append(block.AsSpan(0, n));
                size += n;
                progress?.Report(n);
            }

            if (size != length || file.Length != length)
            {
                throw new NotaryClientException(ClientFailure.LocalFile, "file-changed", $"{path} changed while it was read.");
            }

            return new FileDigest(path, size, sm3.Finish(), sha256.Finish());
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new NotaryClientException(ClientFailure.LocalFile, "file-not-found", $"There is no file {path}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NotaryClientException(ClientFailure.LocalFile, "file-unreadable", $"The file {path} cannot be read.", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }
}
