// protocol.md sections 3, 6, 7, 4.2: what both sides of a conversation do: outbox, receiving, times of life, end.
import { random, hex, utf8, b64u, eq, EMPTY } from './bytes.js';
import { name, classFor, CLASS_SECONDS } from './names.js';
import { encrypt, decrypt, needsStep } from './ratchet.js';
import { BLAKE2b } from './kdf.js';
import { frameRoom } from './frame.js';
import { KIND, packContent, readContent, split, filler, collect, bodyAllowed, bodyText, expiry, ownExpiry } from './content.js';
import { safetyIndices } from './safety.js';

export const newQueueSecrets = () => ({ put: random(32), take: random(32), own: random(32), end: random(32) });
export const queueNames = (q) => ({ put: name('put', q.put), take: name('take', q.take), own: name('own', q.own), end: name('end', q.end) });
export const DEFAULT_LIFE = { lifetime: 86400, countsFrom: 1 };

export class Conversation {
  // ctx: { link(), clock, emit, persist(conversation) }
  constructor(ctx, st) { Object.assign(this, { ctx, st, flying: new Set(), older: new OlderCopy(), dirtySince: null, chainOfWork: Promise.resolve() }); }
  // One thing at a time.
  lock(fn) { const p = this.chainOfWork.then(fn); this.chainOfWork = p.catch(() => {}); return p; }
  emit(event, more = {}) { this.ctx.emit({ event, conversation: this.st.id, ...more }); }
  now() { return this.ctx.clock.now(); }
  ceiling() { return this.ctx.link().ceiling; }

  subscribe() { return this.ctx.link().keep(this.st.id, this.st.mine.take, 64, (m, c) => this.onEvent(m, c)); }
  onEvent(m, c) {
    if (this.st.phase === 'ended') return;
    if (m.op === 'DELIVER') this.lock(() => this.receive(m, c)).catch((e) => this.emit('error', { why: e.message }));
    else if (m.op === 'SUBSCRIBED') this.emit('subscribed');
    else if (m.op === 'REFUSED') this.ended('refused');
    else if (m.op === 'ENDED' && m.reason === 2) this.ended('ended 2');
    else if (m.op === 'ENDED') this.displaced();
  }
  displaced() { this.emit('displaced'); }
  ended(why) {
    if (this.st.phase === 'ended') return;
    this.st.phase = 'ended';
    this.st.outbox = [];
    this.emit('ended', { why });
  }

  // --- sending ---
  frameParts() { return {}; } // flags 1, 2, 4, 8: what this side adds
  queueContents(contents, message) {
    for (const c of contents) {
      const parts = this.frameParts();
      const envelope = encrypt(this.st.ratchet, { ...parts, content: packContent(c) });
      this.st.outbox.push({ handle: random(16), envelope, cls: classFor(c.lifetime, c.countsFrom, this.ceiling()), id: message.id, until: message.until, filler: c.kind === KIND.filler });
    }
  }
  newMessage({ kind = KIND.text, body, lifetime, countsFrom }) {
    const now = this.now();
    lifetime = Math.min(lifetime, CLASS_SECONDS[this.ceiling()]);
    const m = { id: random(8), dir: 'out', kind, body, lifetime, countsFrom, written: now, until: ownExpiry({ lifetime }, now), state: 'queued' };
    return m;
  }
  async sendMessage({ text, kind = KIND.text, body = utf8(text), lifetime = DEFAULT_LIFE.lifetime, countsFrom = DEFAULT_LIFE.countsFrom }) {
    return this.lock(async () => {
      if (this.st.phase !== 'open') throw new Error('conversation is not open: ' + this.st.phase);
      if (this.st.rotation && this.st.rotation < 2) throw new Error('not yet: queue update outstanding');
      const m = this.newMessage({ kind, body, lifetime, countsFrom });
      const contents = split({ kind, body, sent: this.ctx.clock.sentMinute(), lifetime: m.lifetime, countsFrom, id: m.id }, () => frameRoom(this.frameParts()));
      this.queueContents(contents, m);
      this.st.messages.push(m);
      if ((await this.ctx.persist(this)) === false) throw new Error('another device has this conversation now');
      this.pump();
      return { id: hex(m.id), envelopes: contents.length };
    });
  }
  // At most 16 envelopes in a row are under way.
  pump() {
    for (const o of this.st.outbox.slice(0, 16)) {
      if (this.st.phase === 'ended' || this.flying.has(o)) continue;
      if (o.until <= this.now() && !o.tried) { // its words are over: not sent any more
        this.given(o, 'expired');
        return this.pump();
      }
      this.flying.add(o);
      this.fly(o).finally(() => { this.flying.delete(o); this.pump(); });
    }
  }
  async fly(o) {
    o.tried = true;
    let tries = 0, on = null;
    try {
      const f = { role: 1, secret: this.st.theirs.put, cls: o.cls, handle: o.handle, envelope: o.envelope };
      await this.ctx.link().request('SEND', f, { tries: 1000, onTry: (i) => { tries = i; on = this.ctx.link().conn; this.older.sending(o, on); } });
    } catch (e) {
      if (this.st.phase !== 'ended') this.given(o, e.message);
      return;
    }
    this.older.accepted(o, on);
    if (!this.st.outbox.includes(o)) return;
    this.st.outbox = this.st.outbox.filter((x) => x !== o);
    if (o.cls >= 2 && tries === 1 && !o.filler) this.st.sent?.push({ handle: o.handle, id: o.id, at: this.now() });
    if (!this.st.outbox.some((x) => eq(x.id, o.id))) {
      const m = this.st.messages.find((x) => x.dir === 'out' && eq(x.id, o.id));
      if (m && m.state === 'queued') m.state = 'accepted';
      this.emit('accepted-by-relay', { id: hex(o.id) });
    }
    this.dirty();
  }
  given(o, why) {
    this.st.outbox = this.st.outbox.filter((x) => x !== o);
    const m = this.st.messages.find((x) => x.dir === 'out' && eq(x.id, o.id));
    if (m) m.state = 'not-sent';
    this.emit('not-sent', { id: hex(o.id), why });
    this.dirty();
  }
  dirty() { this.dirtySince ??= performance.now(); }

