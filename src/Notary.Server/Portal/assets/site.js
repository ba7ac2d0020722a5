// The drop field: hashes a file here, asks the platform about the digest; a package is sent for verification.
"use strict";

const zh = document.documentElement.lang.startsWith("zh");
const text = zh ? {
  hashing: "正在本机计算摘要……", asking: "正在查询……", verifying: "正在核验证据包……", size: "大小", sm3: "SM3", sha256: "SHA-256",
  sealed: t => `已于 ${t} 封存`, known: "该文件的摘要与下列存证记录一致。这说明内容自封存之时起未被改动；不说明内容真实。",
  again: n => `另有 ${n} 条记录含有相同摘要。`, number: "存证编号", chain: "链", state: "状态", index: "链上序号",
  sealedAt: "封存时间", verdict: "结论", unknown: "未找到存证记录", unknownMore: "本平台没有与该文件摘要一致的存证记录。文件哪怕只改动一个字节，摘要也会不同。",
  behind: n => `最近 ${n} 条记录尚在建立索引；请稍后再查。`,
  failed: "未能完成", check: "检查项", outcome: "结果", what: "说明", states: { sealed: "已封存", final: "已终局", anchored: "已锚定", "time-stamped": "已加盖时间戳" },
  outcomes: { passed: "通过", failed: "未通过", "not-performed": "未执行", "could-not-be-performed": "无法执行" },
  indications: { "TOTAL-PASSED": "核验通过", "TOTAL-FAILED": "核验未通过", INDETERMINATE: "无法确定" }, absent: "浏览器内未计算（文件过大或非安全连接）",
} : {
  hashing: "Hashing on this computer…", asking: "Looking it up…", verifying: "Verifying the package…", size: "Size", sm3: "SM3", sha256: "SHA-256",
  sealed: t => `Sealed at ${t}`, known: "The digest of this file is the one in the record below. Its content has not changed since it was sealed; that does not say that the content is true.",
  again: n => `${n} more record${n === 1 ? "" : "s"} hold${n === 1 ? "s" : ""} the same digest.`, number: "Record number", chain: "Chain", state: "State", index: "Index in the chain",
  sealedAt: "Sealed at", verdict: "Verdict", unknown: "Not known here", unknownMore: "No record of this platform holds the digest of this file. A file with a single byte changed has another digest.",
  behind: n => `The newest ${n} record${n === 1 ? " is" : "s are"} not yet in the index; ask again in a moment.`,
  failed: "That did not work", check: "Check", outcome: "Outcome", what: "What it says", states: {},
  outcomes: { passed: "passed", failed: "failed", "not-performed": "not performed", "could-not-be-performed": "could not be performed" },
  indications: { "TOTAL-PASSED": "Verification passed", "TOTAL-FAILED": "Verification failed", INDETERMINATE: "Cannot be determined" }, absent: "not computed in this browser (file too large, or no secure connection)",
};

const pick = document.getElementById("file");
const drop = document.getElementById("drop");
const result = document.getElementById("result");
let turn = 0;

function element(name, content, className) {
  const made = document.createElement(name);
  if (className) { made.className = className; }
  if (content !== undefined) { made.append(content); }
  return made;
}

function show(kind, file, verdict, ...more) {
  result.dataset.kind = kind;
  result.replaceChildren(element("p", `${file.name} · ${bytes(file.size)}`, "file"), element("p", verdict, "verdict"), ...more);
  result.hidden = false;
}

function list(pairs) {
  const dl = element("dl");
  for (const [term, value, className] of pairs) { dl.append(element("dt", term), element("dd", value, className)); }
  return dl;
}

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (n >= 1024 && unit < 3) { n /= 1024; unit++; }
  return `${unit ? n.toFixed(1) : n} ${units[unit]}`;
}

const said = t => zh ? t.zh : t.en;
const time = t => t.replace("T", " ").replace("Z", " UTC");

