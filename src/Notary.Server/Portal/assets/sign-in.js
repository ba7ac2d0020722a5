// Signing in, one-time links, and enrolling factors. Everything is decided by the server; this shows one step after the other.
"use strict";

const zh = document.documentElement.lang.startsWith("zh");
const t = zh ? {
  link: "您收到了一个一次性链接", linkMore: "请在本人将要使用的设备上继续；链接只能使用一次。", go: "继续", pin: "PIN 码（八位）", pinHint: "由提出申请的人员另行交给您；没有它链接无法使用。",
  passkey: "用通行密钥登录", passkeyMore: "用本设备的指纹、面容、PIN 码或安全密钥确认。", or: "或使用密码和动态验证码", name: "账户名", password: "密码", next: "下一步", code: "动态验证码（六位）", signIn: "登录",
  register: "首次使用？注册公民账户", registerMore: "账户在柜台或由您选定的身份提供方核验本人之前，不包含任何数据。", create: "创建账户",
  enrol: "设置登录方式", enrolMore: "请选择一种。通行密钥最简便、最安全；也可使用密码加动态验证码。", addPasskey: "添加通行密钥", device: "为这把通行密钥起名", setPassword: "设置密码", passwordRule: "12 位以上，包含大写和小写字母、数字和符号。",
  key: "将此密钥输入动态验证码应用", confirm: "确认", done: "已设置完毕。请用新的方式登录。", signedIn: n => `已登录：${n}`, until: "有效至", signOut: "退出登录", home: "返回首页", failed: "未能完成", again: "重试",
  unsupported: "此浏览器不支持通行密钥；请更新浏览器，或使用密码和动态验证码。", cancelled: "浏览器没有给出通行密钥：可能已取消或超时。", role: "身份",
} : {
  link: "You were given a one-time link", linkMore: "Go on, on the device that you will use yourself. The link works once.", go: "Continue", pin: "PIN (eight digits)", pinHint: "You got it from the officer who applied for your account, by another way than the link.",
  passkey: "Sign in with a passkey", passkeyMore: "Confirm with this device's fingerprint, face or PIN, or with a security key.", or: "Or with a password and a one-time code", name: "Account name", password: "Password", next: "Next", code: "One-time code (six digits)", signIn: "Sign in",
  register: "New here? Make a citizen's account", registerMore: "It holds nothing until a counter, or an identity provider of your choice, has checked who you are.", create: "Make the account",
  enrol: "Set up how you sign in", enrolMore: "Choose one. A passkey is the easiest and the safest; a password with a one-time code does as well.", addPasskey: "Add a passkey", device: "A name for this passkey", setPassword: "Set the password", passwordRule: "12 characters or more, among them a capital and a small letter, a digit and a sign.",
  key: "Enter this key into your code generator", confirm: "Confirm", done: "Set up. Sign in with it now.", signedIn: n => `Signed in as ${n}`, until: "until", signOut: "Sign out", home: "To the front page", failed: "That did not work", again: "Try again",
  unsupported: "This browser has no passkeys: update it, or use a password and a one-time code.", cancelled: "The browser gave no passkey: it was cancelled, or took too long.", role: "role",
};

const place = document.getElementById("sign-in");

function element(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) { if (key === "onclick" || key === "onsubmit") { made[key] = value; } else { made.setAttribute(key, value); } }
  made.append(...content);
  return made;
}

async function call(method, path, body) {
  const answer = await fetch(path, { method, credentials: "same-origin", headers: body === undefined ? {} : { "Content-Type": "application/json" }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  const read = text.length > 0 ? JSON.parse(text) : {};
  if (!answer.ok) { const problem = new Error(read.detail ?? answer.statusText); problem.code = read.code; throw problem; }
  return read;
}

// One action at a time; what goes wrong is said beside it and can be tried again.
function action(work) {
  return async event => {
    event?.preventDefault();
    const controls = [...place.querySelectorAll("button")];
    controls.forEach(c => { c.disabled = true; });
    place.querySelector(".problem")?.remove();
    try { await work(); } catch (problem) {
      place.prepend(element("p", { class: "problem", role: "alert" }, `${t.failed}: ${problem.message}`));
      controls.forEach(c => { c.disabled = false; });
    }
  };
}

function field(id, label, attributes, hint) {
  const input = element("input", { id, name: id, required: "", ...attributes });
  const parts = [element("label", { for: id }, label)];
  if (hint) { parts.push(element("small", { id: `${id}-hint` }, hint)); input.setAttribute("aria-describedby", `${id}-hint`); }
  return { input, row: element("div", { class: "field" }, ...parts, input) };
}

function card(title, more, ...content) {
  return element("section", { class: "card" }, element("h2", {}, title), ...(more ? [element("p", {}, more)] : []), ...content);
}

async function ceremony(optionsPath, create) {
  const method = create ? "parseCreationOptionsFromJSON" : "parseRequestOptionsFromJSON";
  if (!window.PublicKeyCredential?.[method]) { throw new Error(t.unsupported); }
  const { ticket, options } = await call("POST", optionsPath, {});
  const publicKey = PublicKeyCredential[method](options);
  let credential;
  try { credential = create ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey }); } catch { credential = null; }
  if (credential === null) { throw new Error(t.cancelled); }
  return { ticket, credential: credential.toJSON() };
}

