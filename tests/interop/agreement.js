// protocol.md section 6: knock and accept.
import { cat, LP, LPL, label, u8, u32, eq, random, Reader, EMPTY } from './bytes.js';
import { SHA512, HKDF, HMAC, X25519, x25519Pair } from './kdf.js';
import { xwingEncaps, xwingDecaps, mlkemPair } from './kem.js';
import { seal, open } from './seal.js';
import { packKnockFrame, readKnockFrame } from './frame.js';
import { commitment } from './safety.js';
import { readIssuing, readCredential } from './organisation.js';
import { newParticipantRatchet, newWorkerRatchet, makeStep } from './ratchet.js';

const VS = cat(u8(1), u8(1));
export const transcript1 = ({ R, deskId, KPH, ct, EK, ek }) =>
  SHA512(cat(LPL('knock'), LP(VS), LP(R), LP(deskId), LP(KPH), LP(ct), LP(EK), LP(ek)));
export function knockRoots(ss, TH1) {
  const o = HKDF(EMPTY, ss, cat(LPL('knock root'), LP(TH1)), 96);
  return { RK0: o.slice(0, 32), HK: o.slice(32, 64), NHK0: o.slice(64) };
}
export const knockBodyKey = (ss, ct, KPH) => HKDF(EMPTY, ss, cat(LPL('knock body'), LP(ct), LP(KPH)), 32);
export const knockAD = (epoch, which, ct) => cat(LPL('knock body'), u32(epoch), u8(which), ct);

// bundle: from openBundle. secrets: { put, take, own, end }. r: randomness that the vectors fix.
export function makeKnock(bundle, secrets, content, r = {}) {
  const EK = r.EK ?? x25519Pair(), ek = r.ek ?? mlkemPair(), nP = r.nP ?? random(32);
  const { ct, ss } = xwingEncaps(bundle.kem, r.eseed);
  const TH1 = transcript1({ ...bundle, ct, EK: EK.pk, ek: ek.pk });
  const { RK0, HK, NHK0 } = knockRoots(ss, TH1);
  const KB = knockBodyKey(ss, ct, bundle.KPH);
  const frame = packKnockFrame({ EK: EK.pk, ek: ek.pk, put: secrets.put, end: secrets.end, commitment: commitment(nP, EK.pk), content });
  const envelope = cat(u32(bundle.epoch), u8(bundle.which), ct, seal(KB, knockAD(bundle.epoch, bundle.which, ct), frame, r.nonce));
  return { envelope, nP, TH1, ratchet: newParticipantRatchet(TH1, { EK, ek }, RK0, HK, NHK0), trace: { ct, ss, KB, RK0, HK, NHK0, frame } };
}

// keys(epoch, which) gives { seed, KPH, R, deskId } or null.
export function openKnock(envelope, keys) {
  if (envelope.length !== 4096) throw new Error('knock: length');
  const r = new Reader(envelope);
  const epoch = r.u32(), which = r.u8(), ct = r.bytes(1120), sealed = r.rest();
  const k = which === 1 || which === 2 ? keys(epoch, which) : null;
  if (!k) throw new Error('knock: no such key');
  const ss = xwingDecaps(k.seed, ct);
  const f = readKnockFrame(open(knockBodyKey(ss, ct, k.KPH), knockAD(epoch, which, ct), sealed));
  const TH1 = transcript1({ R: k.R, deskId: k.deskId, KPH: k.KPH, ct, EK: f.EK, ek: f.ek });
  const { RK0, HK, NHK0 } = knockRoots(ss, TH1);
  const ratchet = newWorkerRatchet(TH1, f.EK, f.ek, RK0, HK, NHK0);
  return { ...f, TH1, ratchet };
}

export const transcript2 = ({ TH1, credential, DH, ek, ct, put, end, nW }) =>
  SHA512(cat(LPL('accept'), LP(TH1), LP(credential), LP(DH), LP(ek), LP(ct), LP(put), LP(end), LP(nW)));
export const acceptMac = (DHI, TH2) => HMAC(HKDF(EMPTY, DHI, LPL('accept mac'), 32), TH2);
export const acceptMix = (RK, DHI, TH2) => HKDF(RK, DHI, cat(LPL('accept mix'), LP(TH2)), 32);

// The worker's first step and the accept block. Changes k.ratchet. me: { credential, ikSk }, queue: { put, end }
export function makeAccept(k, me, queue, r = {}) {
  const s = k.ratchet, nW = r.nW ?? random(32);
  const own = makeStep(s, r.dh, r.ek, r.m32);
  const TH2 = transcript2({ TH1: s.TH1, credential: me.credential, DH: own.DH, ek: own.ek, ct: s.send.ct, put: queue.put, end: queue.end, nW });
  const DHI = X25519(me.ikSk, s.cur.DH);
  own.root = acceptMix(own.root, DHI, TH2);
  s.cur.root = acceptMix(s.cur.root, DHI, TH2);
  s.TH2 = TH2;
  return { block: { credential: me.credential, put: queue.put, end: queue.end, nW, mac: acceptMac(DHI, TH2) }, nW, TH2, DHI };
}

// Her check inside ratchet.decrypt, before the new state is kept. chain: { R, issuing, deskId }
export function checkAccept(s, frame, info, chain, knockedAt, now) {
  const a = frame.accept;
  const issuer = readIssuing(chain.R, chain.issuing);
  const cred = readCredential(issuer.key, a.credential);
  if (!(cred.from <= now && cred.until > knockedAt)) throw new Error('accept: credential was not valid');
  if (!eq(cred.deskId, chain.deskId)) throw new Error('accept: credential of another desk');
  const c = info.chain, own = s.own[0];
  const TH2 = transcript2({ TH1: s.TH1, credential: a.credential, DH: c.DH, ek: c.ek, ct: info.ct, put: a.put, end: a.end, nW: a.nW });
  const DHI = X25519(own.sk, cred.ik);
  if (!eq(acceptMac(DHI, TH2), a.mac)) throw new Error('accept: MAC');
  c.root = acceptMix(c.root, DHI, TH2);
  own.root = acceptMix(own.root, DHI, TH2);
  s.TH2 = TH2;
  return { credential: cred, TH2 };
}
