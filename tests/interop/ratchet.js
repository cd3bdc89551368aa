// protocol.md section 7: the Double Ratchet with header encryption. Plain functions on a plain state,
// the same for both sides. side: 1 = she (direction 1), 2 = the worker (direction 2).
import { cat, LP, LPL, u8, u32, eq, hex, random, Reader } from './bytes.js';
import { BLAKE2b, BLAKE2bKeyed, SHA512, HKDF, X25519, x25519Pair, xchachaSeal, xchachaOpen } from './kdf.js';
import { mlkemPair, mlkemEncaps, mlkemDecaps, mlkemCheck } from './kem.js';
import { seal, open } from './seal.js';
import { packFrame, readFrame } from './frame.js';

export const MAX_SKIP = 65536, GAP_KEYS = 128, ALL_KEYS = 256, LAST_N = 0xffffffff;
const KEY_LIFE = 30 * 86400;

export const stepId = (DH, ek) => BLAKE2b(32, cat(LPL('step id'), LP(DH), LP(ek))).slice(0, 16);
export const messageKey = (chain) => BLAKE2bKeyed(32, chain, LPL('message key'));
export const nextChain = (chain) => BLAKE2bKeyed(32, chain, LPL('next chain'));
export const KH = (DHs, eks, DHt, ekt, ct) => SHA512(cat(LP(DHs), LP(eks), LP(DHt), LP(ekt), LP(ct)));
export function stepKeys(root, dh, ss, TH, kh) {
  const o = HKDF(root, cat(dh, ss), cat(LPL('step'), LP(TH), LP(kh)), 96);
  return { root: o.slice(0, 32), chain: o.slice(32, 64), nhk: o.slice(64) };
}
export const headerAD = (TH1, dir) => cat(LP(TH1), u8(dir));
export const bodyAD = (TH, dir, head) => cat(LP(TH), u8(dir), LP(head));
export const packHeader = (h) => cat(h.DH, h.ek, h.ct, h.answers, u32(h.step), u32(h.PN), u32(h.N));
export function readHeader(b) {
  const r = new Reader(b);
  const h = { DH: r.bytes(32), ek: r.bytes(1184), ct: r.bytes(1088), answers: r.bytes(16), step: r.u32(), PN: r.u32(), N: r.u32() };
  r.end();
  return h;
}

// A step: { num, id, DH, ek, root, nhk, hkAnswer } and, for an own one, { sk, ekSk }.
// hkAnswer is the header key of every step that answers this one: nhk of the step this one answers.
const step0 = (DH, ek, RK0, HK, NHK0) => ({ num: 0, id: stepId(DH, ek), DH, ek, root: RK0, nhk: NHK0, hkAnswer: HK });
const base = (side, TH1) => ({ side, TH1, TH2: null, own: [], ownNum: 0, lastLength: 0, send: null, stale: false, cur: null, aside: null, stored: [] });

// She, after her knock; k: { EK:{sk,pk}, ek:{sk,pk} }
export function newParticipantRatchet(TH1, k, RK0, HK, NHK0) {
  const s = base(1, TH1);
  s.own.push({ ...step0(k.EK.pk, k.ek.pk, RK0, HK, NHK0), sk: k.EK.sk, ekSk: k.ek.sk });
  return s;
}
// The worker, after opening a knock.
export function newWorkerRatchet(TH1, EK, ek, RK0, HK, NHK0) {
  const s = base(2, TH1);
  checkAnswerable(EK, ek);
  s.cur = { ...step0(EK, ek, RK0, HK, NHK0), chain: null, next: 0, hk: null, first: false };
  s.stale = true;
  return s;
}
export function checkAnswerable(DH, ek) { X25519(new Uint8Array(32).fill(1), DH); mlkemCheck(ek); }

// The next own step, against the newest adopted step of the other side.
export function makeStep(s, dh = x25519Pair(), ekPair = mlkemPair(), m32 = random(32)) {
  const t = s.cur;
  const { ct, ss } = mlkemEncaps(t.ek, m32);
  const k = stepKeys(t.root, X25519(dh.sk, t.DH), ss, s.TH2 ?? s.TH1, KH(dh.pk, ekPair.pk, t.DH, t.ek, ct));
  const num = s.ownNum + 1;
  const own = { num, id: stepId(dh.pk, ekPair.pk), DH: dh.pk, ek: ekPair.pk, root: k.root, nhk: k.nhk, hkAnswer: t.nhk, sk: dh.sk, ekSk: ekPair.sk };
  s.lastLength = s.send ? s.send.N : 0;
  s.send = { num, hk: t.hkAnswer, chain: k.chain, N: 0, PN: s.lastLength, DH: dh.pk, ek: ekPair.pk, ct, answers: t.id, first: s.TH2 === null };
  s.own.push(own);
  s.ownNum = num;
  s.own = s.own.slice(-(s.side === 1 ? 2 : 4));
  s.stale = false;
  return own;
}
export const needsStep = (s) => s.stale || !s.send;

// One envelope with this frame. Makes a step first if one is due.
export function encrypt(s, frame, nonces = {}) {
  if (needsStep(s)) {
    if (!s.TH2) throw new Error('nothing may be sent before the accept');
    makeStep(s);
  }
  const c = s.send;
  if (c.N >= LAST_N) throw new Error('chain used up');
  const hn = nonces.header ?? random(24);
  const header = packHeader({ DH: c.DH, ek: c.ek, ct: c.ct, answers: c.answers, step: c.num, PN: c.PN, N: c.N });
  const head = cat(hn, xchachaSeal(c.hk, hn, headerAD(s.TH1, s.side), header));
  const mk = messageKey(c.chain);
  const body = seal(mk, bodyAD(c.first ? s.TH1 : s.TH2, s.side, head), packFrame(frame), nonces.body);
  c.chain = nextChain(c.chain);
  c.N++;
  return cat(head, body);
}

