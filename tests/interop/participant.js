// protocol.md sections 5.2, 6, 8, 8.1, 9: she who writes to a desk.
import { random, hex, utf8, eq, zeros, toJson, fromJson, fromUtf8, EMPTY } from './bytes.js';
import { name, classFor, CLASS_SECONDS } from './names.js';
import { readCard, cardSecrets } from './card.js';
import { openBundle } from './bundle.js';
import { makeKnock, checkAccept } from './agreement.js';
import { KNOCK_ROOM } from './frame.js';
import { KIND, packContent } from './content.js';
import { puzzleH, solve, cookieExpiry } from './puzzle.js';
import { newPhrase, phraseDigits, phraseWords, lockerSecrets } from './phrase.js';
import { sealLocker, openLocker, packPlaintext, readPlaintext, entryKey } from './locker.js';
import { Link } from './link.js';
import { Clock } from './clock.js';
import { Conversation, newQueueSecrets, queueNames, DEFAULT_LIFE } from './conversation.js';

export class Participant {
  constructor({ emit = () => {}, clock = new Clock(), address = null } = {}) {
    Object.assign(this, { emit, clock, address, seenEpoch: {}, linkObj: null, conv: null, bundle: null });
    // What nothing depends on waits for the next write of the locker, and at most for 30 seconds.
    this.timer = setInterval(() => {
      const c = this.conv;
      c?.purge();
      if (c?.st.locker && c.dirtySince && performance.now() - c.dirtySince > 25000) c.lock(() => c.writeLocker()).catch(() => {});
    }, 500);
    this.timer.unref?.();
  }
  link() { return this.linkObj; }
  useCard(text) {
    this.cardTextUsed = text;
    this.card = readCard(text);
    this.linkObj?.stop();
    this.linkObj = new Link(this.address ? [this.address] : this.card.addresses, this.card.relayKey, this.clock, (x) => this.emit(x));
  }
  async look(cardText) {
    if (!this.card || cardText !== this.cardTextUsed) this.useCard(cardText);
    const { read } = cardSecrets(this.card.cardKey);
    const { value } = await this.link().request('SLOT_GET', { read });
    this.bundleValue = value;
    const b = openBundle(this.card, value, this.clock.now());
    const desk = hex(b.deskId);
    if (b.epoch < (this.seenEpoch[desk] ?? 0)) throw new Error('bundle: an older epoch than one seen');
    this.seenEpoch[desk] = b.epoch;
    this.bundle = b;
    this.fetchedAt = performance.now();
    return { desk, epoch: b.epoch, which: b.which, state: b.notice.shownState, texts: b.notice.texts };
  }

  async knock(cardText, { text, lifetime = DEFAULT_LIFE.lifetime, countsFrom = DEFAULT_LIFE.countsFrom }) {
    if (!this.bundle || cardText !== this.cardTextUsed || performance.now() - this.fetchedAt > 600000) await this.look(cardText);
    const b = this.bundle = openBundle(this.card, this.bundleValue, this.clock.now()); // checked again
    if (!b.which) throw new Error('the desk has not been there for too long');
    if (b.notice.state === 3) throw new Error('the desk has ended');
    const ceiling = this.link().ceiling;
    lifetime = Math.min(lifetime, CLASS_SECONDS[ceiling]);
    const id = random(8), written = this.clock.now();
    const content = packContent({ kind: KIND.text, id, part: 0, parts: 1, sent: this.clock.sentMinute(), lifetime, countsFrom, body: utf8(text) });
    if (content.length > KNOCK_ROOM) throw new Error('too long for a knock');
    const mine = newQueueSecrets();
    const k = makeKnock(b, mine, content);
    const st = {
      id: 'c1', role: 'P', phase: 'knocking', card: cardText, mine, theirs: null, ratchet: k.ratchet, nP: k.nP, nW: null, firstAccept: null,
      chain: { R: b.R, issuing: b.issuing, deskId: b.deskId }, knockedAt: written, rotation: 0, told: false, newPut: null, newEnd: null,
      knock: { envelope: k.envelope, handle: random(16), cls: classFor(lifetime, countsFrom, ceiling), deskPut: b.deskPut, until: written + lifetime },
      slotVoucher: random(32), voucherSpent: false, parts: {}, outbox: [],
      messages: [{ id, dir: 'out', kind: KIND.text, body: utf8(text), lifetime, countsFrom, written, until: written + lifetime, state: 'queued' }],
      locker: null, workerVersion: 0, credential: null,
    };
    this.conv = new ParticipantConversation(this, st);
    await this.conv.knock();
    return { id: hex(id) };
  }
  // --- the locker ---
  async phrase() {
    const c = this.conv;
    return c.lock(async () => {
      if (c.st.locker) throw new Error('there is a phrase already');
      if (c.st.phase === 'knocking') throw new Error('not before the knock is kept');
      const digits = newPhrase(), s = lockerSecrets(digits, this.card.orgHash);
      await this.link().request('SLOT_CREATE', { voucher: c.st.slotVoucher, cls: this.link().ceiling,
        read: name('read', s.read), write: name('write', s.write), own: name('slot-own', s.own) });
      c.st.voucherSpent = true;
      c.st.locker = { secrets: s, version: 0 };
      await c.writeLocker();
      return { phrase: digits, words: phraseWords(digits) };
    });
  }
  async return_(phraseText, cardText) {
    this.useCard(cardText);
    const s = lockerSecrets(phraseDigits(phraseText), this.card.orgHash);
    for (;;) {
      let got;
      try { got = await this.link().request('SLOT_GET', { read: s.read }); } catch (e) {
        if (e.status === 'refused') return null;
        throw e;
      }
      if (!got.value.length) return null;
      const plaintext = openLocker(s, got.version, got.value);
      const st = stateFromEntries(readPlaintext(plaintext));
      st.locker = { secrets: s, version: got.version };
      const c = new ParticipantConversation(this, st);
      c.quiet = true;
      c.purge();
      c.quiet = false;
      const w = await c.writeLocker(true);
      if (w === 'conflict') continue;
      if (!w) throw new Error('locker: gone while returning');
      this.conv = c;
      const alive = c.st.messages.map((m) => m);
      if (st.phase === 'knocking') c.knock().catch((e) => this.emit({ event: 'error', why: e.message }));
      else if (st.phase !== 'ended') { await c.subscribe(); c.continueRotation(); c.pump(); }
      return { phase: st.phase, messages: alive, conv: c };
    }
  }
  async persist(c) { return c.writeLocker(); }
  async erase() {
    const r = await this.conv.erase();
    this.conv = null;
    return r;
  }
  stop() { clearInterval(this.timer); this.linkObj?.stop(); }
}

