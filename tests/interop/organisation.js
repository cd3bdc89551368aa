// protocol.md section 5: root key, issuing certificate, desk certificate, credential.
import { cat, LP, LPL, u8, u32, u64, utf8, fromUtf8, Reader, EMPTY, random } from './bytes.js';
import { HKDF, edPair, edSign, edVerify } from './kdf.js';

const VS = cat(u8(1), u8(1));
const DAY = 86400, MONTHS13 = 395 * DAY;
export const sign = (seed, lab, m) => cat(m, edSign(seed, lab, m));
// Checks the appended signature and gives what it stands behind.
export function signedPart(pk, lab, b) {
  if (b.length < 64) throw new Error(lab + ': too short');
  const m = b.slice(0, -64);
  if (!edVerify(pk, lab, m, b.slice(-64))) throw new Error(lab + ': signature');
  return m;
}
export const versionSuite = (r, what) => { if (r.u8() !== 1 || r.u8() !== 1) throw new Error(what + ': another version'); };
export const validAt = (x, t, what) => { if (!(x.from <= t && t < x.until)) throw new Error(what + ': not valid now'); };

export const issuingSeed = (rootSeed) => HKDF(EMPTY, rootSeed, LPL('issuing seed'), 32);
export const makeIssuing = (rootSeed, issuingPk, from, until) =>
  sign(rootSeed, 'issuing certificate', cat(VS, issuingPk, u64(from), u64(until)));
export function readIssuing(R, b) {
  const r = new Reader(signedPart(R, 'issuing certificate', b));
  versionSuite(r, 'issuing certificate');
  const c = { key: r.bytes(32), from: r.u64(), until: r.u64() };
  r.end();
  return c;
}
export const makeDeskCertificate = (issuingSeedBytes, { deskId, generation, publishing, from, until }) =>
  sign(issuingSeedBytes, 'desk certificate', cat(VS, deskId, u32(generation), publishing, u64(from), u64(until)));
export function readDeskCertificate(issuingKey, b) {
  const r = new Reader(signedPart(issuingKey, 'desk certificate', b));
  versionSuite(r, 'desk certificate');
  const c = { deskId: r.bytes(16), generation: r.u32(), publishing: r.bytes(32), from: r.u64(), until: r.u64() };
  r.end();
  return c;
}
export const makeCredential = (issuingSeedBytes, { role = 1, alias, deskId, serial, ed, ik, from, until }) =>
  sign(issuingSeedBytes, 'credential', cat(VS, u8(role), LP(utf8(alias)), deskId, u64(serial), ed, ik, u64(from), u64(until)));
export function readCredential(issuingKey, b) {
  const r = new Reader(signedPart(issuingKey, 'credential', b));
  versionSuite(r, 'credential');
  const c = { role: r.u8(), alias: fromUtf8(r.lp(32)), deskId: r.bytes(16), serial: r.u64(), ed: r.bytes(32), ik: r.bytes(32), from: r.u64(), until: r.u64() };
  r.end();
  if (c.role < 1 || c.role > 2 || !c.alias.length) throw new Error('credential: role or alias');
  return c;
}

// Everything a one-worker organisation needs; the alternative to a coordinator who is somebody else.
export function newOrganisation(now) {
  const root = edPair(), issuing = edPair(issuingSeed(root.seed));
  return { rootSeed: root.seed, R: root.pk, issuingSeed: issuing.seed, issuingPk: issuing.pk,
    issuing: makeIssuing(root.seed, issuing.pk, now - DAY, now - DAY + MONTHS13) };
}
export const terms = (now) => ({ certificate: { from: now - DAY, until: now - DAY + MONTHS13 }, credential: { from: now - DAY, until: now - DAY + 30 * DAY } });
export const newDeskId = () => random(16);
