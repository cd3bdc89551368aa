// protocol.md, "Functions": hashes, KDFs, X25519, Ed25519, AEADs, Argon2id.
import './webcrypto.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { x25519, ed25519 } from '@noble/curves/ed25519.js';
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import sodium from 'libsodium-wrappers-sumo';
import { cat, LP, label, random, allZero, EMPTY } from './bytes.js';
await sodium.ready;

export const BLAKE2b = (n, x) => blake2b(x, { dkLen: n });
export const BLAKE2bKeyed = (n, key, x) => blake2b(x, { dkLen: n, key });
export const SHA512 = (x) => sha512(x);
export const HMAC512 = (key, x) => hmac(sha512, key, x);
export const HMAC = (key, x) => HMAC512(key, x).slice(0, 32);
export const HKDF = (salt, ikm, info, n) => hkdf(sha512, ikm, salt, info, n);

export const X25519 = (sk, pk) => {
  const r = x25519.getSharedSecret(sk, pk); // throws when all zero; checked again here
  if (allZero(r)) throw new Error('X25519 gives zeros');
  return r;
};
export const x25519Public = (sk) => x25519.getPublicKey(sk);
export const x25519Pair = (sk = random(32)) => ({ sk, pk: x25519Public(sk) });

export const edPair = (seed = random(32)) => ({ seed, pk: ed25519.getPublicKey(seed) });
const signed = (lab, m) => cat(LP(label(lab)), LP(m));
export const edSign = (seed, lab, m) => ed25519.sign(signed(lab, m), seed);
export const edVerify = (pk, lab, m, sig) => {
  try { return sodium.crypto_sign_verify_detached(sig, signed(lab, m), pk); } catch { return false; }
};

export const chachaSeal = (k, nonce12, ad, p) => chacha20poly1305(k, nonce12, ad).encrypt(p);
export const chachaOpen = (k, nonce12, ad, c) => chacha20poly1305(k, nonce12, ad).decrypt(c);
export const xchachaSeal = (k, nonce24, ad, p) => xchacha20poly1305(k, nonce24, ad).encrypt(p);
export const xchachaOpen = (k, nonce24, ad, c) => xchacha20poly1305(k, nonce24, ad).decrypt(c);

// Argon2id, RFC 9106, version 0x13, one lane.
export const argon2id = (password, salt16, memKiB, passes, n) =>
  sodium.crypto_pwhash(n, password, salt16, passes, memKiB * 1024, sodium.crypto_pwhash_ALG_ARGON2ID13);
export { EMPTY };
