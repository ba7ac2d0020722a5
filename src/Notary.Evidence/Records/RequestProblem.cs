namespace Notary.Evidence;

/// <summary>Why a request was refused before admission.</summary>
/// <param name="Code">Stable, one of <see cref="RequestCodes"/>.</param>
/// <param name="Message">What is wrong and which limit holds; never a value from the request.</param>
/// <param name="Offset">Byte offset in the line where it shows, or null.</param>
public readonly record struct RequestProblem(string Code, string Message, int? Offset = null);

/// <summary>The stable codes of refused requests; <c>docs/spec/record.md</c> lists them with their limits.</summary>
public static class RequestCodes
{
    /// <summary>The body exceeds 16 MiB.</summary>
    public const string BodyTooLarge = "body-too-large";
    /// <summary>More than 10,000 lines.</summary>
    public const string TooManyLines = "too-many-lines";
    /// <summary>A line without a value.</summary>
    public const string EmptyLine = "empty-line";
    /// <summary>A line beyond 512 KiB.</summary>
    public const string LineTooLong = "line-too-long";
    /// <summary>Not UTF-8.</summary>
    public const string NotUtf8 = "not-utf8";
    /// <summary>Not JSON.</summary>
    public const string JsonSyntax = "json-syntax";
    /// <summary>Half of a surrogate pair.</summary>
    public const string LoneSurrogate = "lone-surrogate";
    /// <summary>A value of another JSON type.</summary>
    public const string WrongType = "wrong-type";
    /// <summary>A fraction, an exponent or negative zero.</summary>
    public const string NumberNotInteger = "number-not-integer";
    /// <summary>An integer outside its range.</summary>
    public const string NumberOutOfRange = "number-out-of-range";
    /// <summary>A member twice.</summary>
    public const string DuplicateMember = "duplicate-member";
    /// <summary>A member that the format does not have.</summary>
    public const string UnknownMember = "unknown-member";
    /// <summary>A member that is needed.</summary>
    public const string MissingMember = "missing-member";
    /// <summary>Not an evidence type by its grammar.</summary>
    public const string TypeInvalid = "type-invalid";
    /// <summary>An empty list of parts.</summary>
    public const string NoParts = "no-parts";
    /// <summary>More than 1,000 parts.</summary>
    public const string TooManyParts = "too-many-parts";
    /// <summary>A digest that is not 64 lower-case hex digits.</summary>
    public const string DigestNotHex = "digest-not-hex";
    /// <summary>Not a media type by its grammar.</summary>
    public const string MediaInvalid = "media-invalid";
    /// <summary>A kind other than file and tree.</summary>
    public const string PartKindUnknown = "part-kind-unknown";
    /// <summary>A tree's members with a file, or a tree without them.</summary>
    public const string TreeIncomplete = "tree-incomplete";
    /// <summary>A tree rule that this version does not have.</summary>
    public const string TreeRuleUnknown = "tree-rule-unknown";
    /// <summary>A tree part whose salts the submitter cannot have made.</summary>
    public const string TreeNeedsSecret = "tree-needs-secret";
    /// <summary>A relation outside the closed list.</summary>
    public const string RelationUnknown = "relation-unknown";
    /// <summary>Not a time in the one format.</summary>
    public const string TimeInvalid = "time-invalid";
    /// <summary>Not a UUIDv7 in lower case.</summary>
    public const string IdInvalid = "id-invalid";
    /// <summary>An id without a secret or the other way round.</summary>
    public const string IdWithoutSecret = "id-without-secret";
    /// <summary>A metadata field that this version does not have.</summary>
    public const string MetadataUnknownField = "metadata-unknown-field";
    /// <summary>A field's value beyond 4,096 bytes.</summary>
    public const string MetadataValueTooLong = "metadata-value-too-long";
    /// <summary>Metadata beyond 16 KiB.</summary>
    public const string MetadataTooLarge = "metadata-too-large";
    /// <summary>A metadata object without a field.</summary>
    public const string MetadataEmpty = "metadata-empty";
    /// <summary>Text that is not in normalisation form C.</summary>
    public const string NotNormalized = "not-normalized";
    /// <summary>File names that are not one for each part.</summary>
    public const string FilesCount = "files-count";
    /// <summary>A file name that cannot be a package entry.</summary>
    public const string FileNameInvalid = "file-name-invalid";
    /// <summary>A statement reference out of its ranges.</summary>
    public const string StatementInvalid = "statement-invalid";
}
