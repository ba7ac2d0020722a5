using System.Collections.Frozen;

namespace Notary.Client;

/// <summary>Media types (IANA registry) by file extension; what is not listed is <c>application/octet-stream</c>.</summary>
public static class MediaTypes
{
    /// <summary>Media type of unknown bytes.</summary>
    public const string Unknown = "application/octet-stream";

    private static readonly FrozenDictionary<string, string> s_byExtension = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        [".asice"] = "application/vnd.etsi.asic-e+zip",
        [".avi"] = "video/x-msvideo",
        [".csv"] = "text/csv",
        [".doc"] = "application/msword",
        [".docx"] = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        [".eml"] = "message/rfc822",
        [".gif"] = "image/gif",
        [".htm"] = "text/html",
        [".html"] = "text/html",
        [".jpeg"] = "image/jpeg",
        [".jpg"] = "image/jpeg",
        [".json"] = "application/json",
        [".md"] = "text/markdown",
        [".mkv"] = "video/x-matroska",
        [".mp3"] = "audio/mpeg",
        [".mp4"] = "video/mp4",
        [".odt"] = "application/vnd.oasis.opendocument.text",
        [".pdf"] = "application/pdf",
        [".png"] = "image/png",
        [".tif"] = "image/tiff",
        [".tiff"] = "image/tiff",
        [".txt"] = "text/plain",
        [".wav"] = "audio/wav",
        [".webp"] = "image/webp",
        [".xls"] = "application/vnd.ms-excel",
        [".xlsx"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        [".xml"] = "application/xml",
        [".zip"] = "application/zip",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>The media type that goes with a file name.</summary>
    public static string Of(string fileName) => s_byExtension.GetValueOrDefault(Path.GetExtension(fileName), Unknown);
}