function hash(file, onProgress) {
  return new Promise((resolve, reject) => {
    const worker = new Worker("/assets/hash.js");
    worker.onerror = e => reject(new Error(e.message));
    worker.onmessage = ({ data }) => {
      if (data.done !== undefined) { onProgress(data.done); return; }
      worker.terminate();
      if (data.error) { reject(new Error(data.error)); } else { resolve(data); }
    };
    worker.postMessage(file);
  });
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) { throw new Error(body.detail || body.title); }
  return body;
}

async function lookUp(file, mine) {
  const bar = element("progress");
  bar.max = Math.max(file.size, 1);
  show("plain", file, text.hashing, bar);
  const digests = await hash(file, done => { bar.value = done; });
  if (mine !== turn) { return; }
  show("plain", file, text.asking);
  const found = await answer(await fetch(`/api/evidence?digest=${digests.sm3}`));
  if (mine !== turn) { return; }
  const hashes = [[text.sm3, digests.sm3, "hash"], [text.sha256, digests.sha256 || text.absent, digests.sha256 ? "hash" : ""]];
  const first = found.records[0];
  if (first) {
    const notes = [element("p", text.known)];
    if (found.records.length > 1) { notes.push(element("p", text.again(found.records.length - 1))); }
    show("good", file, text.sealed(time(first.sealed)), ...notes, list([
      [text.number, first.number, "number"], [text.chain, first.chain], [text.index, String(first.index)], [text.state, text.states[first.state] || first.state], ...hashes]));
  } else {
    const notes = [element("p", text.unknownMore)];
    if (found.size > found.indexed) { notes.push(element("p", text.behind(found.size - found.indexed))); }
    show("plain", file, text.unknown, ...notes, list(hashes));
  }
}

async function verify(file, mine) {
  show("plain", file, text.verifying, element("progress"));
  const response = await fetch("/api/verify", { method: "POST", body: file, headers: { "Content-Type": "application/vnd.etsi.asic-e+zip" } });
  const body = await response.json();
  const report = response.ok ? body : body.report;
  if (!report) { throw new Error(body.detail || body.title); }
  if (mine !== turn) { return; }
  const kind = { "TOTAL-PASSED": "good", "TOTAL-FAILED": "bad" }[report.indication] || "warn";
  const rows = element("tbody");
  for (const check of report.checks) {
    const says = element("td", said(check.text));
    if (check.reason) { says.append(element("small", check.reason)); }
    const row = element("tr");
    row.append(element("td", element("code", check.id)), element("td", element("span", text.outcomes[check.outcome] || check.outcome, `pill ${check.outcome}`)), says);
    rows.append(row);
  }
  const table = element("table");
  const head = element("tr");
  head.append(...[text.check, text.outcome, text.what].map(t => { const th = element("th", t); th.scope = "col"; return th; }));
  table.append(element("thead", head), rows);
  const facts = [];
  if (report.record && report.record.number) { facts.push([text.number, report.record.number, "number"]); }
  if (report.times && report.times.sealed) { facts.push([text.sealedAt, time(report.times.sealed)]); }
  facts.push([text.verdict, element("code", report.subIndication ? `${report.indication} / ${report.subIndication}` : report.indication)]);
  show(kind, file, text.indications[report.indication] || report.indication,
    ...[report.notice, report.sentence, ...report.remarks].filter(Boolean).map(t => element("p", said(t))), list(facts), element("div", table, "scroll"));
}

async function take(file) {
  if (!file) { return; }
  const mine = ++turn;
  try {
    await (file.name.toLowerCase().endsWith(".asice") ? verify : lookUp)(file, mine);
  } catch (error) {
    if (mine === turn) { show("bad", file, text.failed, element("p", error.message)); }
  }
}

pick.addEventListener("change", () => { take(pick.files[0]); pick.value = ""; });
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, e => { e.preventDefault(); drop.classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  addEventListener(name, e => { e.preventDefault(); if (name === "drop" || !e.relatedTarget) { drop.classList.remove("over"); } });
}
addEventListener("drop", e => take(e.dataTransfer.files[0]));
