using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Notary.Evidence.Tests.Packages;

public class StrictZipTests
{
    [Fact]
    public void Writer_and_a_field_by_field_zip_agree_byte_for_byte()
    {
        var expected = RawZip.Of(("mimetype", "x"), ("合同.txt", "hello"), ("notary/leaf.json", "{}")).Build();
        Assert.Equal(expected, Write(("mimetype", "x"), ("合同.txt", "hello"), ("notary/leaf.json", "{}")));
        Assert.Null(Open(expected, out var zip));
        Assert.Equal(["mimetype", "合同.txt", "notary/leaf.json"], zip!.Entries.Select(entry => entry.Name));
        Assert.Null(zip.ReadAll(zip.Entries[1], 10, out var content));
        Assert.Equal("hello", Encoding.UTF8.GetString(content));
    }

    [Fact]
    public void Writer_makes_what_the_base_library_reads()
    {
        var bytes = Write(("mimetype", "x"), ("a.txt", "hello"));
        using var archive = new ZipArchive(new MemoryStream(bytes), ZipArchiveMode.Read);
        Assert.Equal(["mimetype", "a.txt"], archive.Entries.Select(entry => entry.FullName));
        using var reader = new StreamReader(archive.Entries[1].Open());
        Assert.Equal("hello", reader.ReadToEnd());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(1_000_003)]
    public void Deflated_content_of_every_size_reads_back(int size)
    {
        var random = new Random(size);
        var content = new byte[size];
        for (var i = 0; i < size; i++)
        {
            content[i] = (byte)(random.Next(6) == 0 ? random.Next(256) : 'a' + (i / 700 % 7));
        }

        foreach (var level in new[] { CompressionLevel.Optimal, CompressionLevel.Fastest, CompressionLevel.NoCompression, CompressionLevel.SmallestSize })
        {
            using var packed = new MemoryStream();
            using (var deflate = new DeflateStream(packed, level, true))
            {
                deflate.Write(content);
            }

            using var back = new MemoryStream();
            packed.Position = 0;
            var failure = packed.Length == 0 ? ZipFailure.None : Inflater.Run(packed, packed.Length, size, piece => back.Write(piece));
            Assert.Equal(ZipFailure.None, failure);
            Assert.True(back.ToArray().AsSpan().SequenceEqual(content));
        }

        using var output = new MemoryStream();
        var writer = new StrictZipWriter(output);
        writer.Add("a", new MemoryStream(content), ZipMethod.Deflate);
        writer.Finish();
        Assert.Null(Open(output.ToArray(), out var zip));
        Assert.Null(zip!.ReadAll(zip.Entries[0], size, out var read));
        Assert.True(read.AsSpan().SequenceEqual(content));
    }

    [Fact]
    public void Crc_equals_its_definition_at_every_length()
    {
        var bytes = new byte[100];
        new Random(1).NextBytes(bytes);
        for (var length = 0; length <= bytes.Length; length++)
        {
            Assert.Equal(RawEntry.Crc32Of(bytes.AsSpan(0, length)), Crc32.Append(Crc32.Append(Crc32.Start, bytes.AsSpan(0, length / 3)), bytes.AsSpan(length / 3, length - (length / 3))));
        }

        Assert.Equal(0xCBF43926u, Crc32.Append(Crc32.Start, "123456789"u8));
    }

    // The collection of attacks: each is a right zip with one thing wrong.

    [Fact]
    public void Leading_bytes_are_refused() => Refused(ZipFailure.EndRecordMismatch, zip => { zip.Leading = [1]; zip.MutateEnd = end => Add32(end, 16, -1); });

    [Fact]
    public void Leading_bytes_that_the_offsets_know_are_refused() => Refused(ZipFailure.NotContiguous, zip => zip.Leading = "MZ\0\0"u8.ToArray());

    [Fact]
    public void Trailing_bytes_are_refused() => Refused(ZipFailure.EndRecordMissing, zip => zip.Trailing = [0]);

    [Fact]
    public void A_second_zip_behind_the_first_is_refused() => Refused(ZipFailure.EndRecordMismatch, zip => zip.Trailing = RawZip.Of(("b", "c")).Build());

