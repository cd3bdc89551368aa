// protocol.md section 2.2: records, units, padding, rekeying.
import { cat, u16, zeros, allZero, EMPTY } from './bytes.js';

export const SMALL = 128, BIG = 4320, MAX = 15;
export const REKEY_EVERY = 65536;

export function packPlaintext(commands) {
  const body = cat(...commands.map((c) => cat(u16(c.length), c)));
  const size = body.length <= SMALL ? SMALL : Math.ceil(body.length / BIG) * BIG;
  if (size > BIG * MAX) throw new Error('record too long');
  return cat(body, zeros(size - body.length));
}
export function unpackPlaintext(p) {
  if (p.length !== SMALL && (p.length % BIG || !p.length || p.length > BIG * MAX)) throw new Error('malformed: record length');
  const out = [];
  let i = 0;
  while (p.length - i >= 2) {
    const n = (p[i] << 8) | p[i + 1];
    if (n === 0) break;
    if (i + 2 + n > p.length) throw new Error('malformed: unit');
    out.push(p.slice(i + 2, i + 2 + n));
    i += 2 + n;
  }
  if (!allZero(p.slice(i))) throw new Error('malformed: padding');
  return out;
}
// As many commands in one record as fit.
export function groups(commands) {
  const out = [];
  let cur = [], n = 0;
  for (const c of commands) {
    if (cur.length && n + 2 + c.length > BIG * MAX) { out.push(cur); cur = []; n = 0; }
    cur.push(c);
    n += 2 + c.length;
  }
  if (cur.length) out.push(cur);
  return out;
}
export function sealRecord(cs, plaintext) {
  const C = cs.encrypt(EMPTY, plaintext);
  if (cs.n % REKEY_EVERY === 0) cs.rekey();
  return cat(u16(C.length), C);
}
export function openRecord(cs, C) {
  const p = cs.decrypt(EMPTY, C);
  if (cs.n % REKEY_EVERY === 0) cs.rekey();
  return p;
}