export class ParticipantConversation extends Conversation {
  emit(event, more) { if (!this.quiet) super.emit(event, more); }
  // --- section 9 ---
  async knock() {
    const st = this.st, k = st.knock, n = queueNames(st.mine);
    const link = this.ctx.link();
    for (let refusals = 0; ;) {
      // Words whose time is over are not sent any more; if they may have been sent, a cookie and an envelope of zeros ask.
      const over = k.until <= this.now();
      if (over && !k.tried) throw new Error('knock expired before it was sent');
      const envelope = over ? zeros(4096) : k.envelope;
      let ch = { cookie: zeros(32), effort: 0 }, solution = 0; // zeros: names that are there are looked at first
      if (!over) {
        ch = await link.request('CHALLENGE', { put: k.deskPut });
        solution = await solve(ch.cookie, puzzleH(n.put, n.take, n.own, n.end, envelope), ch.effort);
        this.emit('puzzle', { effort: ch.effort, solution });
      }
      const fields = { desk: k.deskPut, cookie: ch.cookie, solution, ...n, slotVoucher: name('voucher', st.slotVoucher), cls: k.cls, handle: k.handle, envelope };
      k.tried = true;
      try {
        // The same KNOCK may come again with its cookie as long as both are good.
        await link.request('KNOCK', fields, { tries: 20, while: () => over || (k.until > this.now() && cookieExpiry(ch.cookie) > this.now() + 5) });
        break;
      } catch (e) {
        if (e.lost || e.status === 'busy' || e.status === 'full') continue;
        if (e.status !== 'refused') throw e;
        if (over) throw new Error('the knock never came to the relay, and its time is over');
        if (++refusals > 3) throw e;
      }
    }
    st.phase = 'waiting';
    st.messages[0] && (st.messages[0].state = 'accepted');
    this.emit('knocked');
    await this.ctx.persist(this);
    await this.subscribe();
  }
  waitingHandles() { return [this.st.knock.handle, ...this.st.outbox.map((o) => o.handle)]; }

  // --- sections 6 and 7 ---
  frameParts() {
    const st = this.st;
    return { ...(st.told ? {} : { nP: st.nP, newPut: st.newPut, newEnd: st.newEnd }), ...(st.locker ? { version: st.locker.version + 1 } : {}) };
  }
  inspect(s, f, info) {
    if (!s.TH2) {
      const { credential } = checkAccept(s, f, info, this.st.chain, this.st.knockedAt, this.now());
      info.credential = credential;
    } else if (f.accept && toJson(f.accept) !== this.st.firstAccept) throw new Error('another accept block');
  }
  async afterFrame(f, info) {
    const st = this.st;
    if (info.credential) {
      Object.assign(st, { phase: 'open', theirs: { put: f.accept.put, end: f.accept.end }, nW: f.accept.nW, firstAccept: toJson(f.accept),
        credential: { alias: info.credential.alias, role: info.credential.role }, rotation: 1, newPut: random(32), newEnd: random(32) });
      st.knock.envelope = EMPTY;
      this.emit('accept', { alias: st.credential.alias, role: st.credential.role, words: this.words() });
    }
    if (f.version > st.workerVersion) st.workerVersion = f.version;
    if (f.version && st.locker && f.version > st.locker.version) this.emit('warning', { why: 'the relay gave an older value of the locker' });
    if (info.kind === 'adopted' && info.answers >= 1 && !st.told) { st.told = true; st.rotation = 3; }
  }
  async afterAck() { await this.continueRotation(); }
  // QUEUE_UPDATE twice: with the old put beside the new one, then without it.
  async continueRotation() {
    const st = this.st, q = st.mine;
    const update = (put2, end) => this.ctx.link().request('QUEUE_UPDATE', { secret: q.own, put: name('put', st.newPut), put2, takes: [name('take', q.take)], own: name('own', q.own), end: name('end', end) });
    try {
      if (st.rotation === 1) { await update(name('put', q.put), q.end); st.rotation = 2; this.emit('ready'); }
      if (st.rotation === 3) { await update(EMPTY, st.newEnd); q.put = st.newPut; q.end = st.newEnd; st.rotation = 4; this.dirty(); this.emit('rotated'); }
    } catch (e) { this.emit('error', { why: 'queue update: ' + e.message }); }
  }

