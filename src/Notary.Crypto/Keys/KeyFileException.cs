namespace Notary.Crypto.Keys;

public enum KeyFileFailure
{
    /// <summary>There is no file of that name.</summary>
    Missing,

    /// <summary>A file of that name exists already; keys are never overwritten.</summary>
    Exists,

    /// <summary>Group or others may read or write it.</summary>
    PermissionsTooOpen,

    /// <summary>The file system refused: no access, a missing folder, a full disk.</summary>
    Inaccessible,

    /// <summary>Not one PEM block "ENCRYPTED PRIVATE KEY", or its content is damaged.</summary>
    NotAKeyFile,

    /// <summary>Encrypted otherwise than by PBES2 with PBKDF2, or with a count of rounds out of bounds.</summary>
    UnsupportedEncryption,

    /// <summary>The password does not open it (or the ciphertext is damaged, which cannot be told apart).</summary>
    WrongPassword,

    /// <summary>It opens, and holds a key of another kind than asked for.</summary>
    OtherKind,

    /// <summary>It opens, and the key inside is no valid key of its kind.</summary>
    BadKey,
}

/// <summary>A key file cannot be created or opened. The message is one sentence that names the file and the remedy, never the password.</summary>
public sealed class KeyFileException(KeyFileFailure failure, string path, string message, Exception? inner = null) : Exception(message, inner)
{
    public KeyFileFailure Failure { get; } = failure;

    public string Path { get; } = path;
}
