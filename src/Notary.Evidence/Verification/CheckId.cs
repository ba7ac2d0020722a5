namespace Notary.Evidence;

/// <summary>What became of a check.</summary>
public enum CheckOutcome
{
    Passed = 1,
    Failed = 2,
    /// <summary>A check before it made it pointless, or it does not apply here.</summary>
    NotPerformed = 3,
    /// <summary>What it needs is not at hand; the reason says what.</summary>
    CouldNotBePerformed = 4,
}

/// <summary>
/// The checks. Numbers and names are frozen (docs/spec/verdicts.md); the list grows. The order in which they are reported and in
/// which the first failure decides is that of <see cref="CheckCatalogue.All"/>, where a later number may stand between earlier ones.
/// </summary>
public enum CheckId
{
    ZipStructure = 1,
    ZipMimetype = 2,
    PackageEntries = 3,
    PackageOpenings = 4,
    ReceiptFormat = 5,
    LeafCanonical = 6,
    LeafForm = 7,
    ProofFormat = 8,
    CheckpointOrigin = 9,
    RecordNumber = 10,
    TrustFile = 11,
    TrustChain = 12,
    CheckpointSuite = 13,
    CheckpointSignature = 14,
    ProofInclusion = 15,
    PartCount = 16,
    PartOpening = 17,
    PartsRoot = 18,
    FieldsRoot = 19,
    PartPresent = 20,
    PartSize = 21,
    PartSm3 = 22,
    PartSha256 = 23,
    PartContent = 24,
    PartTree = 25,
    FileGiven = 26,
    CheckpointQuorum = 27,
    StateRequired = 28,
    AdmissionState = 29,
    TrustRange = 30,
    AnchorForm = 31,
    AnchorNote = 32,
    AnchorProof = 33,
    AnchorOrigin = 34,
    AnchorMain = 35,
    AnchorSuite = 36,
    AnchorSignature = 37,
    AnchorInclusion = 38,
    AnchorQuorum = 39,
    CustodyTrust = 50,
    CustodyInclusion = 51,
    CustodySignature = 52,
    CustodyQuorum = 53,
}

/// <summary>A text in the two languages of the platform.</summary>
public sealed record BilingualText(string En, string Zh);

/// <summary>What was compared with what, in full.</summary>
/// <param name="ExpectedFrom">Where the expected value comes from.</param>
/// <param name="ActualFrom">Where the other one comes from.</param>
public sealed record Comparison(string ExpectedFrom, string Expected, string ActualFrom, string Actual);

/// <summary>One check of a report.</summary>
/// <param name="Subject">What it is about when there are several: <c>part/0</c>, a given file's name; else null.</param>
/// <param name="Sub">What the outcome means for the verdict; <see cref="SubIndication.None"/> when nothing.</param>
/// <param name="Reason">Technical reason, in English, or null: codes, offsets. For people there is <paramref name="Text"/>.</param>
public sealed record VerificationCheck(CheckId Id, string? Subject, CheckOutcome Outcome, SubIndication Sub, Comparison? Compared, string? Reason, BilingualText Text)
{
    /// <summary>The stable id, such as <c>proof.inclusion</c>.</summary>
    public string Name => CheckCatalogue.NameOf(Id);
}

