// protocol.md section 7.1: content of a message, parts, fillers, times of life.
import { cat, utf8, fromUtf8, random, hex, zeros, EMPTY } from './bytes.js';
import { pack, unpack } from './command.js';

export const KIND = { text: 1, filler: 2, picture: 3, opus: 4, aac: 5 };
export const MAX_LIFE = 30 * 86400, MAX_PARTS = 64;

export const packContent = (c) => pack([c.kind, c.id, c.part, c.parts, c.sent, c.lifetime, c.countsFrom, c.body]);
export function readContent(b) {
  const a = unpack(b);
  if (!Array.isArray(a) || a.length !== 8) throw new Error('content: fields');
  const [kind, id, part, parts, sent, lifetime, countsFrom, body] = a;
  const int = (x, min, max) => typeof x === 'number' && x >= min && x <= max;
  if (!int(kind, 0, 255) || !(id instanceof Uint8Array) || id.length !== 8 || !int(parts, 1, MAX_PARTS) || !int(part, 0, parts - 1) ||
      !int(sent, 0, 0xffffffff) || !int(lifetime, 1, MAX_LIFE) || !int(countsFrom, 0, 1) || !(body instanceof Uint8Array))
    throw new Error('content: values');
  return { kind, id, part, parts, sent, lifetime, countsFrom, body };
}
// 8 = fixarray and small integers at their largest: kind 2, id 10, part 1, parts 1, sent 5, lifetime 5, from 1, bin head 3, array 1
const OVERHEAD = 1 + 2 + 10 + 1 + 1 + 5 + 5 + 1 + 3;

// Splits a body into contents; `room(i)` is what frame i can hold. Fillers bring the number to a power of two.
export function split({ kind, body, sent, lifetime, countsFrom, id = random(8) }, room) {
  const sizes = [];
  let left = body.length;
  do { const n = Math.min(left, room(sizes.length) - OVERHEAD); sizes.push(n); left -= n; } while (left > 0);
  if (sizes.length > MAX_PARTS) throw new Error('message too long');
  let i = 0;
  const out = sizes.map((n, part) => {
    const c = { kind, id, part, parts: sizes.length, sent, lifetime, countsFrom, body: body.slice(i, i + n) };
    i += n;
    return c;
  });
  while (out.length & (out.length - 1)) out.push(filler(sent, lifetime, countsFrom));
  return out;
}
export const filler = (sent, lifetime, countsFrom) =>
  ({ kind: KIND.filler, id: random(8), part: 0, parts: 1, sent, lifetime, countsFrom, body: EMPTY });

const starts = (b, s, at = 0) => hex(b.slice(at, at + s.length)) === hex(s);
export function bodyAllowed(kind, b) {
  if (kind === KIND.text) { try { fromUtf8(b); return true; } catch { return false; } }
  if (kind === KIND.picture) return starts(b, Uint8Array.of(0xff, 0xd8, 0xff));
  if (kind === KIND.opus) return starts(b, Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3));
  if (kind === KIND.aac) return starts(b, utf8('ftyp'), 4);
  return true;
}
export const bodyText = (b) => fromUtf8(b);

// Puts parts together. State: { hexid: {first, parts: [...]}}; gives the whole message or null.
export function collect(state, c) {
  const k = hex(c.id);
  const s = (state[k] ??= { first: { kind: c.kind, parts: c.parts, sent: c.sent, lifetime: c.lifetime, countsFrom: c.countsFrom }, got: {} });
  for (const f of Object.keys(s.first)) if (s.first[f] !== c[f]) throw new Error('content: part does not agree');
  if (s.got[c.part]) throw new Error('content: part again');
  s.got[c.part] = c.body;
  if (Object.keys(s.got).length < c.parts) return null;
  delete state[k];
  return { ...s.first, id: c.id, body: cat(...Array.from({ length: c.parts }, (_, i) => s.got[i])) };
}

// When the words of a message are over, for whoever received it at `arrived` (seconds); null: counts from reading and unread.
export function expiry(m, arrived, readAt, ceilingSeconds) {
  const life = Math.min(m.lifetime, ceilingSeconds);
  const cap = arrived + MAX_LIFE;
  if (m.countsFrom === 0) {
    const end = (m.sent + 1) * 60;
    const start = arrived >= end && arrived - end >= 120 ? end : arrived;
    return Math.min(cap, start + life);
  }
  return readAt == null ? cap : Math.min(cap, readAt + life);
}
export const ownExpiry = (m, written) => Math.min(written + m.lifetime, written + MAX_LIFE);
