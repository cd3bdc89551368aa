// Unit checks of each module; the two roles check each other.
import test from 'node:test';
import assert from 'node:assert/strict';
import { cat, u8, u16, u32, u64, LP, hex, unhex, random, zeros, eq, utf8, toJson, fromJson, EMPTY } from '../bytes.js';
import * as K from '../kdf.js';
import { seal, open } from '../seal.js';
import { mlkemPair, xwingPair, xwingEncaps, xwingDecaps, mlkemCheck } from '../kem.js';
import { name, voucherText, voucherFromText, relayText, relayFromText, classFor } from '../names.js';
import { pack, unpack, COMMANDS, ANSWERS, encodeCommand, decodeCommand } from '../command.js';
import { Initiator, Responder, CipherState } from '../noise.js';
import { packPlaintext, unpackPlaintext, sealRecord, openRecord } from '../record.js';
import { puzzleH, solve, right } from '../puzzle.js';
import { packCard, readCard, cardText, cardSecrets, organisationHash } from '../card.js';
import { newOrganisation, makeDeskCertificate, makeCredential, terms } from '../organisation.js';
import { packKeyPart, packNoticePart, sealBundle, openBundle } from '../bundle.js';
import { makeKnock, openKnock, makeAccept, checkAccept } from '../agreement.js';
import * as R from '../ratchet.js';
import { packFrame, readFrame } from '../frame.js';
import { commitment, safetyIndices } from '../safety.js';
import { packContent, readContent, split, collect, expiry } from '../content.js';
import { newPhrase, phraseDigits, phraseWords, phraseFromWords, lockerSecrets } from '../phrase.js';
import { packPlaintext as packLocker, readPlaintext, sealLocker, openLocker, entryKey, SIZES } from '../locker.js';
import { paper, fromPaper, packBox, openBox } from '../appendix.js';
import { Clock } from '../clock.js';

const T = 1795640000;
const flip = (b, i) => { const c = b.slice(); c[i] ^= 1; return c; };