/// <summary>Stable ids and the sentences of every check.</summary>
public static class CheckCatalogue
{
    private static readonly Dictionary<CheckId, Entry> Entries = new()
    {
        [CheckId.ZipStructure] = new("zip.structure", "The file is a zip of the one allowed encoding", "文件是符合唯一允许编码的 ZIP"),
        [CheckId.ZipMimetype] = new("zip.mimetype", "The first entry says application/vnd.etsi.asic-e+zip", "首个条目声明为 application/vnd.etsi.asic-e+zip"),
        [CheckId.PackageEntries] = new("package.entries", "The package holds exactly the entries that the record determines", "证据包仅含由记录所确定的条目"),
        [CheckId.PackageOpenings] = new("package.openings", "The openings are well formed", "承诺打开数据格式正确"),
        [CheckId.ReceiptFormat] = new("receipt.format", "The receipt is well formed", "回执格式正确"),
        [CheckId.LeafCanonical] = new("leaf.canonical", "The record is canonical JSON: its bytes equal their own re-serialisation", "记录为规范化 JSON,字节与其重新序列化结果一致"),
        [CheckId.LeafForm] = new("leaf.form", "The record has the form that its kind and version demand", "记录符合其种类和版本所要求的形式"),
        [CheckId.ProofFormat] = new("proof.format", "The proof is well formed", "证明格式正确"),
        [CheckId.CheckpointOrigin] = new("checkpoint.origin", "The checkpoint is of the chain that the record names", "检查点属于记录所指明的链"),
        [CheckId.RecordNumber] = new("record.number", "The number is that of the chain and index", "编号与链及序号相符"),
        [CheckId.TrustFile] = new("trust.file", "A trust file was given from outside the package", "已由证据包之外提供信任文件"),
        [CheckId.TrustChain] = new("trust.chain", "The trust file knows the chain", "信任文件包含该链"),
        [CheckId.CheckpointSuite] = new("checkpoint.suite", "The proof uses the chain's suite", "证明使用该链的密码套件"),
        [CheckId.CheckpointSignature] = new("checkpoint.signature", "The checkpoint is signed by the chain's log key", "检查点由该链的日志密钥签名"),
        [CheckId.ProofInclusion] = new("proof.inclusion", "The record lies in the sealed tree at its index", "记录位于已封存树的相应序号处"),
        [CheckId.PartCount] = new("part.count", "The record has as many parts as are opened or listed", "部分数量与记录一致"),
        [CheckId.PartOpening] = new("part.opening", "The part's description is the one that was sealed", "该部分的说明与封存时一致"),
        [CheckId.PartsRoot] = new("parts.root", "All parts together are the ones that were sealed", "全部部分合计与封存时一致"),
        [CheckId.FieldsRoot] = new("fields.root", "The metadata fields are the ones that were sealed", "元数据字段与封存时一致"),
        [CheckId.PartPresent] = new("part.present", "The part's content is at hand", "该部分的内容已提供"),
        [CheckId.PartSize] = new("part.size", "The content has the sealed size", "内容大小与封存时一致"),
        [CheckId.PartSm3] = new("part.sm3", "The content has the sealed SM3 digest", "内容的 SM3 摘要与封存时一致"),
        [CheckId.PartSha256] = new("part.sha256", "The content has the sealed SHA-256 digest", "内容的 SHA-256 摘要与封存时一致"),
        [CheckId.PartContent] = new("part.content", "The content reads from the package without error", "内容可从证据包中无误读出"),
        [CheckId.PartTree] = new("part.tree", "The rows of the content make the sealed row tree", "内容各行构成封存时的行树"),
        [CheckId.FileGiven] = new("file.given", "The file given beside the package is a part of the record", "随附文件属于该记录"),
        [CheckId.CheckpointQuorum] = new("checkpoint.quorum", "The ledger nodes that the trust file demands have cosigned", "信任文件所要求的账本节点已会签"),
        [CheckId.StateRequired] = new("state.required", "The record has reached the state that the trust file requires", "记录已达到信任文件要求的状态"),
        [CheckId.TrustRange] = new("trust.range", "The trust file's entry of the chain holds where the checkpoint stands", "信任文件中该链的条目在检查点所处位置有效"),
        [CheckId.AnchorForm] = new("anchor.form", "The anchor is a well-formed anchor record of another chain", "锚定记录是另一条链上格式正确的锚定记录"),
        [CheckId.AnchorNote] = new("anchor.note", "The anchor holds exactly the checkpoint of the record's proof", "锚定记录所载正是本记录证明中的检查点"),
        [CheckId.AnchorProof] = new("anchor.proof", "The proof of the anchor is well formed", "锚定记录的证明格式正确"),
        [CheckId.AnchorOrigin] = new("anchor.origin", "The main checkpoint is of the chain that the anchor names", "主链检查点属于锚定记录所指明的链"),
        [CheckId.AnchorMain] = new("anchor.main", "The anchor stands on the main chain of the trust file", "锚定记录位于信任文件所载的主链上"),
        [CheckId.AnchorSuite] = new("anchor.suite", "The proof of the anchor uses the main chain's suite", "锚定记录的证明使用主链的密码套件"),
        [CheckId.AnchorSignature] = new("anchor.signature", "The main checkpoint is signed by the main chain's log key", "主链检查点由主链的日志密钥签名"),
        [CheckId.AnchorInclusion] = new("anchor.inclusion", "The anchor lies in the main chain's tree at its index", "锚定记录位于主链树的相应序号处"),
        [CheckId.AnchorQuorum] = new("anchor.quorum", "The main chain's nodes that the trust file demands have cosigned", "信任文件所要求的主链节点已会签"),
        [CheckId.CustodyTrust] = new("custody.trust", "The trust file knows both chains of the proof that the custody record carries, where it stands", "信任文件在相应位置包含该保管记录所载证明中的两条链"),
        [CheckId.CustodyInclusion] = new("custody.inclusion", "The leaf in the carried proof lies in its chain's tree, and the anchor in the main chain's", "所载证明中的记录位于其链的树中,锚定记录位于主链的树中"),
        [CheckId.CustodySignature] = new("custody.signature", "Both checkpoints of the carried proof are signed by their chains' log keys", "所载证明中的两个检查点均由各自链的日志密钥签名"),
        [CheckId.CustodyQuorum] = new("custody.quorum", "Both checkpoints of the carried proof are final, in their one final form", "所载证明中的两个检查点均已最终确定,且为其唯一最终形式"),
        [CheckId.AdmissionState] = new("admission.state", "The record was admissible in the state its chain had", "按链当时的状态,该记录应予接纳"),
    };

