// protocol.md sections 5, 5.2, 6, 7: the worker's side: organisation, desk, bundle, knocks, accepts.
// One process is coordinator, desk and worker at once.
import { random, hex, eq, toJson, fromJson } from './bytes.js';
import { name, voucherFromText, relayFromText, VOUCHER, CLASS_SECONDS } from './names.js';
import { edPair, x25519Pair } from './kdf.js';
import { xwingPair } from './kem.js';
import { packCard, readCard, cardText, cardSecrets, organisationHash } from './card.js';
import { newOrganisation, makeDeskCertificate, makeCredential, terms } from './organisation.js';
import { packKeyPart, packNoticePart, sealBundle, KPH } from './bundle.js';
import { openKnock, makeAccept } from './agreement.js';
import { commitment } from './safety.js';
import { readContent, filler, bodyText, KIND, expiry, MAX_LIFE } from './content.js';
import { Link } from './link.js';
import { Clock } from './clock.js';
import { Conversation, newQueueSecrets, queueNames, DEFAULT_LIFE } from './conversation.js';

const DAY = 86400;

export class Worker {
  constructor({ emit = () => {}, clock = new Clock() } = {}) {
    Object.assign(this, { emit, clock, linkObj: null, desk: null, knocks: [], convs: new Map(), known: new Map(), nextConv: 1 });
    this.timer = setInterval(() => this.purge(), 500);
    this.timer.unref?.();
  }
  link() { return this.linkObj; }
  async persist() { return true; } // this client keeps nothing on disk
  stop() { clearInterval(this.timer); this.linkObj?.stop(); }
  purge() {
    for (const c of this.convs.values()) c.purge();
    const now = this.clock.now();
    for (const k of this.knocks) if (k.state === 'waiting' && k.until <= now) { k.state = 'expired'; k.text = null; this.emit({ event: 'expired', knock: k.n }); }
  }

  // --- organisation and desk ---
  async openDesk({ voucher, relay, alias = 'worker', texts = [], state = 1, address = null }) {
    const { address: addr, key } = relayFromText(relay);
    this.linkObj = new Link([address ?? addr], key, this.clock, (x) => this.emit(x));
    await this.link().get(); // the relay's time
    const now = Math.floor(this.clock.now()), t = terms(now);
    const org = newOrganisation(now), publishing = edPair(), ed = edPair(), ik = x25519Pair(), deskId = random(16);
    const deskCertificate = makeDeskCertificate(org.issuingSeed, { deskId, generation: 1, publishing: publishing.pk, ...t.certificate });
    const credential = makeCredential(org.issuingSeed, { role: 1, alias, deskId, serial: 1, ed: ed.pk, ik: ik.pk, ...t.credential });
    const queue = newQueueSecrets(), n = queueNames(queue);
    await this.link().request('QUEUE_CREATE', { voucher: voucherFromText(voucher), kind: 1, put: n.put, takes: [n.take], own: n.own, end: n.end });
    const cardKey = random(32), { read, bundleKey } = cardSecrets(cardKey);
    this.desk = { org, publishing, deskId, deskCertificate, credential, ikSk: ik.sk, queue, epochs: new Map(), epoch: 0, lastResort: null, keyPart: null,
      slot: { read, write: random(32), own: random(32), version: 0 }, bundleKey, notice: { state, texts, written: now } };
    const s = this.desk.slot;
    // A lasting slot; where the relay gives none, one with its ceiling as lifetime.
    let cls = 7, slotVoucher;
    try { slotVoucher = await this.draw(VOUCHER.lasting); } catch (e) {
      if (e.lost) throw e;
      cls = this.link().ceiling;
      slotVoucher = await this.draw(VOUCHER.slot);
    }
    await this.link().request('SLOT_CREATE', { voucher: slotVoucher, cls, read: name('read', read), write: name('write', s.write), own: name('slot-own', s.own) });
    this.newKeys();
    await this.publish();
    this.desk.card = cardText(packCard({ addresses: [addr], relayKey: key, cardKey, orgHash: organisationHash(org.R) }));
    await this.link().keep('desk', queue.take, 16, (m, c) => this.onDesk(m, c));
    return this.desk.card;
  }
  async draw(kind) {
    const secret = random(32);
    await this.link().request('VOUCHER_DRAW', { take: this.desk.queue.take, kind, names: [name('voucher', secret)] });
    return secret;
  }
  // A new intake key and, every 60 days, a new last-resort key: a new epoch.
  newKeys() {
    const d = this.desk, now = Math.floor(this.clock.now());
    const key = (life) => ({ ...xwingPair(), from: now - DAY, until: now - DAY + life });
    const intake = key(3 * DAY);
    if (!d.lastResort || now > d.lastResort.from + 60 * DAY) d.lastResort = key(90 * DAY);
    d.epoch++;
    d.keyPart = packKeyPart(d.publishing.seed, { R: d.org.R, issuing: d.org.issuing, deskCertificate: d.deskCertificate, epoch: d.epoch, deskPut: d.queue.put, intake, lastResort: d.lastResort });
    d.epochs.set(d.epoch, { intake, lastResort: d.lastResort, KPH: KPH(d.keyPart) });
    for (const [e, k] of d.epochs) if (Math.max(k.intake.until, k.lastResort.until) + 30 * DAY < now) d.epochs.delete(e);
  }
  async publish() {
    const d = this.desk, s = d.slot;
    const value = sealBundle(d.bundleKey, d.keyPart, packNoticePart(d.publishing.seed, { deskId: d.deskId, ...d.notice }));
    for (let i = 0; i < 5; i++) {
      try { await this.link().once('SLOT_SET', { write: s.write, expected: s.version, value }); s.version++; this.emit({ event: 'published', epoch: d.epoch, version: s.version, size: value.length }); return; } catch (e) {
        if (!e.lost && e.status !== 'conflict') throw e;
        const got = await this.link().request('SLOT_GET', { read: s.read });
        if (eq(got.value, value)) { s.version = got.version; return; }
        s.version = got.version;
      }
    }
    throw new Error('bundle could not be published');
  }
  async setNotice(state, texts) {
    Object.assign(this.desk.notice, { state, texts: texts ?? this.desk.notice.texts, written: Math.floor(this.clock.now()) });
    await this.publish();
  }

