// protocol.md section 8.1: the return phrase and the secrets that come from it.
import { cat, LP, LPL, utf8, random } from './bytes.js';
import { BLAKE2b, argon2id } from './kdf.js';

const LIMIT = 1n << 66n;
export const phraseFromNumber = (n) => { if (n < 0n || n >= LIMIT) throw new Error('phrase'); return n.toString().padStart(20, '0'); };
export function newPhrase() {
  let v = 0n;
  for (const b of random(9)) v = (v << 8n) | BigInt(b);
  return phraseFromNumber(v & (LIMIT - 1n));
}
export function phraseDigits(text) {
  const d = text.replace(/[\s-]/g, '');
  if (!/^\d{20}$/.test(d)) throw new Error('phrase: not 20 digits');
  return phraseFromNumber(BigInt(d));
}
// Six times a word's index (0..255) and a number from 1 to 8.
export const phraseWords = (digits) => Array.from({ length: 6 }, (_, i) => {
  const v = Number((BigInt(digits) >> BigInt(11 * (5 - i))) & 0x7ffn);
  return { number: (v & 7) + 1, word: v >> 3 };
});
export const phraseFromWords = (ws) => phraseFromNumber(ws.reduce((a, w) => (a << 11n) | BigInt((w.word << 3) | (w.number - 1)), 0n));

export const phraseSalt = (orgHash) => BLAKE2b(16, cat(LPL('return phrase salt'), LP(orgHash)));
export function lockerSecrets(digits, orgHash) {
  const o = argon2id(cat(LPL('return phrase'), utf8(digits)), phraseSalt(orgHash), 32 * 1024, 3, 128);
  return { read: o.slice(0, 32), write: o.slice(32, 64), own: o.slice(64, 96), key: o.slice(96) };
}
