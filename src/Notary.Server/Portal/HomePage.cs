using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Notary.Server.Portal;

/// <summary>What the page shows of one chain.</summary>
public sealed record ChainView(string Name, string Origin, string Suite, long Size, string Root, string LastSealed, string Checkpoint, string? StoppedBecause);

/// <summary>The page <c>/</c> as HTML: static, complete without scripts but for the drop field, every value encoded.</summary>
public static class HomePage
{
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private const string Seal = """
        <svg viewBox="0 0 48 48" aria-hidden="true"><rect x="2" y="2" width="44" height="44" rx="6" fill="#a3211d"/><rect x="6" y="6" width="36" height="36" rx="3" fill="none" stroke="#fff" stroke-width="1.5"/><path d="M14 15h20M24 11v26M16 22h16M14 37h20M19 22v15M29 22v15" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/></svg>
        """;

    /// <summary>A page of this site: head, header and footer around what it shows.</summary>
    /// <param name="path">Its address, encoded, for the links that change the language.</param>
    /// <param name="script">Its script; empty for none.</param>
    public static string Frame(HomeTexts t, string heading, string path, string script, string main, string mode = "", string links = "") => $"""
        <!doctype html>
        <html lang="{t.Language}">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>{heading} – {t.Title}</title>
        <link rel="icon" type="image/svg+xml" href="/assets/seal.svg">
        <link rel="stylesheet" href="/assets/site.css">
        {(script.Length > 0 ? $"<script src=\"/assets/{script}\" defer></script>" : "")}
        </head>
        <body>
        <a class="skip" href="#main">{t.Skip}</a>
        <header><div class="wrap">{Seal}<div class="brand">{t.Title}<small>{t.Service}</small></div>
        <nav aria-label="Language / 语言">{Language(t, path, "en", "English")}{Language(t, path, "zh-CN", "中文")}</nav></div></header>
        {mode}
        <main id="main" class="wrap">
        {main}
        </main>
        <footer><div class="wrap"><p>{t.Footer}</p>
        <ul><li><a href="/openapi/v1.json">{t.Api}</a></li><li><a href="/trust">{t.Trust}</a></li>{links}</ul></div></footer>
        </body>
        </html>

        """;

    public static string Render(HomeTexts t, IReadOnlyList<ChainView> chains, bool development) => Frame(t, t.Heading, "/", "site.js", $"""
        <h1>{t.Heading}</h1>
        <p class="lead">{t.Lead}</p>
        <input class="pick" type="file" id="file" aria-describedby="drop-more">
        <label class="drop" id="drop" for="file">
        <svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M28 5H13a3 3 0 0 0-3 3v32a3 3 0 0 0 3 3h22a3 3 0 0 0 3-3V15zM28 5v10h10M24 36V23M18 29l6-6 6 6"/></svg>
        <span><strong>{t.Drop}</strong><span id="drop-more">{t.DropMore}</span></span>
        </label>
        <noscript><p>{t.NoScript}</p></noscript>
        <section class="result" id="result" aria-live="polite" hidden></section>
        {string.Concat(chains.Select(chain => Chain(t, chain)))}
        """,
        development ? $"<div class=\"mode\" role=\"note\"><div class=\"wrap\"><p>{t.Development}</p></div></div>" : "",
        string.Concat(chains.Select(c => $"<li><a href=\"/log/{Encode(c.Name)}/checkpoint\">{t.LatestCheckpoint}</a></li>")));

    private static string Chain(HomeTexts t, ChainView chain) => $"""
        <section class="chain" aria-labelledby="chain-{Encode(chain.Name)}">
        <header><h2 id="chain-{Encode(chain.Name)}">{t.Chain} · {Encode(chain.Name)}</h2>
        {(chain.StoppedBecause is null ? $"<span class=\"state\">{t.Running}</span>" : $"<span class=\"state stopped\">{t.Stopped}: {Encode(chain.StoppedBecause)}</span>")}</header>
        <div class="figures">
        <div class="figure"><b>{chain.Size.ToString("N0", CultureInfo.InvariantCulture)}</b><span>{t.Records}</span></div>
        <div class="figure"><b><time datetime="{Encode(chain.LastSealed)}">{Encode(chain.LastSealed.Replace('T', ' ').Split('.')[0])}</time></b><span>{t.LastSealed}</span></div>
        <div class="figure"><b>{Encode(chain.Suite)}</b><span>{t.SuiteName}</span></div>
        </div>
        <dl><dt>{t.Origin}</dt><dd><code>{Encode(chain.Origin)}</code></dd><dt>{t.Root}</dt><dd class="hash">{Encode(chain.Root)}</dd></dl>
        <details open><summary>{t.Checkpoint}</summary><p>{t.CheckpointMore}</p>
        <pre tabindex="0">{Encode(chain.Checkpoint)}</pre></details>
        </section>

        """;

    private static string Language(HomeTexts t, string path, string language, string name) =>
        $"<a href=\"{path}{(path.Contains('?', StringComparison.Ordinal) ? "&amp;" : "?")}lang={language}\" lang=\"{language}\" hreflang=\"{language}\"{(t.Language == language ? " aria-current=\"true\"" : "")}>{name}</a>";

    /// <summary>Text as HTML.</summary>
    public static string Encode(string text) => Encoder.Encode(text);
}
