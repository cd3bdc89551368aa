// protocol.md section 5.2: the bundle, as the desk writes it and as a participant checks it.
import { cat, LP, LPL, u8, u32, u64, utf8, fromUtf8, zeros, eq, Reader } from './bytes.js';
import { SHA512 } from './kdf.js';
import { seal, open, SEAL_OVERHEAD } from './seal.js';
import { organisationHash, cardSecrets } from './card.js';
import { sign, signedPart, versionSuite, validAt, readIssuing, readDeskCertificate } from './organisation.js';

const VS = cat(u8(1), u8(1));
export const packKeyPart = (pubSeed, k) => sign(pubSeed, 'bundle keys', cat(VS, k.R, LP(k.issuing), LP(k.deskCertificate),
  u32(k.epoch), k.deskPut, k.intake.pk, u64(k.intake.from), u64(k.intake.until),
  k.lastResort.pk, u64(k.lastResort.from), u64(k.lastResort.until)));
export const packNoticePart = (pubSeed, n) => sign(pubSeed, 'bundle notice', cat(VS, n.deskId, u64(n.written), u8(n.state),
  u8(n.texts.length), ...n.texts.map((t) => cat(utf8(t.lang), LP(utf8(t.text))))));
export const KPH = (keyPart) => SHA512(cat(LPL('bundle keys'), LP(keyPart)));

export function sealBundle(bundleKey, keyPart, noticePart, nonce) {
  const p = cat(LP(keyPart), LP(noticePart));
  const total = Math.ceil((p.length + SEAL_OVERHEAD) / 4096) * 4096;
  return seal(bundleKey, LPL('bundle'), cat(p, zeros(total - SEAL_OVERHEAD - p.length)), nonce);
}

// `now`: section 4.2. Checks in the order of the document.
export function openBundle(card, value, now) {
  if (!value.length || value.length % 4096) throw new Error('bundle: length');
  const outer = new Reader(open(cardSecrets(card.cardKey).bundleKey, LPL('bundle'), value));
  const keyPart = outer.lp(), noticePart = outer.lp();
  outer.zerosToEnd();

  // R, the certificates and the publishing key stand inside the part whose signature they check.
  const r = new Reader(keyPart.slice(0, -64));
  versionSuite(r, 'bundle');
  const R = r.bytes(32), issuing = r.lp(), deskCertificate = r.lp();
  if (!eq(organisationHash(R), card.orgHash)) throw new Error('bundle: not the organisation of the card');
  const issuer = readIssuing(R, issuing);
  const desk = readDeskCertificate(issuer.key, deskCertificate);
  signedPart(desk.publishing, 'bundle keys', keyPart);
  const epoch = r.u32(), deskPut = r.bytes(32);
  const key = () => ({ pk: r.bytes(1216), from: r.u64(), until: r.u64() });
  const intake = key(), lastResort = key();
  r.end();

  const n = new Reader(signedPart(desk.publishing, 'bundle notice', noticePart));
  versionSuite(n, 'notice');
  const notice = { deskId: n.bytes(16), written: n.u64(), state: n.u8(), texts: [] };
  for (let i = n.u8(); i > 0; i--) notice.texts.push({ lang: fromUtf8(n.bytes(2)), text: fromUtf8(n.lp(1000)) });
  n.end();
  if (notice.state < 1 || notice.state > 3) throw new Error('notice: state');

  validAt(issuer, now, 'issuing certificate');
  validAt(desk, now, 'desk certificate');
  if (!eq(desk.deskId, notice.deskId)) throw new Error('bundle: desk ids differ');
  const ok = (k) => k.from <= now && now < k.until;
  const which = ok(intake) ? 1 : ok(lastResort) ? 2 : 0;
  const state = notice.state === 1 && (now > notice.written + 12 * 3600 || notice.written > now + 3600) ? 2 : notice.state;
  return { R, issuing, deskCertificate, deskId: desk.deskId, generation: desk.generation, epoch, deskPut, intake, lastResort,
    notice: { ...notice, shownState: state }, KPH: KPH(keyPart), keyPart, noticePart,
    which, kem: which === 1 ? intake.pk : which === 2 ? lastResort.pk : null };
}
