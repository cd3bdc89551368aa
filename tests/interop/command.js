// protocol.md section 1.1: commands as msgpack arrays (array, unsigned integer, bin; shortest form only).
import { cat, u8, u16, u32, u64 } from './bytes.js';

// --- the msgpack subset; also used by section 7.1 ---
export function pack(v) {
  if (typeof v === 'number' || typeof v === 'bigint') {
    const n = BigInt(v);
    if (n < 0n) throw new Error('negative');
    if (n < 0x80n) return u8(n);
    if (n < 0x100n) return cat(u8(0xcc), u8(n));
    if (n < 0x10000n) return cat(u8(0xcd), u16(n));
    if (n < 0x100000000n) return cat(u8(0xce), u32(n));
    return cat(u8(0xcf), u64(n));
  }
  if (v instanceof Uint8Array) {
    const n = v.length;
    const head = n < 0x100 ? cat(u8(0xc4), u8(n)) : n < 0x10000 ? cat(u8(0xc5), u16(n)) : cat(u8(0xc6), u32(n));
    return cat(head, v);
  }
  if (Array.isArray(v)) {
    const n = v.length;
    const head = n < 16 ? u8(0x90 | n) : n < 0x10000 ? cat(u8(0xdc), u16(n)) : cat(u8(0xdd), u32(n));
    return cat(head, ...v.map(pack));
  }
  throw new Error('cannot pack');
}
export function unpack(b) {
  let i = 0;
  const need = (n) => { if (i + n > b.length) throw new Error('malformed: short'); };
  const int = (n) => { need(n); let v = 0n; for (let k = 0; k < n; k++) v = (v << 8n) | BigInt(b[i++]); return v; };
  const shortest = (v, min) => { if (v < min) throw new Error('malformed: not shortest'); return v; };
  const num = (v) => (v <= 0x1fffffffffffffn ? Number(v) : v);
  const value = (depth) => {
    if (depth > 3) throw new Error('malformed: depth');
    const t = Number(int(1));
    if (t < 0x80) return t;
    const arr = (n) => { if (n > b.length) throw new Error('malformed: array'); const a = []; for (let k = 0; k < n; k++) a.push(value(depth + 1)); return a; };
    const bin = (n) => { need(n); const r = b.slice(i, i + n); i += n; return r; };
    if ((t & 0xf0) === 0x90) return arr(t & 15);
    switch (t) {
      case 0xcc: return num(shortest(int(1), 0x80n));
      case 0xcd: return num(shortest(int(2), 0x100n));
      case 0xce: return num(shortest(int(4), 0x10000n));
      case 0xcf: return num(shortest(int(8), 0x100000000n));
      case 0xc4: return bin(Number(int(1)));
      case 0xc5: return bin(Number(shortest(int(2), 0x100n)));
      case 0xc6: return bin(Number(shortest(int(4), 0x10000n)));
      case 0xdc: return arr(Number(shortest(int(2), 16n)));
      case 0xdd: return arr(Number(shortest(int(4), 0x10000n)));
    }
    throw new Error('malformed: form 0x' + t.toString(16));
  };
  const v = value(0);
  if (i !== b.length) throw new Error('malformed: trailing bytes');
  return v;
}

// --- the tables ---
const B = (n, m = n) => ({ k: 'bin', ok: (x) => x instanceof Uint8Array && x.length >= n && x.length <= m });
const B16or0 = { k: 'bin', ok: (x) => x instanceof Uint8Array && (x.length === 16 || x.length === 0) };
const U = (max = 0xffffffff, min = 0) => ({ k: 'uint', ok: (x) => (typeof x === 'number' || typeof x === 'bigint') && x >= min && x <= max });
const U64 = { k: 'uint', ok: (x) => typeof x === 'number' || typeof x === 'bigint' };
const A = (t, min, max) => ({ k: 'array', ok: (x) => Array.isArray(x) && x.length >= min && x.length <= max && x.every(t.ok) });
const b16 = B(16), b32 = B(32), b8 = B(8), env = B(4096), seq = U(), cls = U(7);
const slotNames = { read: b16, write: b16, own: b16 };
const queueNames = { put: b16, take: b16, own: b16, end: b16 };