  // --- a file of this client's own (unsealed JSON: for tests only) ---
  save() {
    const d = this.desk;
    return toJson({ desk: { ...d, epochs: [...d.epochs] }, convs: [...this.convs.values()].map((c) => c.st), known: [...this.known.keys()], nextConv: this.nextConv });
  }
  async load(text, address = null) {
    const f = fromJson(text), card = readCard(f.desk.card);
    this.desk = { ...f.desk, epochs: new Map(f.desk.epochs) };
    this.nextConv = f.nextConv;
    f.known.forEach((k) => this.known.set(k, true));
    this.linkObj = new Link(address ? [address] : card.addresses, card.relayKey, this.clock, (x) => this.emit(x));
    await this.link().get();
    for (const st of f.convs) {
      const c = new WorkerConversation(this, st);
      this.convs.set(st.id, c);
      if (st.phase !== 'ended') { await c.subscribe(); c.pump(); }
    }
    await this.link().keep('desk', this.desk.queue.take, 16, (m, c) => this.onDesk(m, c));
    return this.desk.card;
  }
  // Section 4.2, expired unread: what the relay says of this side's envelopes. A person asks here, no timer.
  async fates(id) {
    const c = id ? this.convs.get(id) : [...this.convs.values()].at(-1);
    const mine = c.st.sent.slice(-32);
    if (!mine.length) return { fates: [] };
    const { fates } = await this.link().request('STATUS', { handles: mine.map((x) => x.handle) });
    return { fates: mine.map((x, i) => ({ id: hex(x.id), fate: fates[i] === 1 ? 'expired' : 'unknown' })) };
  }