    private static readonly string[] OutcomesEn = ["", "passed", "FAILED", "not performed", "could not be performed"];
    private static readonly string[] OutcomesZh = ["", "通过", "未通过", "未执行", "无法执行"];
    private static readonly string[] OutcomeCodes = ["", "passed", "failed", "not-performed", "could-not-be-performed"];

    /// <summary>All ids in the order of a report. What was added later stands where the walk from the record to the state comes to it.</summary>
    public static IReadOnlyList<CheckId> All { get; } =
    [
        .. Between(CheckId.ZipStructure, CheckId.TrustChain),
        CheckId.TrustRange,
        .. Between(CheckId.CheckpointSuite, CheckId.CheckpointQuorum),
        .. Between(CheckId.AnchorForm, CheckId.AnchorQuorum),
        .. Between(CheckId.CustodyTrust, CheckId.CustodyQuorum),
        CheckId.StateRequired,
        CheckId.AdmissionState,
    ];

    private static readonly int[] Ranks = [.. Enumerable.Range(0, (int)All.Max() + 1).Select(id => All.ToList().IndexOf((CheckId)id))];

    /// <summary>The stable id as text.</summary>
    public static string NameOf(CheckId id) => Entries[id].Name;

    /// <summary>The outcome as it stands in a report's JSON.</summary>
    public static string CodeOf(CheckOutcome outcome) => OutcomeCodes[(int)outcome];

    /// <summary>Place of a check in <see cref="All"/>.</summary>
    internal static int RankOf(CheckId id) => Ranks[(int)id];

    internal static BilingualText TextOf(CheckId id, string? subject, CheckOutcome outcome, BilingualText? because)
    {
        var entry = Entries[id];
        var about = subject is null ? string.Empty : $" ({subject})";
        return new BilingualText(
            $"{entry.En}{about}: {OutcomesEn[(int)outcome]}{(because is null ? string.Empty : ", " + because.En)}.",
            $"{entry.Zh}{about}:{OutcomesZh[(int)outcome]}{(because is null ? string.Empty : "," + because.Zh)}。");
    }

    private static IEnumerable<CheckId> Between(CheckId first, CheckId last) => Entries.Keys.Where(id => id >= first && id <= last).Order();

    private sealed record Entry(string Name, string En, string Zh);
}
