// protocol.md sections 2 and 1.1: one TCP connection to a relay; requests and their answers.
import net from 'node:net';
import { cat, u16 } from './bytes.js';
import { Initiator } from './noise.js';
import { packPlaintext, unpackPlaintext, groups, sealRecord, openRecord } from './record.js';
import { COMMANDS, ANSWERS, STATUS, encodeCommand, decodeCommand } from './command.js';
import { splitAddress } from './names.js';

export class Lost extends Error { constructor(why) { super('connection lost: ' + why); this.lost = true; } }
export class Refusal extends Error {
  constructor(op, status, retryAfter) { super(`${op}: ${status}`); this.status = status; this.retryAfter = Math.min(retryAfter, 3600); }
}

// Splits a byte stream into the parts that stand behind a u16 with their length.
export class Splitter {
  constructor(onPart) { this.buf = Buffer.alloc(0); this.onPart = onPart; }
  push(d) {
    this.buf = this.buf.length ? Buffer.concat([this.buf, d]) : d;
    while (this.buf.length >= 2) {
      const n = this.buf.readUInt16BE(0);
      if (this.buf.length < 2 + n) return;
      const part = new Uint8Array(this.buf.subarray(2, 2 + n));
      this.buf = this.buf.subarray(2 + n);
      this.onPart(part);
    }
  }
}

export class Connection {
  static open(address, relayKey, timeoutMs = 20000) {
    return new Promise((resolve, reject) => {
      const { host, port } = splitAddress(address);
      const c = new Connection();
      const timer = setTimeout(() => c.close('timeout'), timeoutMs);
      c.onOpen = () => { clearTimeout(timer); resolve(c); };
      c.onFail = (e) => { clearTimeout(timer); reject(e); };
      c.start(net.connect({ host, port, noDelay: true }), relayKey);
    });
  }
  start(socket, relayKey) {
    this.socket = socket;
    this.seq = 0;
    this.pending = new Map(); // seq -> {op, resolve, reject, handler, pieces}
    this.subs = new Map(); // hex subscription -> handler
    this.queue = [];
    this.closed = false;
    const hs = new Initiator(relayKey);
    const splitter = new Splitter((part) => {
      if (this.closed) return;
      try {
        if (!this.rx) {
          const { hello, send, receive } = hs.message2(part);
          Object.assign(this, { hello, tx: send, rx: receive, openedAt: performance.now() });
          this.onOpen();
        } else for (const c of unpackPlaintext(openRecord(this.rx, part))) this.dispatch(decodeCommand(ANSWERS, c));
      } catch (e) { this.close(e.message); }
    });
    socket.on('connect', () => { const m = hs.message1(); socket.write(cat(u16(m.length), m)); });
    socket.on('data', (d) => splitter.push(d));
    socket.on('error', (e) => this.close(e.message));
    socket.on('close', () => this.close('closed'));
  }
  close(why = 'closed by us') {
    if (this.closed) return;
    this.closed = true;
    this.socket.destroy();
    const e = new Lost(why);
    if (!this.rx) this.onFail?.(e);
    for (const p of this.pending.values()) p.reject(e);
    this.pending.clear();
    this.onClose?.(e);
  }
  // Commands of one turn of the event loop go into as few records as possible.
  write(bytes) {
    if (this.closed) return;
    this.queue.push(bytes);
    if (this.queue.length === 1) setImmediate(() => this.flush());
  }
  flush() {
    const q = this.queue;
    this.queue = [];
    if (this.closed) return;
    for (const g of groups(q)) this.socket.write(sealRecord(this.tx, packPlaintext(g)));
  }
  nextSeq() { do this.seq = (this.seq + 1) >>> 0; while (this.seq === 0 || this.pending.has(this.seq)); return this.seq; }
  dispatch(m) {
    if (m.op === 'DELIVER' || m.op === 'WITHDRAW' || m.op === 'ENDED') {
      this.subs.get(Buffer.from(m.sub).toString('hex'))?.(m);
      return;
    }
    if (m.op === 'STATES' && m.seq === undefined) m.seq = [...this.pending].find(([, p]) => p.op === 'STATUS')?.[0];
    const p = this.pending.get(m.seq);
    if (!p) throw new Error('malformed: answer to nothing');
    if (m.op === 'SLOT_VALUE') {
      const f = p.pieces[0] ?? m;
      const last = Math.max(1, Math.ceil(m.size / 4096)) - 1;
      const want = m.piece < last ? 4096 : m.size - 4096 * last;
      if (p.op !== 'SLOT_GET' || m.piece !== p.pieces.length || m.version !== f.version || m.size !== f.size || m.data.length !== want)
        throw new Error('malformed: piece');
      p.pieces.push(m);
      if (m.piece < last) return;
      m = { op: 'SLOT_VALUE', version: m.version, value: cat(...p.pieces.map((x) => x.data)) };
    } else if (m.op !== 'REPLY') {
      const wanted = { SUBSCRIBE: 'SUBSCRIBED', CHALLENGE: 'COOKIE', STATUS: 'STATES' }[p.op];
      if (m.op !== wanted) throw new Error('malformed: wrong kind of answer');
    }
    this.pending.delete(m.seq ?? p.seq);
    if (m.op === 'REPLY' && m.status !== 0) return p.reject(new Refusal(p.op, STATUS[m.status] ?? 'status ' + m.status, m.retryAfter));
    if (m.op === 'REPLY' && ['SUBSCRIBE', 'CHALLENGE', 'STATUS', 'SLOT_GET'].includes(p.op)) throw new Error('malformed: ok without an answer');
    if (m.op === 'SUBSCRIBED') this.subs.set(Buffer.from(m.sub).toString('hex'), p.handler);
    p.resolve(m);
  }
  request(op, fields = {}, handler = null) {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new Lost('already closed'));
      const seq = this.nextSeq();
      const encoded = op === 'SLOT_SET'
        ? slotPieces(fields).map((f) => encodeCommand(COMMANDS, op, { seq, ...f }))
        : [encodeCommand(COMMANDS, op, { seq, ...fields })];
      this.pending.set(seq, { op, seq, resolve, reject, handler, pieces: [] });
      encoded.forEach((b) => this.write(b));
    });
  }
  ack(sub, ids) { if (!this.closed) this.write(encodeCommand(COMMANDS, 'ACK', { seq: this.nextSeq(), sub, ids })); }
}
export function slotPieces({ write, expected, value }) {
  const n = Math.max(1, Math.ceil(value.length / 4096));
  return Array.from({ length: n }, (_, piece) =>
    ({ write, expected, size: value.length, piece, data: value.slice(piece * 4096, piece * 4096 + 4096) }));
}
