// protocol.md section 8.1 and appendix: the locker's value.
import { cat, LP, label, u8, u32, u64, zeros, random, utf8, fromUtf8, Reader } from './bytes.js';
import { seal, open, SEAL_OVERHEAD } from './seal.js';
import { name } from './names.js';

export const SIZES = [16384, 24576, 40960, 61440];
export const lockerAD = (readName, version) => cat(label('locker'), readName, u64(version));

// entries: [{ key[24], value }]
export function packPlaintext(entries) {
  const b = cat(u8(1), u32(entries.length), ...entries.map((e) => cat(e.key, LP(e.value))));
  const size = SIZES.find((n) => n - SEAL_OVERHEAD >= b.length);
  return size ? cat(b, zeros(size - SEAL_OVERHEAD - b.length)) : null;
}
export function readPlaintext(p) {
  const r = new Reader(p);
  if (r.u8() !== 1) throw new Error('locker: another version');
  const entries = [];
  for (let n = r.u32(); n > 0; n--) entries.push({ key: r.bytes(24), value: r.lp() });
  r.zerosToEnd();
  return entries;
}
export const sealLocker = (secrets, version, plaintext, nonce) => seal(secrets.key, lockerAD(name('read', secrets.read), version), plaintext, nonce);
export function openLocker(secrets, version, value) {
  if (!SIZES.includes(value.length)) throw new Error('locker: size');
  return open(secrets.key, lockerAD(name('read', secrets.read), version), value);
}
// What the values are is this client's own matter: kind in the first byte of the key, then an index.
export const entryKey = (kind, id) => cat(u8(kind), id, zeros(23 - id.length));
