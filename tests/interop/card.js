// protocol.md section 5.1: the card.
import { cat, LP, LPL, u8, utf8, fromUtf8, b64u, unb64u, eq, Reader, EMPTY } from './bytes.js';
import { BLAKE2b, SHA512, HKDF } from './kdf.js';
import { splitAddress } from './names.js';

export const organisationHash = (R) => SHA512(cat(LPL('organisation'), LP(R))).slice(0, 32);
const check = (b) => BLAKE2b(32, cat(LPL('card check'), LP(b))).slice(0, 4);

export function packCard({ addresses, relayKey, cardKey, orgHash }) {
  const b = cat(u8(1), u8(1), u8(addresses.length),
    ...addresses.map((a) => cat(u8(utf8(a).length), utf8(a))), relayKey, cardKey, orgHash);
  return cat(b, check(b));
}
export const cardText = (bytes) => 'zaguan:' + b64u(bytes);
export function readCard(text) {
  text = text.trim();
  let b;
  if (text.startsWith('zaguan:')) b = unb64u(text.slice(7));
  else if (/^https:\/\/[^#]+#/.test(text)) b = unb64u(text.slice(text.indexOf('#') + 1));
  else throw new Error('card: not a card');
  if (b.length < 7 || !eq(b.slice(-4), check(b.slice(0, -4)))) throw new Error('card: damaged');
  const r = new Reader(b.slice(0, -4));
  if (r.u8() !== 1 || r.u8() !== 1) throw new Error('card: another version');
  const n = r.u8();
  if (n < 1 || n > 2) throw new Error('card: addresses');
  const addresses = [];
  for (let i = 0; i < n; i++) { const a = fromUtf8(r.bytes(r.u8())); splitAddress(a); addresses.push(a); }
  const card = { addresses, relayKey: r.bytes(32), cardKey: r.bytes(32), orgHash: r.bytes(32) };
  r.end();
  return card;
}
export function cardSecrets(cardKey) {
  const o = HKDF(EMPTY, cardKey, LPL('card'), 64);
  return { read: o.slice(0, 32), bundleKey: o.slice(32) };
}
