// The vectors of tests/vectors/, which the C code writes and reads, computed by the second client.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { cat, eq, hex, Reader, u32, utf8, fromUtf8 } from '../bytes.js';
import * as K from '../kdf.js';
import { handleHash, name, voucherFromText, voucherText } from '../names.js';
import { seal, open } from '../seal.js';
import { mlkemDecaps, mlkemEncaps, mlkemPair, xwingDecaps, xwingEncaps, xwingPair } from '../kem.js';
import { CipherState, Initiator, Responder, PROLOGUE } from '../noise.js';
import { cardSecrets, readCard } from '../card.js';
import { openBundle } from '../bundle.js';
import * as A from '../agreement.js';
import { leadingZeros, puzzleH, puzzleOut, right } from '../puzzle.js';
import { commitment, safetyIndices } from '../safety.js';
import * as R from '../ratchet.js';
import { readFrame, readKnockFrame } from '../frame.js';
import { lockerSecrets } from '../phrase.js';
import { readCredential } from '../organisation.js';

const bin = (text) => Uint8Array.from(text.match(/../g) ?? [], (b) => parseInt(b, 16));

// Blocks of "name = value"; what is indented goes on.
function blocks(file) {
    const text = readFileSync(new URL(`../../vectors/${file}.txt`, import.meta.url), 'utf8').replace(/^#.*\n/gm, '').replace(/\n {4}/g, '');
    return text.split(/\n\n+/).filter((block) => block.trim()).map((block) => {
        const fields = Object.fromEntries(block.trim().split('\n').map((line) => line.match(/^(\w+) = ?(.*)$/).slice(1)));
        return { ...fields, bin: (field) => bin(fields[field]) };
    });
}

function same(a, b, what) { assert.equal(hex(a), hex(b), what); }

// Every block of a file, and that there are some.
function each(file, least, check) {
    test(`${file}.txt`, async () => {
        const all = blocks(file);
        assert.ok(all.length >= least, `${all.length} blocks`);
        for (const block of all)
            await check(block);
    });
}

each('names', 9, (v) => {
    if (v.role)
        same(name(v.role, v.bin('secret')), v.bin('name'));
    else
        same(handleHash(v.bin('handle')), v.bin('hash'));
});
each('vouchers', 2, (v) => {
    assert.equal(voucherText(v.bin('secret')), v.text);
    same(voucherFromText(v.text), v.bin('secret'));
});
each('hkdf', 4, (v) => {
    const parts = Array.from({ length: Number(v.parts) }, (_, i) => v.bin(`part${i}`)), out = v.bin('out');
    same(K.HKDF(v.bin('salt'), v.bin('ikm'), cat(...parts.map((p) => cat(u32(p.length), p))), out.length), out);
});
each('seal', 4, (v) => {
    same(seal(v.bin('key'), v.bin('ad'), v.bin('plain'), v.bin('nonce')), v.bin('sealed'));
    same(open(v.bin('key'), v.bin('ad'), v.bin('sealed')), v.bin('plain'));
});
each('kem', 4, (v) => {
    const [pair, encaps, decaps] = v.kem === 'X-Wing' ? [xwingPair, xwingEncaps, xwingDecaps] : [mlkemPair, mlkemEncaps, mlkemDecaps];
    const keys = pair(v.bin('seed')), { ct, ss } = encaps(keys.pk, v.bin('random'));
    if (v.public_key !== undefined) {
        same(keys.pk.slice(0, v.bin('public_key').length), v.bin('public_key'));
        same(ct.slice(0, v.bin('ciphertext').length), v.bin('ciphertext'));
    }
    same(ss, v.bin('shared_secret'));
    same(decaps(v.kem === 'X-Wing' ? keys.seed : keys.sk, ct), ss);
});

// The handshake's keys and what is said with them, as her relay and as she would.
each('noise_nkhfs', 1, (v) => {
    const eph = (random) => K.x25519Pair(random.slice(0, 32));
    const hers = v.bin('initiator_random'), its = v.bin('responder_random');
    if (!eq(v.bin('prologue'), PROLOGUE) || v.payload1 !== '' || v.bin('payload2').length !== 16)
        return;
    const she = new Initiator(v.bin('static_public'), eph(hers), mlkemPair(hers.slice(32, 96)));
    same(she.message1(), v.bin('message1'));
    const relay = new Responder(v.bin('static_secret'), v.bin('static_public'));
    relay.message1(v.bin('message1'));
    for (const way of ['responder', 'initiator']) {
        const c = new CipherState(v.bin(`to_${way}_key`)), said = utf8('transport');
        same(c.encrypt(new Uint8Array(0), said), v.bin(`to_${way}_0`));
        c.n = 65535;
        same(c.encrypt(new Uint8Array(0), said), v.bin(`to_${way}_65535`));
        c.rekey();
        same(c.k, v.bin(`to_${way}_key_rekeyed`));
        same(c.encrypt(new Uint8Array(0), said), v.bin(`to_${way}_65536`));
    }
});

each('card', 9, (v) => {
    if (v.result !== 'ok') {
        assert.throws(() => readCard(v.text));
        return;
    }
    const card = readCard(v.text), secrets = cardSecrets(card.cardKey);
    assert.equal(card.addresses[0], v.address0);
    assert.equal(card.addresses.length, Number(v.count));
    same(card.relayKey, v.bin('relay_pk'));
    same(card.orgHash, v.bin('organisation'));
    same(secrets.read, v.bin('read_secret'));
    same(secrets.bundleKey, v.bin('bundle_key'));
});

each('bundle', 3, (v) => {
    const card = blocks('card').find((c) => c.bundle_key === v.bundle_key);
    const at = { cardKey: card.bin('card_key'), orgHash: v.bin('organisation') };
    const read = () => openBundle(at, v.bin('sealed'), Number(v.now));
    if (v.result === 'foreign')
        return assert.throws(read);
    if (v.result === 'expired') {
        let which = 0;
        try { which = read().which; } catch { /* refused at once */ }
        return assert.equal(which, 0);
    }
    const b = read();
    same(b.R, v.bin('root_pk'));
    same(b.deskId, v.bin('desk_id'));
    same(b.KPH, v.bin('key_part_hash'));
    same(b.deskPut, v.bin('put'));
    same(b.intake.pk, v.bin('intake_pk'));
    same(b.lastResort.pk, v.bin('last_resort_pk'));
    assert.equal(b.epoch, Number(v.epoch));
    assert.equal(b.notice.texts[0].text, fromUtf8(v.bin('text0')));
    return undefined;
});

each('phrase', 3, (v) => {
    const s = lockerSecrets(v.digits, readCard(v.card).orgHash);
    same(cat(s.read, s.write, s.own, s.key), v.bin('secret'));
});

each('puzzle', 3, (v) => {
    const H = puzzleH(v.bin('put'), v.bin('take'), v.bin('own'), v.bin('end'), v.bin('envelope'));
    same(H, v.bin('hash'));
    const k = Number(v.effort), x = Number(v.solution);
    assert.ok(right(v.bin('cookie'), H, x, k));
    if (k > 0 && x > 0)
        assert.ok(leadingZeros(puzzleOut(v.bin('cookie'), H, x - 1)) < k, 'the solution is the smallest');
});

test('knock.txt, accept.txt', () => {
    const [k] = blocks('knock'), accept = blocks('accept')[0];
    const envelope = k.bin('envelope'), r = new Reader(envelope);
    const epoch = r.u32(), which = r.u8(), ct = r.bytes(1120), sealed = r.rest();
    assert.equal(epoch, Number(k.epoch));
    same(xwingDecaps(k.bin('intake_sk'), ct), k.bin('ss'));
    const key = A.knockBodyKey(k.bin('ss'), ct, k.bin('key_part_hash'));
    const f = readKnockFrame(open(key, A.knockAD(epoch, which, ct), sealed));
    same(f.EK, k.bin('ek_p_pk'));
    same(f.ek, k.bin('ek_p_kem'));
    same(f.put, k.bin('put'));
    same(f.end, k.bin('end'));
    same(f.commitment, k.bin('commitment'));
    same(commitment(k.bin('nonce_p'), k.bin('ek_p_pk')), k.bin('commitment'));
    same(f.content, k.bin('content'));
    const TH1 = A.transcript1({ R: k.bin('root_pk'), deskId: k.bin('desk_id'), KPH: k.bin('key_part_hash'), ct, EK: f.EK, ek: f.ek });
    same(TH1, k.bin('th1'));
    const roots = A.knockRoots(k.bin('ss'), TH1);
    same(roots.RK0, k.bin('root'));
    same(roots.HK, k.bin('hk'));
    same(roots.NHK0, k.bin('nhk'));

    // The accept on it: transcript, MAC, words, the first step and its envelope.
    const a = accept, block = new Reader(a.bin('block'));
    const credential = block.lp(400), put = block.bytes(32), end = block.bytes(32), nW = block.bytes(32), mac = block.bytes(32);
    same(credential, a.bin('credential'));
    same(nW, a.bin('nonce_w'));
    same(readCredential(a.bin('issuing_pk'), credential).ik, K.x25519Public(a.bin('ik_w_sk')));
    const TH2 = A.transcript2({ TH1, credential, DH: a.bin('dh'), ek: a.bin('ek'), ct: a.bin('ct'), put, end, nW });
    same(TH2, a.bin('th2'));
    const DHI = K.X25519(a.bin('ik_w_sk'), k.bin('ek_p_pk'));
    same(DHI, a.bin('dhi'));
    same(A.acceptMac(DHI, TH2), mac);
    same(Uint8Array.from(safetyIndices(TH2, a.bin('nonce_p'), nW)), a.bin('words'));
    same(A.acceptMix(roots.RK0, DHI, TH2), a.bin('her_root0'));
    const kh = R.KH(a.bin('dh'), a.bin('ek'), f.EK, f.ek, a.bin('ct'));
    const step = R.stepKeys(roots.RK0, K.X25519(a.bin('dh_sk'), f.EK), a.bin('ss'), TH1, kh);
    same(A.acceptMix(step.root, DHI, TH2), a.bin('root'));
    same(step.nhk, a.bin('nhk'));
    same(R.stepId(f.EK, f.ek), a.bin('answers'));
    same(R.stepId(a.bin('dh'), a.bin('ek')), a.bin('id'));
    const said = openEnvelope(a.bin('envelope'), roots.HK, () => step.chain, TH1, TH1, 2);
    assert.equal(said, a.text);
});

// Header and body, with the chain's key of number N.
function openEnvelope(envelope, hk, chainOf, TH1, TH, direction) {
    const head = envelope.slice(0, 2372);
    const h = R.readHeader(K.xchachaOpen(hk, head.slice(0, 24), R.headerAD(TH1, direction), head.slice(24)));
    let chain = chainOf(h);
    for (let n = 0; n < h.N; n++)
        chain = R.nextChain(chain);
    const frame = readFrame(open(R.messageKey(chain), R.bodyAD(TH, direction, head), envelope.slice(2372)));
    return fromUtf8(frame.content).replace(/\0$/, ''); // the vectors' frames have words and a zero
}

// Every step and every envelope that was sent.
test('ratchet.txt', () => {
    const all = blocks('ratchet'), k = blocks('knock')[0], a = blocks('accept')[0];
    const TH1 = k.bin('th1'), TH2 = a.bin('th2');
    const steps = new Map([
        [a.answers, { DH: k.bin('ek_p_pk'), ek: k.bin('ek_p_kem'), root: a.bin('her_root0') }],
        [a.id, { DH: a.bin('dh'), ek: a.bin('ek'), root: a.bin('root') }],
    ]);
    const roots = A.knockRoots(k.bin('ss'), TH1);
    const first = R.stepKeys(roots.RK0, K.X25519(a.bin('dh_sk'), k.bin('ek_p_pk')), a.bin('ss'), TH1,
        R.KH(a.bin('dh'), a.bin('ek'), k.bin('ek_p_pk'), k.bin('ek_p_kem'), a.bin('ct')));
    const sending = { her: null, worker: { hk: a.bin('hk'), chain: first.chain, TH: TH1 } };
    let envelopes = 0, made = 0;
    for (const v of all.filter((block) => block.kind === 'send')) {
        if (v.id !== undefined && !steps.has(v.id)) {
            const t = steps.get(v.answers);
            assert.ok(t, 'it answers a step that is known');
            const ks = R.stepKeys(t.root, K.X25519(v.bin('dh_sk'), t.DH), v.bin('ss'), TH2, R.KH(v.bin('dh'), v.bin('ek'), t.DH, t.ek, v.bin('ct')));
            same(R.stepId(v.bin('dh'), v.bin('ek')), v.bin('id'));
            same(ks.root, v.bin('root'));
            same(ks.nhk, v.bin('nhk'));
            steps.set(v.id, { DH: v.bin('dh'), ek: v.bin('ek'), root: ks.root });
            sending[v.from] = { hk: v.bin('hk'), chain: ks.chain, TH: TH2 };
            made++;
        }
        const s = sending[v.from];
        assert.equal(openEnvelope(v.bin('envelope'), s.hk, () => s.chain, TH1, s.TH, v.from === 'her' ? 1 : 2), v.text);
        envelopes++;
    }
    assert.ok(envelopes >= 9 && made >= 7, `${envelopes} envelopes, ${made} steps`);
});