    [Fact]
    public void An_archive_comment_is_refused() => Refused(ZipFailure.EndRecordMissing, zip => zip.Comment = "mimetype=application/vnd.etsi.asic-e+zip"u8.ToArray());

    [Fact]
    public void A_comment_that_ends_in_another_end_record_is_refused() => Refused(ZipFailure.EndRecordMismatch, zip => zip.Comment = RawZip.Of(("b", "c")).Build()[^22..]);

    [Fact]
    public void Bytes_between_entries_are_refused() => Refused(ZipFailure.NotContiguous, zip => zip.Entries[0].AfterData = [7]);

    [Fact]
    public void Bytes_before_the_directory_are_refused() => Refused(ZipFailure.NotContiguous, zip => zip.BeforeDirectory = [7]);

    [Fact]
    public void Bytes_behind_the_directory_are_refused() => Refused(ZipFailure.EndRecordMismatch, zip => zip.AfterDirectory = [7]);

    [Fact]
    public void A_local_header_without_central_one_is_refused() =>
        Refused(ZipFailure.NotContiguous, zip => zip.Entries[0].AfterData = [.. new RawEntry("hidden", "x"u8.ToArray()).LocalHeader(), (byte)'x']);

    [Fact]
    public void Overlapping_entries_are_refused() => Refused(ZipFailure.NotContiguous, zip => zip.Entries[1].MutateCentral = header => Set32(header, 42, 0));

    [Fact]
    public void Entries_in_another_order_than_their_headers_are_refused() => Refused(ZipFailure.NotContiguous, zip =>
    {
        zip.Entries[0].MutateCentral = header => Set32(header, 42, zip.Entries[1].Offset);
        zip.Entries[1].MutateCentral = header => Set32(header, 42, 0);
    });

    [Fact]
    public void An_entry_that_reaches_into_the_directory_is_refused() => Refused(ZipFailure.NotContiguous, zip =>
    {
        zip.Entries[1].MutateCentral = header => { Add32(header, 20, 10); Add32(header, 24, 10); };
        zip.Entries[1].MutateLocal = header => { Add32(header, 18, 10); Add32(header, 22, 10); };
    });

    [Fact]
    public void A_name_that_differs_in_the_local_header_is_refused() => Refused(ZipFailure.LocalHeaderMismatch, zip => zip.Entries[1].MutateLocal = header => header[30] ^= 1);

    [Fact]
    public void Every_byte_of_a_local_header_is_compared()
    {
        for (var at = 0; at < 30 + "a.txt".Length; at++)
        {
            var place = at;
            Refused(ZipFailure.LocalHeaderMismatch, zip => zip.Entries[1].MutateLocal = header => header[place] ^= 0x10);
        }
    }

    [Fact]
    public void No_byte_of_a_central_header_can_change()
    {
        for (var at = 0; at < 46 + "a.txt".Length; at++)
        {
            var place = at;
            for (var bit = 1; bit < 256; bit <<= 1)
            {
                var mask = (byte)bit;
                var bytes = Simple(zip => zip.Entries[1].MutateCentral = header => header[place] ^= mask);
                Assert.NotNull(Open(bytes, out _));
            }
        }
    }

    [Fact]
    public void No_byte_of_the_end_record_can_change()
    {
        for (var at = 0; at < 22; at++)
        {
            var place = at;
            for (var bit = 1; bit < 256; bit <<= 1)
            {
                var mask = (byte)bit;
                Assert.NotNull(Open(Simple(zip => zip.MutateEnd = end => end[place] ^= mask), out _));
            }
        }
    }

    [Fact]
    public void A_data_descriptor_is_refused() => Refused(ZipFailure.FlagsNotAllowed, zip => zip.Entries[1].Flags |= 8);

    [Fact]
    public void A_name_without_the_utf8_flag_is_refused() => Refused(ZipFailure.FlagsNotAllowed, zip => zip.Entries[1].Flags = 0);

