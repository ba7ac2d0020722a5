// Worker: the digests of a file, in pieces. The file never leaves the browser.
"use strict";

const IV = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];
const rotl = (x, n) => (x << n) | (x >>> (32 - n));
const p0 = x => x ^ rotl(x, 9) ^ rotl(x, 17);
const p1 = x => x ^ rotl(x, 15) ^ rotl(x, 23);
const T = Int32Array.from({ length: 64 }, (_, j) => rotl(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32));

// SM3, GB/T 32905-2016.
class Sm3 {
  constructor() {
    this.v = Int32Array.from(IV);
    this.w = new Int32Array(68);
    this.rest = new Uint8Array(64);
    this.used = 0;
    this.length = 0;
  }

  append(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.used > 0) {
      at = Math.min(64 - this.used, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.used);
      this.used += at;
      if (this.used < 64) { return; }
      this.block(this.rest, 0);
      this.used = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) { this.block(bytes, at); }
    this.rest.set(bytes.subarray(at));
    this.used = bytes.length - at;
  }

  finish() {
    const tail = new Uint8Array(this.used < 56 ? 64 : 128);
    tail.set(this.rest.subarray(0, this.used));
    tail[this.used] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(this.length / 0x20000000));
    view.setUint32(tail.length - 4, (this.length * 8) >>> 0);
    for (let at = 0; at < tail.length; at += 64) { this.block(tail, at); }
    return Array.from(this.v, x => (x >>> 0).toString(16).padStart(8, "0")).join("");
  }

  block(b, at) {
    const w = this.w, v = this.v;
    for (let j = 0; j < 16; j++, at += 4) { w[j] = (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3]; }
    for (let j = 16; j < 68; j++) { w[j] = p1(w[j - 16] ^ w[j - 9] ^ rotl(w[j - 3], 15)) ^ rotl(w[j - 13], 7) ^ w[j - 6]; }
    let [A, B, C, D, E, F, G, H] = v;
    for (let j = 0; j < 64; j++) {
      const a12 = rotl(A, 12);
      const s1 = rotl((a12 + E + T[j]) | 0, 7);
      const t1 = ((j < 16 ? A ^ B ^ C : (A & B) | (A & C) | (B & C)) + D + (s1 ^ a12) + (w[j] ^ w[j + 4])) | 0;
      const t2 = ((j < 16 ? E ^ F ^ G : (E & F) | (~E & G)) + H + s1 + w[j]) | 0;
      D = C; C = rotl(B, 9); B = A; A = t1;
      H = G; G = rotl(F, 19); F = E; E = p0(t2);
    }
    v[0] ^= A; v[1] ^= B; v[2] ^= C; v[3] ^= D; v[4] ^= E; v[5] ^= F; v[6] ^= G; v[7] ^= H;
  }
}

const PIECE = 4 << 20;
const SHA256_AT_MOST = 256 << 20; // WebCrypto takes a message only whole

onmessage = async ({ data: file }) => {
  try {
    const sm3 = new Sm3();
    for (let at = 0; at < file.size; at += PIECE) {
      sm3.append(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()));
      postMessage({ done: Math.min(at + PIECE, file.size) });
    }
    let sha256 = null;
    if (file.size <= SHA256_AT_MOST && self.crypto.subtle) {
      const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
      sha256 = Array.from(new Uint8Array(digest), x => x.toString(16).padStart(2, "0")).join("");
    }
    postMessage({ sm3: sm3.finish(), sha256 });
  } catch (error) {
    postMessage({ error: String(error && error.message || error) });
  }
};