// Only a path of this site: never an address that a link smuggled in.
function next() {
  const wanted = new URLSearchParams(location.search).get("return") ?? "";
  const url = wanted === "" ? null : URL.parse(wanted, location.origin);
  if (url !== null && url.origin === location.origin) { location.assign(url); } else { show(); }
}

function showSignIn(note) {
  const name = field("name", t.name, { autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  const password = field("password", t.password, { type: "password", autocomplete: "current-password" });
  const fresh = field("new-name", t.name, { autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  place.replaceChildren(
    ...(note ? [element("p", { class: "note" }, note)] : []),
    card(t.passkey, t.passkeyMore, element("button", { class: "primary", type: "button", onclick: action(async () => { await call("POST", "/api/session/passkey", await ceremony("/api/session/passkey/options", false)); next(); }) }, t.passkey)),
    card(t.or, null, element("form", { onsubmit: action(async () => { const { ticket } = await call("POST", "/api/session/password", { name: name.input.value, password: password.input.value }); showCode(ticket); }) },
      name.row, password.row, element("button", { type: "submit" }, t.next))),
    element("details", {}, element("summary", {}, t.register), element("p", {}, t.registerMore), element("form", { onsubmit: action(async () => { await call("POST", "/api/register", { name: fresh.input.value }); showEnrol(); }) },
      fresh.row, element("button", { type: "submit" }, t.create))));
}

function showCode(ticket) {
  const code = field("code", t.code, { inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxlength: "6" });
  place.replaceChildren(card(t.or, null, element("form", { onsubmit: action(async () => { await call("POST", "/api/session/code", { ticket, code: code.input.value }); next(); }) }, code.row, element("button", { type: "submit", class: "primary" }, t.signIn))));
  code.input.focus();
}

function showEnrol() {
  const device = field("device", t.device, { value: zh ? "本设备" : "This device", maxlength: "64" });
  const password = field("new-password", t.password, { type: "password", autocomplete: "new-password", minlength: "12", maxlength: "256" }, t.passwordRule);
  place.replaceChildren(element("h2", {}, t.enrol), element("p", { class: "lead" }, t.enrolMore),
    card(t.addPasskey, t.passkeyMore, element("form", { onsubmit: action(async () => { await call("POST", "/api/factors/passkey", { ...await ceremony("/api/factors/passkey/options", true), name: device.input.value }); showSignIn(t.done); }) },
      device.row, element("button", { type: "submit", class: "primary" }, t.addPasskey))),
    card(t.or, null, element("form", { onsubmit: action(async () => { await call("POST", "/api/factors/password", { password: password.input.value }); showNewCode(await call("POST", "/api/factors/code/options", {})); }) },
      password.row, element("button", { type: "submit" }, t.setPassword))));
}

function showNewCode({ key, uri }) {
  const code = field("code", t.code, { inputmode: "numeric", autocomplete: "one-time-code", pattern: "[0-9]{6}", maxlength: "6" });
  place.replaceChildren(card(t.key, null, element("p", {}, element("a", { href: uri }, element("code", {}, key.match(/.{1,4}/g).join(" ")))),
    element("form", { onsubmit: action(async () => { await call("POST", "/api/factors/code", { code: code.input.value }); showSignIn(t.done); }) }, code.row, element("button", { type: "submit", class: "primary" }, t.confirm))));
}

function showSession(session) {
  place.replaceChildren(card(t.signedIn(session.name), `${t.role}: ${session.role}${session.organisation ? ` · ${session.organisation}` : ""} · ${t.until} ${session.expires.slice(0, 16).replace("T", " ")} UTC`,
    element("button", { type: "button", onclick: action(async () => { await call("DELETE", "/api/session"); showSignIn(); }) }, t.signOut), " ", element("a", { href: "/" }, t.home)));
}

async function show() {
  // An application asked for a fresh sign-in: who is signed in already does it again.
  if (new URLSearchParams(location.search).has("again")) { showSignIn(); return; }
  try {
    const session = await call("GET", "/api/session");
    if (session.enrolling) { showEnrol(); } else { showSession(session); }
  } catch (problem) {
    if (problem.code !== "session-needed") { throw problem; }
    showSignIn();
  }
}

// A link is used by a person's click, not by whatever fetches addresses ahead; and it leaves the address bar before anything else.
const [, link, secured] = /^#link=([A-Za-z0-9_-]{43})(&pin)?$/.exec(location.hash) ?? [];
if (link) {
  history.replaceState(null, "", location.pathname + location.search);
  const pin = field("pin", t.pin, { inputmode: "numeric", autocomplete: "off", maxlength: "8", ...(secured ? {} : { disabled: "" }) }, t.pinHint);
  place.replaceChildren(card(t.link, t.linkMore, element("form", { onsubmit: action(async () => { await call("POST", "/api/session/link", secured ? { link, pin: pin.input.value } : { link }); next(); }) },
    ...(secured ? [pin.row] : []), element("button", { type: "submit", class: "primary" }, t.go))));
} else {
  action(show)();
}
