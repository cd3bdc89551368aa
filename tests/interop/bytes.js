// protocol.md, "Conventions": big-endian integers, concatenation, LP(x), labels, base64url.
const te = new TextEncoder();
const td = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const cat = (...xs) => {
  let n = 0;
  for (const x of xs) n += x.length;
  const out = new Uint8Array(n);
  n = 0;
  for (const x of xs) { out.set(x, n); n += x.length; }
  return out;
};
const uint = (n, bytes) => {
  let v = BigInt(n);
  if (v < 0n || v >> BigInt(8 * bytes)) throw new Error('integer out of range');
  const out = new Uint8Array(bytes);
  for (let i = bytes - 1; i >= 0; i--) { out[i] = Number(v & 255n); v >>= 8n; }
  return out;
};
export const u8 = (n) => uint(n, 1);
export const u16 = (n) => uint(n, 2);
export const u32 = (n) => uint(n, 4);
export const u64 = (n) => uint(n, 8);
export const LP = (x) => cat(u32(x.length), x);
export const utf8 = (s) => te.encode(s);
export const fromUtf8 = (b) => td.decode(b);
// A label is written in the document without its prefix.
export const label = (s) => utf8('zaguan/1 ' + s);
export const LPL = (s) => LP(label(s));
export const zeros = (n) => new Uint8Array(n);
export const EMPTY = new Uint8Array(0);
export const hex = (b) => Buffer.from(b).toString('hex');
export const unhex = (s) => new Uint8Array(Buffer.from(s, 'hex'));
export const b64u = (b) => Buffer.from(b).toString('base64url');
export const unb64u = (s) => {
  if (!/^[A-Za-z0-9_-]*$/.test(s)) throw new Error('not base64url');
  const b = new Uint8Array(Buffer.from(s, 'base64url'));
  if (b64u(b) !== s) throw new Error('base64url not canonical');
  return b;
};
export const eq = (a, b) => {
  if (a.length !== b.length) return false;
  let d = 0;
  for (let i = 0; i < a.length; i++) d |= a[i] ^ b[i];
  return d === 0;
};
export const allZero = (b) => b.every((x) => x === 0);

// Random bytes; the vectors replace the source.
let source = (n) => new Uint8Array(globalThis.crypto.getRandomValues(new Uint8Array(n)));
export const random = (n) => source(n);
export const setRandom = (fn) => { const old = source; source = fn; return old; };

// Reader of fixed layouts; end() refuses trailing bytes.
export class Reader {
  constructor(b) { this.b = b; this.i = 0; }
  bytes(n) {
    if (this.i + n > this.b.length) throw new Error('too short');
    const r = this.b.slice(this.i, this.i + n);
    this.i += n;
    return r;
  }
  int(n) { let v = 0n; for (const x of this.bytes(n)) v = (v << 8n) | BigInt(x); return v; }
  u8() { return Number(this.int(1)); }
  u16() { return Number(this.int(2)); }
  u32() { return Number(this.int(4)); }
  u64() { const v = this.int(8); return v <= 0x1fffffffffffffn ? Number(v) : v; }
  lp(max = 0xffffffff) { const n = this.u32(); if (n > max) throw new Error('too long'); return this.bytes(n); }
  rest() { return this.bytes(this.b.length - this.i); }
  zerosToEnd() { if (!allZero(this.rest())) throw new Error('padding is not zero'); }
  end() { if (this.i !== this.b.length) throw new Error('trailing bytes'); }
}

// JSON with byte strings, for the state a client keeps (its own matter).
export const toJson = (v) => JSON.stringify(v, (k, x) =>
  x instanceof Uint8Array ? { $b: b64u(x) } : x);
export const fromJson = (s) => JSON.parse(s, (k, x) =>
  x && typeof x === 'object' && typeof x.$b === 'string' ? unb64u(x.$b) : x);
