namespace Notary.Evidence;

/// <summary>Why a leaf is not admitted. Numbers and codes are frozen; the list only grows. Up to 19 the leaf alone shows it, from 20 the chain's state is needed.</summary>
public enum AdmissionFailure : byte
{
    /// <summary>Admitted.</summary>
    None = 0,
    /// <summary>More than 16 KiB.</summary>
    TooLarge = 1,
    /// <summary>Not JSON of the profile.</summary>
    NotJson = 2,
    /// <summary>JSON, but not its canonical spelling.</summary>
    NotCanonical = 3,
    /// <summary>A kind that this version does not know. A verifier says INDETERMINATE.</summary>
    UnknownKind = 4,
    /// <summary>A version that this program does not know. A verifier says INDETERMINATE.</summary>
    UnknownVersion = 5,
    /// <summary>A kind of the list whose rules this version does not have. A verifier says INDETERMINATE.</summary>
    KindNotAccepted = 6,
    /// <summary>A member that its kind needs is missing.</summary>
    MissingMember = 7,
    /// <summary>A member that its kind does not have.</summary>
    UnknownMember = 8,
    /// <summary>A member's value breaks its grammar or range.</summary>
    BadValue = 9,
    /// <summary>Received after it was sealed.</summary>
    ReceivedAfterSealed = 10,
    /// <summary>The proof that the leaf carries is of another transfer, or of another chain's.</summary>
    ProofOfOther = 11,
    /// <summary>The signature of a node's statement does not verify by the key that it names.</summary>
    NodeSignature = 12,

    /// <summary>The index is not the chain's size.</summary>
    IndexNotNext = 20,
    /// <summary>The leaf names another origin.</summary>
    WrongChain = 21,
    /// <summary>Sealed before the last sealed leaf.</summary>
    SealedBackwards = 22,
    /// <summary>Leaves 0 to 4 are the policies admission, access, custody, consent, retention; this is another.</summary>
    FirstLeavesOrder = 23,
    /// <summary>Leaf 0 does not name the genesis fingerprint of this chain.</summary>
    GenesisMismatch = 24,
    /// <summary>A leaf other than 0 names a genesis.</summary>
    GenesisUnexpected = 25,
    /// <summary>Fewer valid governance signatures than k, or one that does not verify.</summary>
    GovernanceMissing = 26,
    /// <summary>A policy document that its format does not allow.</summary>
    PolicyInvalid = 27,
    /// <summary>A policy document whose version is not above the one in force.</summary>
    PolicyNotNewer = 28,
    /// <summary>The named policy is not the one in force: of evidence the admission policy, of custody the custody policy.</summary>
    PolicyNotInForce = 29,
    /// <summary>No key record at the named index.</summary>
    KeyUnknown = 30,
    /// <summary>The key record is of another account.</summary>
    KeyOfOtherAccount = 31,
    /// <summary>The key record was revoked.</summary>
    KeyRevoked = 32,
    /// <summary>A later record of the same key is in force.</summary>
    KeySuperseded = 33,
    /// <summary>Sealed before the key's first instant.</summary>
    KeyNotYetValid = 34,
    /// <summary>Sealed at or after the key's last instant.</summary>
    KeyExpired = 35,
    /// <summary>The key is not for this chain.</summary>
    KeyNotForChain = 36,
    /// <summary>The key is not for this evidence type.</summary>
    KeyNotForType = 37,
    /// <summary>The key is for another purpose.</summary>
    KeyPurpose = 38,
    /// <summary>A key record that names a wrong predecessor, or none where there is one.</summary>
    KeySupersedes = 39,
    /// <summary>No rule of the policy is for this type and account.</summary>
    TypeNotAccepted = 40,
    /// <summary>The rule does not accept this way of authentication.</summary>
    AuthNotAccepted = 41,
    /// <summary>The rule does not accept this relation.</summary>
    RelationNotAccepted = 42,
    /// <summary>More parts than the rule allows.</summary>
    TooManyParts = 43,
    /// <summary>The rule demands metadata.</summary>
    FieldsRequired = 44,
    /// <summary>The rule forbids metadata.</summary>
    FieldsForbidden = 45,
    /// <summary>The claimed time lies after the received one by more than the rule allows.</summary>
    SentTooLate = 46,
    /// <summary>Sealed later after its receipt than the rule allows.</summary>
    SealedTooLate = 47,
    /// <summary>The statement's signature does not verify.</summary>
    StatementSignature = 48,
    /// <summary>A statement with this root is already on the chain.</summary>
    StatementTwice = 49,
    /// <summary>No statement with this root is on the chain.</summary>
    StatementUnknown = 50,
    /// <summary>The statement is another account's.</summary>
    StatementOfOtherAccount = 51,
    /// <summary>The index in the statement is not below its count.</summary>
    StatementIndexOutside = 52,
    /// <summary>A record with this index in the statement is already on the chain.</summary>
    StatementIndexTwice = 53,
    /// <summary>An anchor on another chain than <c>main</c>.</summary>
    AnchorNotOnMain = 54,
    /// <summary>An anchor before a version of the trust file is in force on the chain.</summary>
    AnchorWithoutTrust = 55,
    /// <summary>An anchor of the main chain itself.</summary>
    AnchorOfItself = 56,
    /// <summary>The trust version in force does not know the anchored origin.</summary>
    AnchorOriginUnknown = 57,
    /// <summary>No entry of the anchored chain in the trust version in force holds at this index.</summary>
    AnchorOutsideRange = 58,
    /// <summary>The named previous anchor is not the newest one of that origin.</summary>
    AnchorPrevious = 59,
    /// <summary>The anchored size is not above that of the previous anchor.</summary>
    AnchorNotLarger = 60,
    /// <summary>No line of the anchored note is by the chain's log key, or a line of a known key does not verify.</summary>
    AnchorSignature = 61,
    /// <summary>The cosignatures under the anchored note do not satisfy the chain's policy.</summary>
    AnchorNotFinal = 62,
    /// <summary>The anchored note satisfies the policy, but is not in the one final form: a line too many, or another order.</summary>
    AnchorNotExact = 63,
    /// <summary>The proof does not show that the anchored tree extends the one anchored before.</summary>
    AnchorInconsistent = 64,
    /// <summary>A trust file of another deployment.</summary>
    TrustOtherDeployment = 65,
    /// <summary>A trust file without an entry of this chain's origin and log key.</summary>
    TrustWithoutChain = 66,
    /// <summary>The first trust file of the chain is signed by fewer than k governance keys of the genesis.</summary>
    TrustGovernance = 67,
    /// <summary>Not the version after the one in force.</summary>
    TrustNotNext = 68,
    /// <summary>The trust file names another previous fingerprint than that of the version in force.</summary>
    TrustOtherPrevious = 69,
    /// <summary>Fewer than k governance keys of the version in force signed the trust file.</summary>
    TrustTooFewOfPrevious = 70,
    /// <summary>A governance key that the trust file adds did not sign it.</summary>
    TrustKeyUnsigned = 71,

