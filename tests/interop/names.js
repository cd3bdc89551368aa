// protocol.md section 1: names of secrets, handles, vouchers, relay text, lifetime classes.
import { cat, LP, LPL, b64u, unb64u, eq } from './bytes.js';
import { BLAKE2b } from './kdf.js';

export const ROLES = ['put', 'take', 'own', 'end', 'read', 'write', 'slot-own', 'voucher'];
export const name = (role, secret) => BLAKE2b(32, cat(LPL('name ' + role), LP(secret))).slice(0, 16);
export const handleHash = (handle) => BLAKE2b(32, cat(LPL('handle'), LP(handle))).slice(0, 16);

export const VOUCHER = { desk: 1, conversation: 2, slot: 3, lasting: 4 };
const voucherCheck = (s) => BLAKE2b(32, cat(LPL('voucher check'), LP(s))).slice(0, 4);
export const voucherText = (secret) => b64u(cat(secret, voucherCheck(secret)));
export function voucherFromText(t) {
  const b = unb64u(t.trim());
  if (b.length !== 36 || !eq(b.slice(32), voucherCheck(b.slice(0, 32)))) throw new Error('voucher: mistake of copying');
  return b.slice(0, 32);
}

export const splitAddress = (a) => {
  const m = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):(\d{1,5})$/.exec(a);
  if (!m || a.length > 80 || +m[3] < 1 || +m[3] > 65535) throw new Error('address');
  return { host: m[1] ?? m[2], port: +m[3] };
};
export const relayText = (address, key) => address + '/' + b64u(key);
export function relayFromText(t) {
  const i = t.lastIndexOf('/');
  const address = t.slice(0, i), key = unb64u(t.slice(i + 1));
  splitAddress(address);
  if (key.length !== 32) throw new Error('relay key');
  return { address, key };
}

const H = 3600, D = 86400;
export const CLASS_SECONDS = [H, 6 * H, D, 3 * D, 7 * D, 14 * D, 30 * D];
// Section 7.1: the smallest class that is not shorter, 7 days when it counts from reading, then the ceiling.
export const classFor = (lifetime, countsFrom, ceiling) => {
  let c = countsFrom === 1 ? 4 : CLASS_SECONDS.findIndex((s) => s >= lifetime);
  if (c < 0) c = 6;
  return Math.min(c, ceiling);
};