export class Dropped extends Error {}
const drop = (why) => { throw new Dropped(why); };

// Opens an envelope. Gives { state, frame, step } with a new state; throws and leaves `old` as it was otherwise.
// `inspect(state, frame, info)` may throw to refuse, and may change the new state.
export function decrypt(old, envelope, now, inspect = () => {}) {
  if (envelope.length !== 4096) drop('length');
  const s = structuredClone(old);
  const dir = 3 - s.side;
  const head = envelope.slice(0, 2372), body = envelope.slice(2372);
  s.stored = s.stored.filter((k) => k.at + KEY_LIFE > now);

  // 1. header
  const keys = new Map();
  const add = (k) => { if (k) keys.set(hex(k), k); };
  s.stored.forEach((k) => add(k.hk));
  add(s.cur?.hk);
  add(s.aside?.hk);
  s.own.forEach((t) => add(t.hkAnswer));
  let h = null, usedKey = null;
  for (const k of keys.values()) {
    try { h = readHeader(xchachaOpen(k, head.slice(0, 24), headerAD(s.TH1, dir), head.slice(24))); usedKey = k; break; } catch { /* next */ }
  }
  if (!h) drop('header opens with no key');
  const id = stepId(h.DH, h.ek);
  const opened = (mk, first) => {
    let f;
    try { f = readFrame(open(mk, bodyAD(first ? s.TH1 : s.TH2 ?? s.TH1, dir, head), body)); } catch (e) { drop('body: ' + e.message); }
    return f;
  };
  const done = (f, info) => {
    if (!!f.accept !== !!info.first) drop('accept block where none belongs, or none where one does');
    inspect(s, f, info);
    return { state: s, frame: f, info };
  };

  // 2. a stored key
  const at = s.stored.findIndex((k) => eq(k.id, id) && k.N === h.N);
  if (at >= 0) {
    const k = s.stored[at];
    const f = opened(k.mk, k.first);
    s.stored.splice(at, 1);
    return done(f, { kind: 'stored', first: k.first, step: k.num });
  }

  // 3. a known step
  const same = (c) => c && c.chain && c.num === h.step && eq(c.id, id);
  let chain = same(s.cur) ? s.cur : same(s.aside) ? s.aside : null;
  let kind = 'chain';

  // 4. a new step
  if (!chain) {
    if (h.step <= (s.cur ? s.cur.num : 0) || h.step <= (s.aside ? s.aside.num : 0)) drop('step is not newer');
    const ti = s.own.findIndex((t) => eq(t.id, h.answers));
    if (ti < 0) drop('answers no own step');
    try { checkAnswerable(h.DH, h.ek); } catch { drop('step cannot be answered'); }
    const t = s.own[ti];
    const first = s.side === 1 && !s.TH2;
    if (first && h.step !== 1) drop('before the accept only the first step');
    let k;
    try {
      k = stepKeys(t.root, X25519(t.sk, h.DH), mlkemDecaps(t.ekSk, h.ct), s.TH2 ?? s.TH1, KH(h.DH, h.ek, t.DH, t.ek, h.ct));
    } catch { drop('step'); }
    chain = { num: h.step, id, DH: h.DH, ek: h.ek, root: k.root, nhk: k.nhk, hkAnswer: t.nhk, chain: k.chain, next: 0, hk: t.hkAnswer, first };
    const before = [s.aside, s.cur].find((c) => c && c.num === h.step - 1 && c.chain);
    if (before && h.PN > before.next && h.PN - before.next <= MAX_SKIP) skip(s, before, h.PN, now);
    s.stored = s.stored.filter((x) => h.step - x.num < 5);
    const newest = ti === s.own.length - 1;
    const adopt = newest || s.side === 1;
    if (adopt) {
      s.own = s.own.filter((o) => o.num === t.num); // older go because t was answered, newer because it was adopted
      s.cur = chain;
      s.aside = null;
      s.stale = true;
    } else {
      s.own = s.own.filter((o) => o.num >= t.num);
      s.aside = chain;
    }
    kind = adopt ? 'adopted' : 'aside';
    chain.answers = t.num;
  }

  // 5. forward to N
  if (h.N === LAST_N) drop('last number');
  if (h.N < chain.next) drop('duplicate');
  if (h.N - chain.next > MAX_SKIP) drop('too far ahead');
  skip(s, chain, h.N, now);
  const f = opened(messageKey(chain.chain), chain.first);
  chain.chain = nextChain(chain.chain);
  chain.next++;
  return done(f, { kind, first: chain.first, step: chain.num, answers: chain.answers, chain, ct: h.ct });
}

function skip(s, c, upTo, now) {
  while (c.next < upTo) {
    if (upTo - c.next <= GAP_KEYS)
      s.stored.push({ id: c.id, num: c.num, N: c.next, mk: messageKey(c.chain), hk: c.hk, first: c.first, at: now });
    c.chain = nextChain(c.chain);
    c.next++;
  }
  s.stored = s.stored.slice(-ALL_KEYS);
}