    [Theory]
    [InlineData(1)]
    [InlineData(0x40)]
    [InlineData(0x2000)]
    public void Encryption_is_refused(int flag) => Refused(ZipFailure.Encrypted, zip => zip.Entries[1].Flags |= (ushort)flag);

    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(93)]
    [InlineData(95)]
    [InlineData(99)]
    public void Other_methods_are_refused(int method) => Refused(ZipFailure.MethodNotAllowed, zip => zip.Entries[1].Method = (ushort)method);

    [Fact]
    public void A_modification_time_is_refused() => Refused(ZipFailure.CentralHeaderField, zip => zip.Entries[1].MutateCentral = header => header[12] = 1);

    [Fact]
    public void Symbolic_links_and_other_attributes_are_refused() =>
        Refused(ZipFailure.CentralHeaderField, zip => zip.Entries[1].MutateCentral = header => Set32(header, 38, 0xA1FF0000));

    [Fact]
    public void An_entry_comment_is_refused() => Refused(ZipFailure.CentralHeaderField, zip => zip.Entries[1].Comment = "hi"u8.ToArray());

    [Fact]
    public void An_extra_field_in_the_central_header_is_refused() => Refused(ZipFailure.CentralHeaderField, zip => zip.Entries[1].Extra = [0x55, 0x54, 1, 0, 0]);

    [Fact]
    public void A_unicode_path_extra_field_is_refused() => Refused(ZipFailure.CentralHeaderField, zip => zip.Entries[1].Extra = [0x75, 0x70, 6, 0, 1, 0, 0, 0, 0, (byte)'b']);

    [Fact]
    public void An_extra_field_in_the_local_header_is_refused() => Refused(ZipFailure.LocalHeaderMismatch, zip => zip.Entries[1].LocalExtra = [0x55, 0x54, 1, 0, 0]);

    [Fact]
    public void Zip64_where_it_is_not_needed_is_refused() => Refused(ZipFailure.CentralHeaderField, zip =>
    {
        var extra = new byte[20];
        BinaryPrimitives.WriteUInt16LittleEndian(extra, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(extra.AsSpan(2), 16);
        BinaryPrimitives.WriteInt64LittleEndian(extra.AsSpan(4), 5);
        BinaryPrimitives.WriteInt64LittleEndian(extra.AsSpan(12), 5);
        zip.Entries[1].Extra = zip.Entries[1].LocalExtra = extra;
        zip.Entries[1].MutateCentral = header => { Set32(header, 20, uint.MaxValue); Set32(header, 24, uint.MaxValue); };
        zip.Entries[1].MutateLocal = header => { Set32(header, 18, uint.MaxValue); Set32(header, 22, uint.MaxValue); };
    });

    [Fact]
    public void A_zip64_size_beyond_the_file_is_refused() => Refused(ZipFailure.Truncated, zip =>
    {
        var extra = new byte[20];
        BinaryPrimitives.WriteUInt16LittleEndian(extra, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(extra.AsSpan(2), 16);
        BinaryPrimitives.WriteInt64LittleEndian(extra.AsSpan(4), long.MaxValue);
        BinaryPrimitives.WriteInt64LittleEndian(extra.AsSpan(12), long.MaxValue);
        zip.Entries[1].Extra = zip.Entries[1].LocalExtra = extra;
        zip.Entries[1].MutateCentral = header => { Set32(header, 20, uint.MaxValue); Set32(header, 24, uint.MaxValue); };
    });

    [Theory]
    [InlineData("../a.txt")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("notary/../a")]
    [InlineData("notary/./a")]
    [InlineData("/a.txt")]
    [InlineData("//a")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("a/b/c")]
    [InlineData("..\\a.txt")]
    [InlineData("a\\b")]
    [InlineData("C:a.txt")]
    [InlineData("C:\\a.txt")]
    [InlineData("a.txt:stream")]
    [InlineData("a\0.txt")]
    [InlineData("a\n.txt")]
    [InlineData("a\u001b[2J.txt")]
    [InlineData("a\u007f")]
    [InlineData("a\u0085")]
    [InlineData("con")]
    [InlineData("CON.txt")]
    [InlineData("nul .txt")]
    [InlineData("lpt1")]
    [InlineData("COM¹.log")]
    [InlineData("a.")]
    [InlineData("a ")]
    [InlineData(" a")]
    [InlineData("a*")]
    [InlineData("a?")]
    [InlineData("a|b")]
    [InlineData("\"a\"")]
    [InlineData("<a>")]
    [InlineData("txt.\u202Eexe")]
    [InlineData("a\u200Bb")]
    [InlineData("a\u00ADb")]
    [InlineData("a\u2028b")]
    [InlineData("a\u00A0b")]
    [InlineData("\uFEFFa")]
    [InlineData("\uE000")]
    [InlineData("\uFFFF")]
    [InlineData("e\u0301.txt")]
    [InlineData("\u212B.txt")]
    [InlineData("\u0301a")]
    public void Path_tricks_are_refused(string name)
    {
        var zip = RawZip.Of(("mimetype", "x"));
        zip.Entries.Add(new RawEntry(name, "hello"u8.ToArray()));
        var problem = Open(zip.Build(), out _);
        Assert.Equal(ZipFailure.NameNotAllowed, problem?.Failure);
        Assert.DoesNotContain(problem!.Entry!, c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format);
    }

    [Fact]
    public void A_name_that_is_not_utf8_is_refused() => Refused(ZipFailure.NameNotUtf8, zip => zip.Entries[1].NameBytes = [0xC0, 0xAF]);

    [Fact]
    public void An_empty_name_is_refused() => Refused(ZipFailure.NameTooLong, zip => zip.Entries[1].NameBytes = []);

    [Fact]
    public void A_long_name_is_refused() => Refused(ZipFailure.NameTooLong, zip => zip.Entries[1].NameBytes = [.. Enumerable.Repeat((byte)'a', 513)]);

    [Fact]
    public void A_duplicate_name_is_refused() => Refused(ZipFailure.NameDuplicate, zip => zip.Entries.Add(new RawEntry("a.txt", "other"u8.ToArray())));

    [Theory]
    [InlineData("A.TXT")]
    [InlineData("a.Txt")]
    public void A_name_that_differs_in_case_only_is_refused(string name) => Refused(ZipFailure.NameDuplicate, zip => zip.Entries.Add(new RawEntry(name, "other"u8.ToArray())));

    [Fact]
    public void A_stored_entry_with_two_sizes_is_refused() => Refused(ZipFailure.StoredSizeMismatch, zip => zip.Entries[1].Size = 4);

    [Fact]
    public void A_wrong_crc_is_found_when_read()
    {
        Assert.Null(Open(Simple(zip => zip.Entries[1].Crc ^= 1), out var opened));
        Assert.Equal(ZipFailure.CrcMismatch, opened!.Read(opened.Entries[1], _ => { })?.Failure);
    }

    [Fact]
    public void A_zip_bomb_is_refused_by_its_ratio()
    {
        var zip = RawZip.Of(("mimetype", "x"));
        zip.Entries.Add(RawEntry.Deflated("bomb", new byte[10_000_000]));
        Assert.Equal(ZipFailure.RatioTooHigh, Open(zip.Build(), out _)?.Failure);
    }

    [Fact]
    public void A_zip_bomb_that_declares_a_small_size_stops_there()
    {
        var zip = RawZip.Of(("mimetype", "x"));
        zip.Entries.Add(RawEntry.Deflated("bomb", new byte[10_000_000], declaredSize: 1000));
        Assert.Null(Open(zip.Build(), out var opened));
        long seen = 0;
        Assert.Equal(ZipFailure.InflatesBeyondSize, opened!.Read(opened.Entries[1], piece => seen += piece.Length)?.Failure);
        Assert.True(seen <= 1000);
    }

    [Fact]
    public void A_deflate_stream_shorter_than_declared_is_refused()
    {
        var zip = RawZip.Of(("mimetype", "x"));
        zip.Entries.Add(RawEntry.Deflated("short", "hello"u8.ToArray(), declaredSize: 6));
        Assert.Null(Open(zip.Build(), out var opened));
        Assert.Equal(ZipFailure.InflatesShort, opened!.Read(opened.Entries[1], _ => { })?.Failure);
    }

    [Fact]
    public void Bytes_behind_a_deflate_stream_are_refused()
    {
        var zip = RawZip.Of(("mimetype", "x"));
        var entry = RawEntry.Deflated("a", "hello hello hello"u8.ToArray());
        entry.Data = [.. entry.Data, 0];
        zip.Entries.Add(entry);
        Assert.Null(Open(zip.Build(), out var opened));
        Assert.Equal(ZipFailure.DeflateTrailing, opened!.Read(opened.Entries[1], _ => { })?.Failure);
    }

    [Fact]
    public void Nested_overlapping_bombs_are_refused()
    {
        // As in the best known "quine" bombs: many central headers share one local header.
        var zip = RawZip.Of(("a", "content"));
        var first = zip.Entries[0];
        for (var i = 0; i < 100; i++)
        {
            zip.Entries.Add(new RawEntry($"b{i}", []) { Data = [], MutateCentral = header => Set32(header, 42, first.Offset) });
        }

        Assert.Equal(ZipFailure.NotContiguous, Open(zip.Build(), out _)?.Failure);
    }

    [Fact]
    public void Too_many_entries_are_refused()
    {
        var zip = new RawZip();
        for (var i = 0; i < 101; i++)
        {
            zip.Entries.Add(new RawEntry($"f{i}", []));
        }

        Assert.Equal(ZipFailure.TooManyEntries, Open(zip.Build(), out _, new ZipLimits { MaxEntries = 100 })?.Failure);
    }

    [Fact]
    public void Entries_larger_than_the_limits_are_refused()
    {
        var bytes = RawZip.Of(("a", "12345"), ("b", "12345")).Build();
        Assert.Equal(ZipFailure.EntryTooLarge, Open(bytes, out _, new ZipLimits { MaxEntrySize = 4 })?.Failure);
        Assert.Equal(ZipFailure.TotalTooLarge, Open(bytes, out _, new ZipLimits { MaxTotalSize = 9 })?.Failure);
    }

    [Fact]
    public void A_zip_without_entries_is_refused() => Assert.Equal(ZipFailure.NoEntries, Open([.. new byte[100], .. new RawZip().Build()], out _)?.Failure);

    [Fact]
    public void Every_truncation_is_refused()
    {
        var bytes = Simple(_ => { });
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.NotNull(Open(bytes[..length], out _));
        }
    }

    [Fact]
    public void Every_flipped_bit_is_refused_or_found_when_read()
    {
        var zip = RawZip.Of(("mimetype", "x"), ("a.txt", "hello"));
        zip.Entries.Add(RawEntry.Deflated("b.txt", Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 40).Select(i => $"line {i} of forty\n")))));
        var bytes = zip.Build();
        Assert.Null(Open(bytes, out var right));
        var contents = right!.Entries.Select(entry => Read(right, entry)).ToArray();
        for (var at = 0; at < bytes.Length * 8; at++)
        {
            bytes[at / 8] ^= (byte)(1 << (at % 8));
            if (Open(bytes, out var opened) is null)
            {
                Assert.Contains(opened!.Entries, entry => opened.Read(entry, _ => { }) is not null);
                Assert.Equal(right.Entries.Count, opened.Entries.Count);
            }

            bytes[at / 8] ^= (byte)(1 << (at % 8));
        }

        Assert.Equal(contents, right.Entries.Select(entry => Read(right, entry)));
    }

    [Fact]
    public void Random_bytes_and_random_deflate_streams_end_in_a_reason()
    {
        var random = new Random(20_261_123);
        var rounds = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? 200_000 : 5_000;
        for (var i = 0; i < rounds; i++)
        {
            var noise = new byte[random.Next(1, 300)];
            random.NextBytes(noise);
            Assert.NotNull(Open(noise, out _));
            var written = 0L;
            Inflater.Run(new MemoryStream(noise), noise.Length, 1000, piece => written += piece.Length);
            Assert.InRange(written, 0, 1000);

            var bytes = Simple(_ => { });
            for (var edits = random.Next(1, 4); edits > 0; edits--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            if (Open(bytes, out var zip) is null)
            {
                foreach (var entry in zip!.Entries)
                {
                    zip.Read(entry, _ => { });
                }
            }
        }
    }

    [Fact]
    public void Zip64_headers_beyond_4_GiB_read_back()
    {
        // Only the headers are there: opening reads no content, and the content is zeros that nobody stores.
        const long size = (4L << 30) + 3;
        using var file = new SparseStream();
        var big = new ZipEntry("big.bin", ZipMethod.Stored, 0, size, size, 0, 0);
        var small = new ZipEntry("after.txt", ZipMethod.Stored, RawEntry.Crc32Of("behind"u8), 6, 6, ZipHeaders.Local(big).Length + size, 0);
        file.Write(ZipHeaders.Local(big));
        file.Position = small.HeaderOffset;
        file.Write([.. ZipHeaders.Local(small), .. "behind"u8]);
        var directory = file.Position;
        byte[] central = [.. ZipHeaders.Central(big), .. ZipHeaders.Central(small)];
        file.Write([.. central, .. ZipHeaders.End(2, directory, central.Length)]);
        Assert.Null(StrictZipReader.TryOpen(file, ZipLimits.Default, out var zip));
        Assert.Equal(size, zip!.Entries[0].Size);
        Assert.Null(zip.ReadAll(zip.Entries[1], 100, out var content));
        Assert.Equal("behind", Encoding.UTF8.GetString(content));
        foreach (var at in Enumerable.Range(0, central.Length))
        {
            file.Position = directory + at;
            file.Write([(byte)(central[at] ^ 1)]);
            Assert.NotNull(StrictZipReader.TryOpen(file, ZipLimits.Default, out _));
            file.Position = directory + at;
            file.Write([central[at]]);
        }
    }

    [Fact]
    public void Zip64_is_written_and_read_back_beyond_4_GiB()
    {
        // The whole content in the long run; in the short one the size below which nothing changes.
        var size = Environment.GetEnvironmentVariable("NOTARY_LONG") == "1" ? (4L << 30) + 3 : 1L << 20;
        using var output = new SparseStream();
        var writer = new StrictZipWriter(output);
        writer.Add("big.bin", new ZeroStream(size));
        writer.Add("after.txt", "behind"u8);
        writer.Finish();
        Assert.Null(StrictZipReader.TryOpen(output, ZipLimits.Default, out var zip));
        Assert.Equal(size, zip!.Entries[0].Size);
        long seen = 0;
        Assert.Null(zip.Read(zip.Entries[0], piece => seen += piece.Length));
        Assert.Equal(size, seen);
        Assert.Null(zip.ReadAll(zip.Entries[1], 100, out var content));
        Assert.Equal("behind", Encoding.UTF8.GetString(content));
    }

    private static string Read(StrictZipReader zip, ZipEntry entry)
    {
        Assert.Null(zip.ReadAll(entry, 10_000, out var content));
        return Encoding.UTF8.GetString(content);
    }

    private static byte[] Write(params (string Name, string Content)[] entries)
    {
        using var output = new MemoryStream();
        var writer = new StrictZipWriter(output);
        foreach (var (name, content) in entries)
        {
            writer.Add(name, Encoding.UTF8.GetBytes(content));
        }

        writer.Finish();
        return output.ToArray();
    }

    private static byte[] Simple(Action<RawZip> change)
    {
        var zip = RawZip.Of(("mimetype", "x"), ("a.txt", "hello"));
        change(zip);
        return zip.Build();
    }

    private static void Refused(ZipFailure failure, Action<RawZip> change) => Assert.Equal(failure, Open(Simple(change), out _)?.Failure);

    private static ZipProblem? Open(byte[] bytes, out StrictZipReader? zip, ZipLimits? limits = null) =>
        StrictZipReader.TryOpen(new MemoryStream(bytes), limits ?? ZipLimits.Default, out zip);

    private static void Set32(byte[] bytes, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private static void Add32(byte[] bytes, int at, int value) => Set32(bytes, at, (uint)(BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) + value));
}