  // --- section 8.1 ---
  // Gives true when written (or there is none), false when another device has it; 'conflict' when `returning`.
  async writeLocker(returning = false) {
    const st = this.st;
    if (!st.locker) return true;
    const { secrets } = st.locker;
    let version = st.locker.version + 1;
    let value = sealLocker(secrets, version, fit(st));
    for (;;) {
      let ok = false;
      try { await this.ctx.link().once('SLOT_SET', { write: secrets.write, expected: version - 1, value }); ok = true; } catch (e) {
        if (e.status === 'refused') { st.locker = null; this.emit('warning', { why: 'the locker is gone' }); return returning ? false : true; }
        if (e.status === 'busy' || e.status === 'full') { await new Promise((r) => setTimeout(r, Math.max(1, e.retryAfter) * 1000)); continue; }
        if (!e.lost && e.status !== 'conflict') throw e;
        if (returning && e.status === 'conflict') return 'conflict';
      }
      if (!ok) {
        let got;
        try { got = await this.ctx.link().request('SLOT_GET', { read: secrets.read }); } catch (e) {
          if (e.status !== 'refused') throw e;
          st.locker = null;
          this.emit('warning', { why: 'the locker is gone' });
          return returning ? false : true;
        }
        if (got.version === version && eq(got.value, value)) ok = true;
        else if (got.version === version - 1) continue;
        else if (got.version < version - 1) {
          this.emit('warning', { why: 'the relay is an older copy of itself' });
          version = got.version + 1;
          value = sealLocker(secrets, version, fit(st));
          continue;
        } else { this.closedByOther(); return returning ? 'conflict' : false; }
      }
      st.locker.version = version;
      this.dirtySince = null;
      if (!this.quiet) this.emit('locker', { version, size: value.length });
      return true;
    }
  }
  // "When the conversation is gone, she deletes the slot."
  ended(why) {
    const { locker } = this.st;
    super.ended(why);
    this.st.locker = null;
    if (locker) this.deleteQuiet('SLOT_DELETE', { own: locker.secrets.own });
  }
  closedByOther() {
    this.ctx.link().forget(this.st.id);
    this.emit('other-device');
    this.st = { id: this.st.id, phase: 'ended', messages: [], outbox: [], ratchet: {} };
  }
  displaced() {
    this.emit('displaced');
    if (this.st.locker) this.lock(async () => { if (await this.writeLocker()) if (this.st.phase !== 'ended') await this.subscribe(); }).catch(() => {});
  }
  async erase() {
    const { locker } = this.st;
    const r = await super.erase();
    if (locker) r.locker = await this.deleteQuiet('SLOT_DELETE', { own: locker.secrets.own });
    this.st = { id: this.st.id, phase: 'ended', messages: [], outbox: [], ratchet: {} };
    return r;
  }
}

// --- the locker's entries: kind 1 the state, 2 what waits to be sent, 3 a message; values are JSON ---
const idx = (i) => Uint8Array.of(i >> 8, i & 255);
export function entriesOf(st) {
  const { messages, outbox, locker, ...rest } = st;
  return [
    { key: entryKey(1, idx(0)), value: utf8(toJson(rest)) },
    ...outbox.map((o, i) => ({ key: entryKey(2, idx(i)), value: utf8(toJson(o)) })),
    ...messages.map((m, i) => ({ key: entryKey(3, idx(i)), value: utf8(toJson(m)) })),
  ];
}
export function stateFromEntries(entries) {
  const of = (kind) => entries.filter((e) => e.key[0] === kind).map((e) => fromJson(fromUtf8(e.value)));
  let st;
  try { [st] = of(1); } catch { /* not ours */ }
  if (!st || st.role !== 'P') throw new Error('locker: of another client');
  return { ...st, outbox: of(2), messages: of(3), locker: null };
}
// The smallest size into which everything fits; else the longest go first, what waits to be sent before messages.
function fit(st) {
  let e = entriesOf(st);
  for (;;) {
    const p = packPlaintext(e);
    if (p) return p;
    const of = (kind) => e.filter((x) => x.key[0] === kind);
    const from = of(2).length ? of(2) : of(3);
    if (!from.length) throw new Error('locker: state too large');
    const longest = from.reduce((a, b) => (b.value.length > a.value.length ? b : a));
    e = e.filter((x) => x !== longest);
  }
}