    // From 80 on custody.
    /// <summary>A custody record on the main chain.</summary>
    CustodyOnMain = 80,
    /// <summary>A custody record before a version of the trust file is in force on the chain.</summary>
    CustodyWithoutTrust = 81,
    /// <summary>No rule of the custody policy allows this act to this account and peer.</summary>
    CustodyNotAllowed = 82,
    /// <summary>The other end is no region whose entry in the trust version in force is open.</summary>
    CustodyPeer = 83,
    /// <summary>A transfer with this id was released on this chain before.</summary>
    CustodyTransferTwice = 84,
    /// <summary>The record is not on this chain: its index is not below that of the release.</summary>
    CustodyEvidenceIndex = 85,
    /// <summary>The record is not in this chain's custody: released and not withdrawn, or never received.</summary>
    CustodyNotHere = 86,
    /// <summary>The record is not here by the leaf that the release names.</summary>
    CustodyVia = 87,
    /// <summary>This release was received or declined on this chain before.</summary>
    CustodyDecided = 88,
    /// <summary>The record is in this chain's custody already.</summary>
    CustodyHere = 89,
    /// <summary>No transfer with this id is released and not withdrawn on this chain.</summary>
    CustodyTransferUnknown = 90,
    /// <summary>The refusal is another chain's than the target's, or of another release; or a release names the record by another id than before.</summary>
    CustodyOtherRelease = 91,
    /// <summary>The chain holds as many transfers as it may.</summary>
    CustodyFull = 92,
    /// <summary>The trust version in force does not know the chain of the proved leaf, or the main chain of its anchor.</summary>
    CustodyProofUnknownChain = 93,
    /// <summary>No entry of that chain in the trust version in force holds where its checkpoint stands.</summary>
    CustodyProofOutsideRange = 94,
    /// <summary>The path does not lead from the leaf, or the anchor, to the checkpoint's root.</summary>
    CustodyProofNotIncluded = 95,
    /// <summary>No line of the checkpoint is by the chain's log key, or a line of a known key does not verify.</summary>
    CustodyProofSignature = 96,
    /// <summary>The cosignatures under the checkpoint do not satisfy the chain's policy.</summary>
    CustodyProofNotFinal = 97,
    /// <summary>The checkpoint's note satisfies the policy, but is not in the one final form.</summary>
    CustodyProofNotExact = 98,

