namespace Notary.Evidence;

/// <summary>Main indications of ETSI EN 319 102-1 clause 5.1.3. Numbers frozen.</summary>
public enum Indication
{
    TotalPassed = 1,
    TotalFailed = 2,
    Indeterminate = 3,
}

/// <summary>The sub-indications of ETSI EN 319 102-1 that this verifier gives. Numbers frozen; the list grows.</summary>
public enum SubIndication
{
    None = 0,
    /// <summary>Failed: the bytes are not in the form that they must have.</summary>
    FormatFailure = 1,
    /// <summary>Failed: a digest, commitment or root is not the sealed one.</summary>
    HashFailure = 2,
    /// <summary>Failed: a signature of a trusted key does not verify.</summary>
    SigCryptoFailure = 3,
    /// <summary>Indeterminate: no trust file was given from outside, or it does not know the chain.</summary>
    NoCertificateChainFound = 20,
    /// <summary>Indeterminate: no line of the checkpoint is by a key that the trust file names for the chain.</summary>
    NoSigningCertificateFound = 21,
    /// <summary>Indeterminate: the record is of a kind or version whose rules this verifier does not have.</summary>
    SignaturePolicyNotAvailable = 22,
    /// <summary>Indeterminate: a part, or its opening, is neither in the package nor given beside it.</summary>
    SignedDataNotFound = 23,
    /// <summary>Indeterminate: the record has not reached, in this package, the state that the trust file requires.</summary>
    TryLater = 24,
}

/// <summary>The frozen texts of indications: as ETSI writes them, and as URNs of ETSI TS 119 102-2.</summary>
public static class IndicationNames
{
    public static string Of(Indication indication) => indication switch
    {
        Indication.TotalPassed => "TOTAL-PASSED",
        Indication.TotalFailed => "TOTAL-FAILED",
        Indication.Indeterminate => "INDETERMINATE",
        _ => throw new ArgumentOutOfRangeException(nameof(indication)),
    };

    /// <summary>Null for <see cref="SubIndication.None"/>.</summary>
    public static string? Of(SubIndication sub) => sub switch
    {
        SubIndication.None => null,
        SubIndication.FormatFailure => "FORMAT_FAILURE",
        SubIndication.HashFailure => "HASH_FAILURE",
        SubIndication.SigCryptoFailure => "SIG_CRYPTO_FAILURE",
        SubIndication.NoCertificateChainFound => "NO_CERTIFICATE_CHAIN_FOUND",
        SubIndication.NoSigningCertificateFound => "NO_SIGNING_CERTIFICATE_FOUND",
        SubIndication.SignaturePolicyNotAvailable => "SIGNATURE_POLICY_NOT_AVAILABLE",
        SubIndication.SignedDataNotFound => "SIGNED_DATA_NOT_FOUND",
        SubIndication.TryLater => "TRY_LATER",
        _ => throw new ArgumentOutOfRangeException(nameof(sub)),
    };

    public static string UrnOf(Indication indication) => "urn:etsi:019102:mainindication:" + Of(indication).ToLowerInvariant();

    public static string? UrnOf(SubIndication sub) => Of(sub) is { } name ? "urn:etsi:019102:subindication:" + name : null;

    /// <summary>The main indication that a sub-indication belongs to.</summary>
    public static Indication MainOf(SubIndication sub) => sub switch
    {
        SubIndication.None => Indication.TotalPassed,
        < SubIndication.NoCertificateChainFound => Indication.TotalFailed,
        _ => Indication.Indeterminate,
    };
}
