// protocol.md section 0.1: Seal, authenticated encryption that commits to its key.
import { cat, LP, LPL, eq, random, EMPTY } from './bytes.js';
import { HKDF, BLAKE2bKeyed, xchachaSeal, xchachaOpen } from './kdf.js';

export const SEAL_OVERHEAD = 72;
export const sealKeys = (K) => {
  const o = HKDF(EMPTY, K, LPL('seal'), 64);
  return { EK: o.slice(0, 32), CK: o.slice(32) };
};
const tag = (CK, nonce, AD, C) => BLAKE2bKeyed(32, CK, cat(LPL('seal commitment'), nonce, LP(AD), LP(C)));

export function seal(K, AD, P, nonce = random(24)) {
  const { EK, CK } = sealKeys(K);
  const C = xchachaSeal(EK, nonce, AD, P);
  return cat(nonce, tag(CK, nonce, AD, C), C);
}
export function open(K, AD, S) {
  if (S.length < SEAL_OVERHEAD) throw new Error('seal: too short');
  const { EK, CK } = sealKeys(K);
  const nonce = S.slice(0, 24), T = S.slice(24, 56), C = S.slice(56);
  if (!eq(T, tag(CK, nonce, AD, C))) throw new Error('seal: does not open');
  return xchachaOpen(EK, nonce, AD, C);
}