  // --- receiving ---
  inspect() {} // throws to refuse a frame before anything is kept
  async afterFrame() {}
  async receive(d, conn) {
    let got = null;
    if (this.older.came(d.envelope)) this.emit('warning', { why: 'the relay is an older copy of itself' });
    try {
      got = decrypt(this.st.ratchet, d.envelope, this.now(), (s, f, info) => this.inspect(s, f, info));
    } catch (e) { this.emit('dropped', { why: e.message }); }
    let shown = null;
    if (got) {
      this.st.ratchet = got.state;
      await this.afterFrame(got.frame, got.info);
      try { shown = this.take(got.frame.content); } catch (e) { this.emit('dropped', { why: e.message }); }
    }
    if ((await this.ctx.persist(this)) === false) return; // another device has the locker: nothing is acknowledged
    conn.ack(d.sub, [d.id]);
    this.older.acked(d.envelope, conn);
    if (shown) this.show(shown);
    if (got) await this.afterAck?.(got.frame, got.info);
  }
  // A content that came: gives the message if it is whole and alive.
  take(content) {
    if (!content.length) return null;
    const c = readContent(content);
    if (c.kind === KIND.filler) return null;
    const whole = collect(this.st.parts, c);
    return whole && this.keep(whole);
  }
  keep(whole) {
    const now = this.now();
    if (whole.kind <= 5 && !bodyAllowed(whole.kind, whole.body)) throw new Error('content: not of its kind');
    const ceil = CLASS_SECONDS[this.ceiling()];
    const until = expiry(whole, now, null, ceil);
    if (until <= now) { this.emit('expired', { id: hex(whole.id), unseen: true }); return null; }
    const m = { id: whole.id, dir: 'in', kind: whole.kind, body: whole.body, sent: whole.sent, lifetime: Math.min(whole.lifetime, ceil), countsFrom: whole.countsFrom, arrived: now, readAt: null, until };
    this.st.messages.push(m);
    return m;
  }
  // Showing counts as reading in this client.
  show(m) {
    const now = this.now();
    m.readAt ??= now;
    this.dirty();
    m.until = Math.min(m.until, expiry(m, m.arrived, m.readAt, CLASS_SECONDS[6]));
    if (m.until <= now) return this.purge();
    this.emit('message', describe(m));
  }
  purge() {
    const now = this.now(), gone = this.st.messages.filter((m) => m.until <= now);
    if (!gone.length) return;
    this.st.messages = this.st.messages.filter((m) => m.until > now);
    for (const m of gone) { m.body = EMPTY; this.emit('expired', { id: hex(m.id), dir: m.dir }); }
  }
  words() {
    const { TH2 } = this.st.ratchet;
    if (!TH2 || !this.st.nP || !this.st.nW) return null;
    return safetyIndices(TH2, this.st.nP, this.st.nW);
  }
  async deleteQuiet(op, fields) {
    try { await this.ctx.link().request(op, fields, { tries: 5 }); return true; } catch (e) { return e.status ?? e.message; }
  }
  // Section 8, Erase. CANCEL is answered before QUEUE_DELETE goes out.
  async erase() {
    return this.lock(async () => {
      const st = this.st, result = {}, handles = this.waitingHandles();
      st.phase = 'ended';
      this.ctx.link().forget(st.id);
      for (const h of handles) result.cancel = await this.deleteQuiet('CANCEL', { handle: h });
      if (st.theirs) {
        result.other = await this.deleteQuiet('QUEUE_DELETE', { role: 2, secret: st.theirs.end });
        if (result.other === 'refused' && st.theirs.oldEnd) result.other = await this.deleteQuiet('QUEUE_DELETE', { role: 2, secret: st.theirs.oldEnd });
      }
      result.own = await this.deleteQuiet('QUEUE_DELETE', { role: 1, secret: st.mine.own });
      return result;
    });
  }
  waitingHandles() { return this.st.outbox.map((o) => o.handle); }
}
// Section 4.3: an envelope comes again that the relay had deleted. It had, if a SEND that went out after the ACK on the
// same connection was answered ok. The newest 48 are kept; the newest 16 prove nothing.
class OlderCopy {
  list = [];
  started = new Map();
  mark(envelope) { return hex(BLAKE2b(16, envelope).slice(0, 8)); }
  acked(envelope, conn) {
    const h = this.mark(envelope);
    this.list = [...this.list.filter((x) => x.h !== h), { h, conn, sure: false }].slice(-48);
  }
  sending(o, conn) { this.started.set(o, { conn, list: this.list.slice() }); }
  accepted(o, conn) {
    const s = this.started.get(o);
    this.started.delete(o);
    if (s?.conn && s.conn === conn) for (const x of s.list) if (x.conn === conn) x.sure = true;
  }
  came(envelope) {
    const h = this.mark(envelope);
    return this.list.slice(0, -16).some((x) => x.h === h && x.sure);
  }
}
export const describe = (m) => ({
  id: hex(m.id), dir: m.dir, kind: m.kind, ...(m.kind === KIND.text ? { text: bodyText(m.body) } : m.kind > 5 ? { note: 'needs a newer version' } : { body: b64u(m.body) }),
  sent: m.sent, lifetime_s: m.lifetime, counts_from: m.countsFrom === 1 ? 'read' : 'sent', until: Math.round(m.until), state: m.state,
});