  // --- knocks ---
  onDesk(m, c) {
    if (m.op === 'DELIVER') return this.onKnock(m, c);
    if (m.op === 'WITHDRAW') {
      const k = this.knocks.find((x) => x.id === m.id && x.conn === c);
      if (k && k.state === 'waiting') { k.state = 'withdrawn'; k.text = null; this.emit({ event: 'knock-withdrawn', knock: k.n }); }
    } else if (m.op !== 'SUBSCRIBED') this.emit({ event: 'desk-' + m.op.toLowerCase(), reason: m.reason });
  }
  keysOf(epoch, which) {
    const e = this.desk.epochs.get(epoch), k = e && (which === 1 ? e.intake : e.lastResort);
    return k && { seed: k.seed, KPH: e.KPH, R: this.desk.org.R, deskId: this.desk.deskId };
  }
  onKnock(m, c) {
    const now = this.clock.now();
    let k, content;
    try {
      k = openKnock(m.envelope, (e, w) => this.keysOf(e, w));
      content = readContent(k.content);
      if (content.kind !== KIND.text || content.parts !== 1) throw new Error('knock: not a text');
      if (content.sent * 60 + MAX_LIFE < now) throw new Error('knock: too old');
      k.text = bodyText(content.body);
    } catch (e) {
      this.emit({ event: 'dropped', why: e.message });
      c.ack(m.sub, [m.id]);
      return;
    }
    const mark = hex(k.TH1.slice(0, 16));
    if (this.known.has(mark)) { c.ack(m.sub, [m.id]); return; }
    const again = this.knocks.find((x) => x.mark === mark);
    if (again) { Object.assign(again, { sub: m.sub, id: m.id, conn: c }); if (again.state !== 'waiting') c.ack(m.sub, [m.id]); return; }
    const until = expiry(content, now, now, CLASS_SECONDS[this.link().ceiling]);
    const n = this.knocks.length + 1;
    if (until <= now) { this.emit({ event: 'expired', knock: n, unseen: true }); k.text = null; }
    const knock = { n, mark, k, content, until, sub: m.sub, id: m.id, conn: c, text: k.text, state: 'waiting' };
    this.knocks.push(knock);
    this.emit({ event: 'knock', knock: n, text: k.text, id: hex(content.id), sent: content.sent, lifetime_s: content.lifetime, counts_from: content.countsFrom ? 'read' : 'sent' });
  }
  async accept(n, opts = {}) {
    const x = this.knocks.find((q) => q.n === n);
    if (!x || x.state !== 'waiting') throw new Error('no such knock waiting');
    const { k } = x;
    await this.link().request('CLAIM', { sub: x.sub, id: x.id });
    const mine = newQueueSecrets(), names = queueNames(mine);
    const voucher = await this.draw(VOUCHER.conversation);
    await this.link().request('QUEUE_CREATE', { voucher, kind: 2, put: names.put, takes: [names.take], own: names.own, end: names.end });
    const a = makeAccept(k, { credential: this.desk.credential, ikSk: this.desk.ikSk }, mine);
    const st = { id: 'w' + this.nextConv++, role: 'W', phase: 'open', mine, theirs: { put: k.put, end: k.end, oldEnd: null }, ratchet: k.ratchet,
      EK: k.EK, commitment: k.commitment, nP: null, nW: a.nW, block: a.block, version: 0, sent: [], parts: {}, outbox: [], messages: [] };
    if (x.text !== null) st.messages.push({ id: x.content.id, dir: 'in', kind: 1, body: x.content.body, sent: x.content.sent, lifetime: x.content.lifetime, countsFrom: x.content.countsFrom, arrived: this.clock.now(), readAt: this.clock.now(), until: x.until });
    x.state = 'accepted';
    this.known.set(x.mark, true);
    const c = new WorkerConversation(this, st);
    this.convs.set(st.id, c);
    const sent = opts.text ? await c.sendMessage(opts) : await c.sendFiller();
    await c.subscribe();
    if (!x.conn.closed) x.conn.ack(x.sub, [x.id]);
    return { conversation: st.id, ...sent };
  }
  // A knock that is not answered: her queue is ended, the knock acknowledged.
  async decline(n) {
    const x = this.knocks.find((q) => q.n === n);
    if (!x || x.state !== 'waiting') throw new Error('no such knock waiting');
    x.state = 'declined';
    this.known.set(x.mark, true);
    try { await this.link().request('QUEUE_DELETE', { role: 2, secret: x.k.end }); } catch { /* gone already */ }
    if (!x.conn.closed) x.conn.ack(x.sub, [x.id]);
  }
  async erase(id) {
    const c = this.convs.get(id);
    const r = await c.erase();
    this.convs.delete(id);
    return r;
  }
}

export class WorkerConversation extends Conversation {
  frameParts() {
    const st = this.st;
    return { ...(st.ratchet.send && st.ratchet.send.first && !st.ratchet.stale ? { accept: st.block } : {}), ...(st.version ? { version: st.version } : {}) };
  }
  sendFiller() {
    return this.lock(async () => {
      const m = { id: random(8), until: this.now() + DAY };
      this.queueContents([filler(this.ctx.clock.sentMinute(), DAY, 1)], m);
      this.pump();
      return { id: null, envelopes: 1 };
    });
  }
  inspect(s, f) {
    if (f.nP) {
      if (this.st.nP ? !eq(f.nP, this.st.nP) : !eq(commitment(f.nP, this.st.EK), this.st.commitment)) throw new Error('commitment does not match');
    }
  }
  async afterFrame(f, info) {
    const st = this.st;
    if (f.nP && !st.nP) { st.nP = f.nP; this.emit('words', { words: this.words() }); }
    if (f.newPut && !eq(f.newPut, st.theirs.put)) Object.assign(st.theirs, { put: f.newPut, oldEnd: st.theirs.oldEnd ?? st.theirs.end, end: f.newEnd });
    if (f.version > st.version) st.version = f.version;
  }
}