    // From 100 on a chain that is closed.
    /// <summary>An incident on another chain than <c>main</c>.</summary>
    IncidentNotOnMain = 100,
    /// <summary>An incident before a version of the trust file is in force on the chain.</summary>
    IncidentWithoutTrust = 101,
    /// <summary>An incident that would close the main chain itself.</summary>
    IncidentOfMain = 102,
    /// <summary>The trust version in force does not know the closed origin.</summary>
    IncidentOriginUnknown = 103,
    /// <summary>The chain is closed already.</summary>
    IncidentTwice = 104,
    /// <summary>The successor is the closed chain itself, the main chain, a chain that is closed, or of another deployment.</summary>
    IncidentSuccessor = 105,
    /// <summary>The line of a checkpoint in the incident is by no log key of the closed chain, or does not verify.</summary>
    IncidentSignature = 106,
    /// <summary>The incident contradicts the newest anchor of the closed chain: what is available does not extend it, or more was anchored than is said to be lost.</summary>
    IncidentInconsistent = 107,
    /// <summary>An anchor of a closed chain above what is available of it, or of that size with another root.</summary>
    AnchorOfClosed = 108,

    // From 110 on what ledger nodes say.
    /// <summary>A node's statement before a version of the trust file is in force on the chain.</summary>
    NodeWithoutTrust = 110,
    /// <summary>The trust version in force does not name the key among the chain's nodes.</summary>
    NodeUnknown = 111,
    /// <summary>The alarm is about a leaf that does not stand below it.</summary>
    AlarmIndex = 112,
    /// <summary>An alarm of this key about this leaf is on the chain already.</summary>
    AlarmTwice = 113,
    /// <summary>The chain holds as many alarms of this key as it may.</summary>
    AlarmFull = 114,
    /// <summary>The named trust version is not the one by which the key came to this chain.</summary>
    NodeTrust = 115,
    /// <summary>The size does not hold the trust leaf by which the key came, or lies above the record's own index.</summary>
    NodeSize = 116,
    /// <summary>A node record of this key is on the chain already.</summary>
    NodeTwice = 117,
}

/// <summary>The decision on a leaf.</summary>
/// <param name="Failure">Why not, or none.</param>
/// <param name="Member">The member of the leaf that shows it, or empty.</param>
/// <param name="Rule">Id of the policy rule that decided, or empty.</param>
/// <param name="Offset">Byte offset in the leaf where form breaks, or −1.</param>
public readonly record struct AdmissionResult(AdmissionFailure Failure, string Member = "", string Rule = "", int Offset = -1)
{
    private static readonly string[] Codes = MakeCodes();

    /// <summary>Whether the leaf is admitted.</summary>
    public bool Ok => Failure == AdmissionFailure.None;

    /// <summary>Stable code of the failure, for instance <c>key-revoked</c>.</summary>
    public string Code => CodeOf(Failure);

    /// <summary>Whether a verifier says INDETERMINATE rather than failed: the leaf may be right for a newer version.</summary>
    public bool Indeterminate => Failure is AdmissionFailure.UnknownKind or AdmissionFailure.UnknownVersion or AdmissionFailure.KindNotAccepted;

    /// <summary>The stable code of a failure: its name in lower case with hyphens.</summary>
    public static string CodeOf(AdmissionFailure failure) => Codes[(int)failure];

    /// <summary>The failure of a code; None for a text that is none.</summary>
    public static AdmissionFailure OfCode(string code) => string.IsNullOrEmpty(code) ? AdmissionFailure.None : (AdmissionFailure)Math.Max(0, Array.IndexOf(Codes, code));

    internal static AdmissionResult Of(AdmissionFailure failure, string member = "") => failure == AdmissionFailure.None ? default : new(failure, member);

    private static string[] MakeCodes()
    {
        var values = Enum.GetValues<AdmissionFailure>();
        var codes = new string[(int)values[^1] + 1];
        Array.Fill(codes, string.Empty);
        foreach (var value in values)
        {
            codes[(int)value] = string.Concat(value.ToString().Select(static (c, i) =>
                char.IsAsciiLetterUpper(c) ? (i > 0 ? "-" : "") + char.ToLowerInvariant(c) : c.ToString()));
        }

        return codes;
    }
}