export const COMMANDS = {
  PING: [1, { seq }],
  QUEUE_CREATE: [2, { seq, voucher: b32, kind: U(2, 1), put: b16, takes: A(b16, 1, 16), own: b16, end: b16 }],
  QUEUE_UPDATE: [3, { seq, secret: b32, put: b16, put2: B16or0, takes: A(b16, 1, 16), own: b16, end: b16 }],
  QUEUE_DELETE: [4, { seq, role: U(2, 1), secret: b32 }],
  SEND: [5, { seq, role: U(2, 1), secret: b32, cls, handle: b16, envelope: env }],
  CANCEL: [6, { seq, handle: b16 }],
  SUBSCRIBE: [7, { seq, take: b32, window: U(256, 1) }],
  UNSUBSCRIBE: [8, { seq, sub: b8 }],
  CLAIM: [9, { seq, sub: b8, id: U() }],
  ACK: [10, { seq, sub: b8, ids: A(U(), 1, 64) }],
  STATUS: [11, { seq, handles: A(b16, 1, 32) }],
  CHALLENGE: [12, { seq, put: b32 }],
  KNOCK: [13, { seq, desk: b32, cookie: b32, solution: U64, ...queueNames, slotVoucher: b16, cls, handle: b16, envelope: env }],
  VOUCHER_DRAW: [14, { seq, take: b32, kind: U(4, 2), names: A(b16, 1, 16) }],
  SLOT_CREATE: [15, { seq, voucher: b32, cls, ...slotNames }],
  SLOT_SET: [16, { seq, write: b32, expected: U64, size: U(61440), piece: U(15), data: B(0, 4096) }],
  SLOT_GET: [17, { seq, read: b32 }],
  SLOT_UPDATE: [18, { seq, secret: b32, ...slotNames }],
  SLOT_DELETE: [19, { seq, own: b32 }],
};
export const ANSWERS = {
  REPLY: [64, { seq, status: U(255), retryAfter: U() }],
  SUBSCRIBED: [65, { seq, sub: b8 }],
  COOKIE: [66, { seq, cookie: b32, effort: U(16) }],
  SLOT_VALUE: [67, { seq, version: U64, size: U(61440), piece: U(15), data: B(0, 4096) }],
  STATES: [68, { seq, fates: A(U(255), 1, 32) }], // the table does not list seq; see QUESTIONS.md
  DELIVER: [80, { sub: b8, id: U(), envelope: env }],
  WITHDRAW: [81, { sub: b8, id: U() }],
  ENDED: [82, { sub: b8, reason: U(255) }],
};
export const STATUS = ['ok', 'refused', 'full', 'busy', 'too-large', 'malformed', 'conflict'];

export function encodeCommand(table, op, fields) {
  const [n, spec] = table[op];
  const out = [n];
  for (const [f, t] of Object.entries(spec)) {
    if (!t.ok(fields[f])) throw new Error(`${op}: field ${f}`);
    out.push(fields[f]);
  }
  return pack(out);
}
export function decodeCommand(table, bytes) {
  const a = unpack(bytes);
  if (!Array.isArray(a) || typeof a[0] !== 'number') throw new Error('malformed: no op');
  for (const [op, [n, spec]] of Object.entries(table)) {
    if (n !== a[0]) continue;
    let names = Object.keys(spec);
    if (op === 'STATES' && a.length === 2) names = ['fates'];
    if (a.length !== names.length + 1) throw new Error(`malformed: ${op} count`);
    const o = { op };
    names.forEach((f, i) => { if (!spec[f].ok(a[i + 1])) throw new Error(`malformed: ${op}.${f}`); o[f] = a[i + 1]; });
    return o;
  }
  throw new Error('malformed: op ' + a[0]);
}
