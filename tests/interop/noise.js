// protocol.md section 2.1: Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA512, both sides (the relay's for tests).
import { cat, LPL, u8, u16, u32, utf8, zeros, EMPTY, Reader } from './bytes.js';
import { SHA512, HKDF, X25519, x25519Pair, chachaSeal, chachaOpen } from './kdf.js';
import { mlkemPair, mlkemEncaps, mlkemDecaps } from './kem.js';

export const PROTOCOL = 'Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA512';
export const PROLOGUE = cat(LPL('relay connection'), u8(1), u8(1));

const nonce12 = (n) => {
  const b = new Uint8Array(12);
  new DataView(b.buffer).setBigUint64(4, BigInt(n), true);
  return b;
};
export class CipherState {
  constructor(k) { this.k = k; this.n = 0; }
  encrypt(ad, p) { return chachaSeal(this.k, nonce12(this.n++), ad, p); }
  decrypt(ad, c) { const p = chachaOpen(this.k, nonce12(this.n), ad, c); this.n++; return p; }
  rekey() { this.k = chachaSeal(this.k, nonce12(0xffffffffffffffffn), EMPTY, zeros(32)).slice(0, 32); }
}
class SymmetricState {
  constructor() {
    const name = utf8(PROTOCOL);
    this.h = cat(name, zeros(64 - name.length));
    this.ck = this.h;
    this.cs = null;
    this.mixHash(PROLOGUE);
  }
  mixHash(d) { this.h = SHA512(cat(this.h, d)); }
  mixKey(ikm) {
    const o = HKDF(this.ck, ikm, EMPTY, 128);
    this.ck = o.slice(0, 64);
    this.cs = new CipherState(o.slice(64, 96));
  }
  encryptAndHash(p) { const c = this.cs.encrypt(this.h, p); this.mixHash(c); return c; }
  decryptAndHash(c) { const p = this.cs.decrypt(this.h, c); this.mixHash(c); return p; }
  split() {
    const o = HKDF(this.ck, EMPTY, EMPTY, 128);
    return { first: new CipherState(o.slice(0, 32)), second: new CipherState(o.slice(64, 96)) };
  }
}

export const packHello = (h) => cat(u8(1), u32(h.minute), u8(h.ceiling), u16(h.settle), u16(h.window), zeros(6));
export function readHello(b) {
  const r = new Reader(b);
  const h = { version: r.u8(), minute: r.u32(), ceiling: r.u8(), settle: r.u16(), window: r.u16() };
  r.bytes(6);
  r.end();
  if (h.version !== 1 || h.ceiling > 6) throw new Error('relay of another version');
  return h;
}

export class Initiator {
  constructor(relayKey, eph = x25519Pair(), kem = mlkemPair()) {
    this.s = new SymmetricState();
    this.s.mixHash(relayKey);
    Object.assign(this, { relayKey, eph, kem });
  }
  message1() {
    const { s, eph, kem } = this;
    s.mixHash(eph.pk);
    s.mixKey(X25519(eph.sk, this.relayKey));
    const e1 = s.encryptAndHash(kem.pk);
    return cat(eph.pk, e1, s.encryptAndHash(EMPTY));
  }
  message2(m) {
    if (m.length !== 1168) throw new Error('handshake: message 2 length');
    const { s, eph, kem } = this;
    const re = m.slice(0, 32);
    s.mixHash(re);
    s.mixKey(X25519(eph.sk, re));
    const ct = s.decryptAndHash(m.slice(32, 32 + 1104));
    s.mixKey(mlkemDecaps(kem.sk, ct));
    const hello = readHello(s.decryptAndHash(m.slice(1136)));
    const { first, second } = s.split();
    return { hello, send: first, receive: second, h: s.h };
  }
}
export class Responder {
  constructor(staticSk, staticPk) {
    this.s = new SymmetricState();
    this.s.mixHash(staticPk);
    this.sk = staticSk;
  }
  message1(m) {
    if (m.length !== 1248) throw new Error('handshake: message 1 length');
    const { s } = this;
    this.re = m.slice(0, 32);
    s.mixHash(this.re);
    s.mixKey(X25519(this.sk, this.re));
    this.e1 = s.decryptAndHash(m.slice(32, 32 + 1200));
    s.decryptAndHash(m.slice(1232));
  }
  message2(hello, eph = x25519Pair(), m32 = undefined) {
    const { s } = this;
    s.mixHash(eph.pk);
    s.mixKey(X25519(eph.sk, this.re));
    const { ct, ss } = mlkemEncaps(this.e1, m32);
    const c = s.encryptAndHash(ct);
    s.mixKey(ss);
    const out = cat(eph.pk, c, s.encryptAndHash(packHello(hello)));
    const { first, second } = s.split();
    return { out, send: second, receive: first, h: s.h };
  }
}