test('known answers: RFC 7748, RFC 8032, BLAKE2b, X-Wing draft', () => {
  assert.equal(hex(K.X25519(unhex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'), unhex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'))), 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  assert.equal(hex(K.edPair(unhex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')).pk), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  assert.equal(hex(K.BLAKE2b(64, utf8('abc'))).slice(0, 16), 'ba80a53f981c4d0d');
  assert.throws(() => K.X25519(random(32), zeros(32)));
  const x = xwingPair(unhex('7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26'));
  const e = xwingEncaps(x.pk, unhex('3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e235b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2'));
  assert.equal(hex(e.ss), 'd2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384');
});
test('seal: opens, and under one key only', () => {
  const k = random(32), s = seal(k, utf8('a'), utf8('text'));
  assert.equal(s.length, 4 + 72);
  assert.equal(hex(open(k, utf8('a'), s)), hex(utf8('text')));
  for (let i = 0; i < s.length; i++) assert.throws(() => open(k, utf8('a'), flip(s, i)));
  assert.throws(() => open(k, utf8('b'), s));
});
test('X-Wing and ML-KEM check', () => {
  const p = xwingPair(), e = xwingEncaps(p.pk);
  assert.deepEqual([p.pk.length, e.ct.length, hex(xwingDecaps(p.seed, e.ct))], [1216, 1120, hex(e.ss)]);
  assert.throws(() => mlkemCheck(new Uint8Array(1184).fill(255)));
});
test('texts: voucher, relay, card', () => {
  const s = random(32), t = voucherText(s);
  assert.equal(t.length, 48);
  assert.equal(hex(voucherFromText(t)), hex(s));
  assert.throws(() => voucherFromText((t[0] === 'A' ? 'B' : 'A') + t.slice(1)));
  assert.equal(relayFromText(relayText('[::1]:4', s)).address, '[::1]:4');
  const c = { addresses: ['a.example:1', '[2001:db8::1]:65535'], relayKey: random(32), cardKey: random(32), orgHash: random(32) };
  const b = packCard(c);
  assert.deepEqual(readCard(cardText(b)), c);
  assert.deepEqual(readCard('https://x.example/y/z#' + cardText(b).slice(7)), c);
  for (let i = 0; i < b.length; i++) assert.throws(() => readCard(cardText(flip(b, i))));
});
test('commands: round trip, strictness', () => {
  const f = { seq: 70000, write: random(32), expected: 2 ** 40, size: 3, piece: 0, data: random(3) };
  assert.deepEqual(decodeCommand(COMMANDS, encodeCommand(COMMANDS, 'SLOT_SET', f)), { op: 'SLOT_SET', ...f });
  for (const bad of ['cc01', 'cd0001', 'ce00000001', 'cf0000000000000001', 'c50001aa', 'dc000101', 'a161', '81', 'd001', 'c0', '9101ff', 'ff', '']) assert.throws(() => unpack(unhex(bad)), bad);
  assert.throws(() => decodeCommand(ANSWERS, pack([64, 1, 0])));
  assert.throws(() => decodeCommand(ANSWERS, pack([64, 1, 0, 0, 0])));
  assert.throws(() => decodeCommand(ANSWERS, pack([65, 1, random(7)])));
  assert.equal(decodeCommand(ANSWERS, pack([68, [0, 1]])).fates[1], 1);
  assert.equal(decodeCommand(ANSWERS, pack([68, 9, [0, 1]])).seq, 9);
});
test('handshake and records', () => {
  const st = K.x25519Pair(), I = new Initiator(st.pk), Rr = new Responder(st.sk, st.pk), m1 = I.message1();
  assert.equal(m1.length, 1248);
  Rr.message1(m1);
  const r = Rr.message2({ minute: 5, ceiling: 4, settle: 250, window: 256 });
  assert.equal(r.out.length, 1168);
  assert.throws(() => new Initiator(st.pk, I.eph, I.kem).message2(r.out)); // not after its own message 1
  const i = I.message2(r.out);
  assert.equal(i.hello.minute, 5);
  assert.equal(hex(i.h), hex(r.h));
  i.send.n = r.receive.n = 65534;
  for (let k = 0; k < 4; k++) assert.equal(unpackPlaintext(openRecord(r.receive, sealRecord(i.send, packPlaintext([utf8('x' + k)])).slice(2)))[0][1], 48 + k);
  assert.equal(packPlaintext([]).length, 128);
  assert.equal(packPlaintext([zeros(126)]).length, 128);
  assert.equal(packPlaintext([zeros(127)]).length, 4320);
  assert.equal(unpackPlaintext(packPlaintext([new Uint8Array(125).fill(7)])).length, 1);
  assert.throws(() => unpackPlaintext(zeros(129)));
  const p = packPlaintext([utf8('a')]); p[127] = 1;
  assert.throws(() => unpackPlaintext(p));
});
test('puzzle', async () => {
  const H = puzzleH(...[1, 2, 3, 4].map(() => random(16)), random(4096)), c = random(32), x = await solve(c, H, 5);
  assert.ok(right(c, H, x, 5));
  assert.equal(await solve(c, H, 0), 0);
});

function desk() {
  const org = newOrganisation(T), t = terms(T), pub = K.edPair(), deskId = random(16), ik = K.x25519Pair();
  const deskCertificate = makeDeskCertificate(org.issuingSeed, { deskId, generation: 1, publishing: pub.pk, ...t.certificate });
  const cred = (id = deskId, seed = org.issuingSeed, times = t.credential) => makeCredential(seed, { alias: 'Ana', deskId: id, serial: 1, ed: random(32), ik: ik.pk, ...times });
  const intake = { ...xwingPair(), from: T - 86400, until: T + 86400 }, lastResort = { ...xwingPair(), from: T - 86400, until: T + 80 * 86400 };
  const keyPart = packKeyPart(pub.seed, { R: org.R, issuing: org.issuing, deskCertificate, epoch: 1, deskPut: random(32), intake, lastResort });
  const notice = packNoticePart(pub.seed, { deskId, written: T, state: 1, texts: [] });
  const card = { addresses: ['a:1'], relayKey: random(32), cardKey: random(32), orgHash: organisationHash(org.R) };
  const value = sealBundle(cardSecrets(card.cardKey).bundleKey, keyPart, notice);
  return { org, pub, deskId, ik, cred, intake, lastResort, keyPart, notice, card, value };
}
test('bundle: checks', () => {
  const d = desk(), b = openBundle(d.card, d.value, T);
  assert.equal(d.value.length, 4096);
  assert.equal(b.which, 1);
  assert.equal(openBundle(d.card, d.value, T + 2 * 86400).which, 2);
  assert.equal(openBundle(d.card, d.value, T + 81 * 86400).which, 0);
  assert.equal(openBundle(d.card, d.value, T + 13 * 3600).notice.shownState, 2);
  assert.throws(() => openBundle(d.card, d.value, T + 500 * 86400), /not valid/);
  assert.throws(() => openBundle({ ...d.card, orgHash: random(32) }, d.value, T), /organisation/);
  const resealed = (k, n) => sealBundle(cardSecrets(d.card.cardKey).bundleKey, k, n);
  for (const i of [2, 40, 300, 600, d.keyPart.length - 1]) assert.throws(() => openBundle(d.card, resealed(flip(d.keyPart, i), d.notice), T));
  assert.throws(() => openBundle(d.card, resealed(d.keyPart, flip(d.notice, 20)), T), /signature/);
  const e = desk();
  assert.throws(() => openBundle(d.card, resealed(d.keyPart, e.notice), T), /signature/);
});

function pair() {
  const d = desk(), b = openBundle(d.card, d.value, T);
  const mine = { put: random(32), end: random(32) };
  const k = makeKnock(b, mine, utf8('knock'));
  const o = openKnock(k.envelope, (e, w) => ({ seed: (w === 1 ? d.intake : d.lastResort).seed, KPH: b.KPH, R: b.R, deskId: b.deskId }));
  return { d, b, k, o, P: { s: k.ratchet }, W: { s: o.ratchet } };
}
const chainOf = (x) => ({ R: x.b.R, issuing: x.b.issuing, deskId: x.b.deskId });
const enc = (side, text, more = {}) => R.encrypt(side.s, { ...more, content: utf8(text) });
const dec = (side, env, inspect) => {
  const before = toJson(side.s);
  try {
    const r = R.decrypt(side.s, env, T, inspect);
    side.s = r.state;
    side.info = r.info;
    return Buffer.from(r.frame.content).toString();
  } catch (e) { assert.equal(toJson(side.s), before); return '!' + e.message; }
};
function agreed() {
  const x = pair(), q = { put: random(32), end: random(32) };
  x.a = makeAccept(x.o, { credential: x.d.cred(), ikSk: x.d.ik.sk }, q);
  x.first = { accept: x.a.block };
  x.accept = (s, f, i) => { if (!s.TH2) checkAccept(s, f, i, chainOf(x), T, T); };
  return x;
}
test('agreement: knock, accept, words equal; forged accepts leave the state as it was', () => {
  const x = agreed();
  assert.equal(hex(commitment(x.k.nP, x.o.EK)), hex(x.o.commitment));
  const e = enc(x.W, 'one', x.first);
  assert.match(dec(x.P, enc(x.W, 'no block'), x.accept), /accept block/);
  assert.match(dec(x.P, R.encrypt(structuredClone(x.W.s), { accept: { ...x.a.block, mac: random(32) }, content: EMPTY }), x.accept), /MAC/);
  assert.match(dec(x.P, R.encrypt(structuredClone(x.W.s), { accept: { ...x.a.block, nW: random(32) }, content: EMPTY }), x.accept), /MAC/);
  assert.match(dec(x.P, R.encrypt(structuredClone(x.W.s), { accept: { ...x.a.block, credential: x.d.cred(random(16)) }, content: EMPTY }), x.accept), /another desk/);
  assert.match(dec(x.P, R.encrypt(structuredClone(x.W.s), { accept: { ...x.a.block, credential: x.d.cred(x.d.deskId, random(32)) }, content: EMPTY }), x.accept), /signature/);
  assert.equal(dec(x.P, e, x.accept), 'one');
  assert.equal(hex(x.P.s.TH2), hex(x.W.s.TH2));
  assert.equal(hex(x.P.s.own[0].root), hex(x.W.s.cur.root));
  assert.equal(hex(x.P.s.cur.root), hex(x.W.s.own[0].root));
  assert.deepEqual(safetyIndices(x.P.s.TH2, x.k.nP, x.a.nW), safetyIndices(x.W.s.TH2, x.k.nP, x.a.nW));
  assert.match(dec(x.P, e, x.accept), /duplicate/);
});
test('agreement: another worker answers the same knock later: dropped', () => {
  const x = agreed(), y = openKnock(x.k.envelope, () => ({ seed: x.d.intake.seed, KPH: x.b.KPH, R: x.b.R, deskId: x.b.deskId }));
  const b = makeAccept(y, { credential: x.d.cred(), ikSk: x.d.ik.sk }, { put: random(32), end: random(32) });
  assert.equal(dec(x.P, enc(x.W, 'one', x.first), x.accept), 'one');
  assert.match(dec(x.P, R.encrypt(y.ratchet, { accept: b.block, content: EMPTY }), x.accept), /not newer/);
});
test('ratchet: out of order, over steps, loss, many steps', () => {
  const x = agreed(), { P, W } = x;
  const w = [0, 1, 2, 3].map((i) => enc(W, 'w' + i, x.first));
  assert.equal(dec(P, w[2], x.accept), 'w2');
  const p = [0, 1, 2].map((i) => enc(P, 'p' + i));
  assert.equal(dec(W, p[1]), 'p1');
  const w2 = [4, 5].map((i) => enc(W, 'w' + i));
  assert.equal(dec(P, w2[1], x.accept), 'w5');
  assert.equal(dec(P, w[0], x.accept), 'w0');
  assert.equal(dec(P, w[3], x.accept), 'w3');
  assert.match(dec(P, w[3], x.accept), /^!/);
  assert.equal(dec(P, w2[0], x.accept), 'w4');
  assert.equal(dec(P, w[1], x.accept), 'w1');
  assert.equal(dec(W, p[2]), 'p2');
  for (let i = 0; i < 12; i++) {
    assert.equal(dec(W, enc(P, 'a' + i)), 'a' + i);
    assert.equal(dec(P, enc(W, 'b' + i), x.accept), 'b' + i);
    assert.ok(P.s.own.length <= 2 && W.s.own.length <= 4);
  }
  assert.match(dec(W, p[0]), /^!/); // five steps later its key is gone
  assert.equal(W.s.stored.length, 0);
  const m = Array.from({ length: 400 }, (_, i) => enc(P, 'x' + i));
  assert.equal(dec(W, m[399]), 'x399');
  assert.equal(W.s.stored.length, 128);
  assert.equal(dec(W, m[398]), 'x398');
  assert.match(dec(W, m[100]), /^!/);
  assert.match(dec(W, flip(m[397], 3000)), /^!/);
  assert.match(dec(W, flip(m[397], 100)), /^!/);
  assert.equal(dec(W, fromJson(toJson({ m: m[397] })).m), 'x397');
});
test('ratchet: a second step of the worker that answers the same step (hand-over), crossing', () => {
  const x = agreed(), { P, W } = x;
  dec(P, enc(W, 'w', x.first), x.accept);
  dec(W, enc(P, 'p1')); // her step 1
  dec(P, enc(W, 'w2')); // his step 2 answers it
  const W2 = { s: structuredClone(W.s) };
  const p2 = enc(P, 'p2'); // her step 2 answers his step 2, while
  W2.s.stale = true; // he steps twice against her step 1
  const w3 = enc(W2, 'w3');
  assert.equal(dec(W2, p2), 'p2'); // set aside
  assert.equal(W2.info.kind, 'aside');
  const p2b = enc(P, 'p2b');
  assert.equal(dec(P, w3), 'w3'); // his step wins
  const p3 = enc(P, 'p3');
  assert.equal(dec(W2, p3), 'p3');
  assert.equal(W2.info.kind, 'adopted');
  assert.equal(dec(W2, p2b), 'p2b'); // by PN, from the chain that was set aside
  assert.equal(dec(P, enc(W2, 'w4')), 'w4');
});
test('frames: flags', () => {
  const f = readFrame(packFrame({ nP: random(32), newPut: random(32), newEnd: random(32), version: 3, content: utf8('c') }));
  assert.equal(f.flags, 14);
  assert.equal(f.version, 3);
  const b = packFrame({ content: EMPTY });
  assert.throws(() => readFrame(cat(u8(16), b.slice(1))));
  assert.throws(() => readFrame(cat(u8(8), zeros(1651))));
  assert.throws(() => readFrame(flip(b, 1651)));
});
test('content: parts, fillers, times', () => {
  const body = random(5000), cs = split({ kind: 3, body, sent: 1, lifetime: 60, countsFrom: 0 }, () => 1600);
  assert.equal(cs.length, 4);
  const st = {};
  let whole = null;
  for (const c of cs.reverse()) { const r = readContent(packContent(c)); assert.ok(packContent(c).length <= 1600); if (r.kind === 3) whole = collect(st, r) ?? whole; }
  assert.equal(hex(whole.body), hex(body));
  assert.throws(() => readContent(packContent({ kind: 1, id: random(8), part: 0, parts: 1, sent: 1, lifetime: 0, countsFrom: 0, body: EMPTY })));
  const m = { sent: 100, lifetime: 60, countsFrom: 0 }, end = 101 * 60;
  assert.equal(expiry(m, end + 10, null, 1e9), end + 70);
  assert.equal(expiry(m, end + 120, null, 1e9), end + 60);
  assert.equal(expiry({ ...m, countsFrom: 1 }, end, end + 5, 1e9), end + 65);
  assert.equal(classFor(60, 1, 6), 4);
  assert.equal(classFor(3601, 0, 6), 1);
  assert.equal(classFor(60, 1, 2), 2);
});
test('phrase and locker', () => {
  const p = newPhrase();
  assert.equal(phraseFromWords(phraseWords(p)), p);
  assert.throws(() => phraseDigits('99999999999999999999'));
  const s = lockerSecrets(p, random(32)), e = [{ key: entryKey(1, u16(0)), value: random(20000) }];
  const v = sealLocker(s, 4, packLocker(e));
  assert.equal(v.length, SIZES[1]);
  assert.deepEqual(readPlaintext(openLocker(s, 4, v)), e);
  assert.throws(() => openLocker(s, 5, v));
  assert.equal(packLocker([{ key: entryKey(1, u16(0)), value: zeros(61440) }]), null);
});
test('clock: the mark', () => {
  let own = 1e9, mono = 0;
  const c = new Clock({ own: () => own, mono: () => mono });
  assert.equal(c.now(), 1e9);
  c.heard(Math.floor(1e9 / 60));
  assert.equal(c.now(), 1e9);
  own -= 5000;
  assert.equal(c.now(), 1e9); // set back: revives nothing
  own = 1e9 + 60;
  mono += 60;
  c.now();
  c.heard(Math.floor((own + 90 * 86400) / 60)); // far future: erases nothing
  mono += 10;
  assert.ok(c.now() <= 1e9 + 75);
  const d = new Clock({ own: () => own, mono: () => mono });
  d.heard(1);
  assert.equal(d.now(), own);
});
test('appendix: paper finds a wrong word and two that changed places; passphrase box', () => {
  const p = paper(random(32));
  fromPaper(p);
  for (let i = 0; i < 34; i++) {
    assert.throws(() => fromPaper(flip(p, i)));
    for (let j = 0; j < i; j++) if (p[i] !== p[j]) { const q = p.slice(); [q[i], q[j]] = [q[j], q[i]]; assert.throws(() => fromPaper(q)); }
  }
  const b = packBox('vault key', 'x', random(32), { passes: 1, memKiB: 1024 }).box;
  openBox('vault key', 'x', b);
  assert.throws(() => openBox('vault key', 'y', b), /seal/);
  assert.throws(() => openBox('vault key', 'x', flip(b, 60)), /damaged/);
});
