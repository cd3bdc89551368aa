// protocol.md sections 2.2 and 3: a connection that comes back, requests that are repeated, subscriptions that are kept.
import { Connection } from './connection.js';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

export class Link {
  constructor(addresses, relayKey, clock, log = () => {}) {
    Object.assign(this, { addresses, relayKey, clock, log, conn: null, opening: null, bound: 1000, stopped: false, subs: new Map(), ceiling: 6 });
  }
  stop() { this.stopped = true; this.conn?.close(); }
  async get() {
    if (this.stopped) throw new Error('link stopped');
    if (this.conn && !this.conn.closed) return this.conn;
    this.opening ??= this.open().finally(() => { this.opening = null; });
    return this.opening;
  }
  async open() {
    for (;;) {
      for (const a of this.addresses) {
        if (this.stopped) throw new Error('link stopped');
        try {
          const c = await Connection.open(a, this.relayKey);
          this.clock.heard(c.hello.minute);
          this.ceiling = c.hello.ceiling;
          this.conn = c;
          c.onClose = (e) => this.lost(e);
          this.log({ event: 'connected', relay: a, hello: c.hello });
          for (const s of this.subs.values()) this.subscribe(c, s);
          return c;
        } catch (e) { this.log({ event: 'connect-failed', relay: a, why: e.message }); }
      }
      await sleep(Math.random() * this.bound);
      this.bound = Math.min(this.bound * 2, 300000);
    }
  }
  lost(e) {
    this.log({ event: 'disconnected', why: e.message });
    if (this.stopped || !this.subs.size) return;
    sleep(Math.random() * this.bound).then(() => this.get()).catch(() => {});
    this.bound = Math.min(this.bound * 2, 300000);
  }
  // One request on the connection there is (or the next one); a lost connection is the caller's matter.
  async once(op, fields, handler) {
    const c = await this.get();
    const r = await c.request(op, fields, handler);
    this.bound = 1000;
    return r;
  }
  // Repeats after a lost connection and after busy/full, which is right for everything that may be repeated.
  async request(op, fields, { tries = 20, while: go = () => true, onTry } = {}) {
    for (let i = 1; ; i++) {
      onTry?.(i);
      try { return await this.once(op, fields); } catch (e) {
        if (this.stopped || i >= tries || !go()) throw e;
        if (e.lost) continue;
        if (e.status === 'busy' || e.status === 'full') { this.log({ event: 'waiting', op, status: e.status, seconds: e.retryAfter }); await sleep(Math.max(1, e.retryAfter) * 1000); continue; }
        throw e;
      }
    }
  }
  // handler gets DELIVER, WITHDRAW, ENDED, and { op: 'REFUSED' } or { op: 'SUBSCRIBED' }.
  async keep(id, take, window, handler) {
    const s = { id, take, window, handler, late: [] };
    this.subs.set(id, s);
    await this.subscribe(await this.get(), s);
  }
  async subscribe(c, s) {
    if (s.on === c || this.subs.get(s.id) !== s) return; // once on each connection
    s.on = c;
    const sent = performance.now();
    try {
      const m = await c.request('SUBSCRIBE', { take: s.take, window: s.window }, (x) => this.event(c, s, x));
      this.bound = 1000;
      s.handler({ op: 'SUBSCRIBED', sub: m.sub }, c);
    } catch (e) {
      if (e.lost) s.late.push(performance.now());
      else { this.subs.delete(s.id); s.handler({ op: 'REFUSED', why: e.message }, c); }
    }
  }
  event(c, s, m) {
    if (m.op === 'ENDED') {
      // Section 1.1: a SUBSCRIBE that was lost may have been read late; come back once for each, within 10 minutes.
      s.late = s.late.filter((t) => performance.now() - t < 600000);
      if (m.reason === 1 && s.late.length) { s.late.shift(); s.on = null; this.subscribe(c, s); return; }
      this.subs.delete(s.id);
    }
    s.handler(m, c);
  }
  forget(id) { this.subs.delete(id); }
}
