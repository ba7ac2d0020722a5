namespace Notary.Ledger;

/// <summary>Why a note was refused.</summary>
public enum NoteVerificationFailure
{
    None = 0,

    /// <summary>No line names one of the keys.</summary>
    NoKnownKey = 1,

    /// <summary>A line names one of the keys and its signature is wrong: <c>FailedKey</c>, <c>FailedSignature</c>.</summary>
    SignatureInvalid = 2,
}

/// <summary>A signature line that has been verified with a key; <paramref name="Time"/> is the POSIX time in seconds of a cosignature.</summary>
public sealed record VerifiedSignature(NoteKey Key, NoteSignature Signature, long? Time);

/// <summary>Result of verifying a note: the verified lines (one a key, in the note's order), or the reason and the line.</summary>
public sealed record NoteVerification(
    NoteVerificationFailure Failure, IReadOnlyList<VerifiedSignature> Verified, NoteKey? FailedKey, NoteSignature? FailedSignature)
{
    public bool Ok => Failure == NoteVerificationFailure.None;
}
