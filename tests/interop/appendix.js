// protocol.md appendix (files of a client) and 4.1 (what lies at rest at the relay): only the derivations, for the vectors.
import { cat, LP, LPL, label, u8, u32, u64, utf8, eq, random, Reader } from './bytes.js';
import { BLAKE2b, argon2id } from './kdf.js';
import { seal, open } from './seal.js';

const boxHead = (passes, memKiB, salt) => cat(u8(1), u32(passes), u32(memKiB), salt);
const boxCheck = (lab, head, sealed) => BLAKE2b(16, cat(LPL('passphrase box'), LP(label(lab)), LP(head), LP(sealed)));
export function packBox(lab, passphrase, secret, { passes = 3, memKiB = 65536, salt = random(16), nonce = random(24) } = {}) {
  const head = boxHead(passes, memKiB, salt);
  const K = argon2id(utf8(passphrase), salt, memKiB, passes, 32);
  const sealed = seal(K, cat(label(lab), head), secret, nonce);
  return { K, check: boxCheck(lab, head, sealed), box: cat(head, boxCheck(lab, head, sealed), sealed) };
}
export function openBox(lab, passphrase, box) {
  const r = new Reader(box);
  if (r.u8() !== 1) throw new Error('box: another version');
  const passes = r.u32(), memKiB = r.u32(), salt = r.bytes(16), check = r.bytes(16), sealed = r.rest();
  const head = boxHead(passes, memKiB, salt);
  if (!eq(check, boxCheck(lab, head, sealed))) throw new Error('box: damaged');
  return open(argon2id(utf8(passphrase), salt, memKiB, passes, 32), cat(label(lab), head), sealed);
}
export const vaultRootAD = () => label('vault root');
export const vaultBlockAD = (id) => cat(label('vault block'), u32(id));
export const vaultEntryAD = (key) => cat(label('vault entry'), key);

// --- the root key on paper: 34 numbers, two of them checks in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1 ---
const mul = (a, b) => { let r = 0; for (; b; b >>= 1) { if (b & 1) r ^= a; a = a & 128 ? ((a << 1) ^ 0x11d) & 255 : a << 1; } return r; };
const pow2 = (i) => { let r = 1; while (i--) r = mul(r, 2); return r; };
const inverse = (a) => { for (let b = 1; b < 256; b++) if (mul(a, b) === 1) return b; throw new Error('no inverse'); };
const sums = (c) => [c.reduce((s, x) => s ^ x, 0), c.reduce((s, x, i) => s ^ mul(x, pow2(i)), 0)];
export function paper(seed32) {
  const [s0, s1] = sums([...seed32]);
  const c32 = mul(s1 ^ mul(s0, pow2(33)), inverse(pow2(32) ^ pow2(33)));
  return Uint8Array.of(...seed32, c32, s0 ^ c32);
}
export function fromPaper(c) {
  const [a, b] = sums([...c]);
  if (c.length !== 34 || a || b) throw new Error('paper: a word is wrong');
  return Uint8Array.from(c.slice(0, 32));
}
// --- 4.1 ---
export const epochFile = (id, key) => cat(key, BLAKE2b(16, cat(LPL('epoch file'), u32(id), key)).slice(0, 16));
export const storedMessageAD = (row) => cat(LPL('stored message'), u64(row), u64(0));
export const storedSlotAD = (id, version) => cat(LPL('stored slot'), u64(id), u64(version));
