namespace Notary.Server.Portal;

/// <summary>What the page says, in one language.</summary>
public sealed record HomeTexts(
    string Language,
    string Title,
    string Service,
    string Skip,
    string Development,
    string Heading,
    string Lead,
    string Drop,
    string DropMore,
    string NoScript,
    string Chain,
    string Running,
    string Stopped,
    string Records,
    string LastSealed,
    string SuiteName,
    string Origin,
    string Root,
    string Checkpoint,
    string CheckpointMore,
    string Footer,
    string Api,
    string Trust,
    string LatestCheckpoint)
{
    /// <summary>English.</summary>
    public static readonly HomeTexts English = new(
        "en",
        "Notary",
        "Electronic evidence notarization",
        "Skip to the content",
        "Development platform: no other organisation countersigns this chain. Nothing sealed here has evidential weight.",
        "Has this file been sealed?",
        "Choose a file. Its digest is computed on this computer and looked up here; the file itself is not sent. A package (.asice) is sent to this platform, verified and not kept.",
        "Drop a file here, or choose one",
        "Any file, or a Notary package ending in .asice",
        "This check computes digests in the browser and needs JavaScript. Without it, use the command notary verify, or the interface described below.",
        "Head of the chain",
        "Sealing",
        "Stopped",
        "records in the log",
        "last sealed (UTC)",
        "cryptographic suite",
        "Origin",
        "Root",
        "Signed checkpoint",
        "Keep this text. Whoever holds it can prove later that nothing before it was changed, removed or reordered.",
        "A sealed record shows that content has not changed since it was sealed. It does not show that the content is true.",
        "Interface description (OpenAPI)",
        "Trust file",
        "Newest checkpoint");

    /// <summary>Chinese, in mainland usage.</summary>
    public static readonly HomeTexts Chinese = new(
        "zh-CN",
        "Notary 存证",
        "电子证据存证公证平台",
        "跳到正文",
        "开发环境：尚无其他机构对本链联署，在此封存的内容不具有证据效力。",
        "这份文件是否已存证？",
        "请选择文件。摘要在您的计算机上计算，仅以摘要查询，文件本身不会上传。证据包（.asice）会上传至本平台核验，核验后不予保留。",
        "将文件拖放到此处，或点击选择",
        "任意文件，或以 .asice 结尾的证据包",
        "本页在浏览器内计算摘要，需要启用 JavaScript。如无法启用，请使用命令 notary verify 或下方所述接口。",
        "链头",
        "封存中",
        "已停止",
        "链上记录数",
        "最近封存时间（UTC）",
        "密码套件",
        "链标识",
        "树根",
        "已签名检查点",
        "请保存此文本。持有者日后可据此证明：此前的记录未被更改、删除或重排。",
        "存证记录证明内容自封存之时起未被改动，并不证明内容真实。",
        "接口说明（OpenAPI）",
        "信任文件",
        "最新检查点");

    /// <summary>The language of a request: <c>?lang=</c> first, then the first of <c>Accept-Language</c> that is known.</summary>
    public static HomeTexts Of(HttpRequest request)
    {
        string asked = request.Query["lang"].ToString();
        if (asked.Length == 0)
        {
            asked = request.GetTypedHeaders().AcceptLanguage.OrderByDescending(l => l.Quality ?? 1).Select(l => l.Value.ToString())
                .FirstOrDefault(l => l.StartsWith("zh", StringComparison.OrdinalIgnoreCase) || l.StartsWith("en", StringComparison.OrdinalIgnoreCase)) ?? "en";
        }

        return asked.StartsWith("zh", StringComparison.OrdinalIgnoreCase) ? Chinese : English;
    }
}
