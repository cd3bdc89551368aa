// protocol.md section 7: the frame inside the body, and section 6: the accept block and the knock frame.
import { cat, LP, u8, u16, u64, zeros, Reader, EMPTY } from './bytes.js';

export const FRAME = 1652, KNOCK_FRAME = 2899;
export const FLAG = { accept: 1, nP: 2, rotate: 4, version: 8 };
const fill = (b, n) => { if (b.length > n) throw new Error('frame: content too long'); return cat(b, zeros(n - b.length)); };

export const packAcceptBlock = (a) => cat(LP(a.credential), a.put, a.end, a.nW, a.mac);
export function readAcceptBlock(r) {
  return { credential: r.lp(400), put: r.bytes(32), end: r.bytes(32), nW: r.bytes(32), mac: r.bytes(32) };
}
// f: { accept?, nP?, newPut?, newEnd?, version?, content }
export function packFrame(f) {
  const flags = (f.accept ? 1 : 0) | (f.nP ? 2 : 0) | (f.newPut ? 4 : 0) | (f.version ? 8 : 0);
  return fill(cat(u8(flags), f.accept ? packAcceptBlock(f.accept) : EMPTY, f.nP ?? EMPTY,
    f.newPut ? cat(f.newPut, f.newEnd) : EMPTY, f.version ? u64(f.version) : EMPTY,
    u16(f.content.length), f.content), FRAME);
}
export function readFrame(b) {
  const r = new Reader(b), flags = r.u8(), f = { flags };
  if (flags & ~15) throw new Error('frame: unknown flags');
  if (flags & 1) f.accept = readAcceptBlock(r);
  if (flags & 2) f.nP = r.bytes(32);
  if (flags & 4) { f.newPut = r.bytes(32); f.newEnd = r.bytes(32); }
  if (flags & 8) { f.version = r.u64(); if (!f.version) throw new Error('frame: version 0'); }
  f.content = r.bytes(r.u16());
  r.zerosToEnd();
  return f;
}
// Room for content in a frame with these parts.
export const frameRoom = (f) => FRAME - 3 - (f.accept ? packAcceptBlock(f.accept).length : 0) - (f.nP ? 32 : 0) - (f.newPut ? 64 : 0) - (f.version ? 8 : 0);

export const KNOCK_ROOM = KNOCK_FRAME - (32 + 1184 + 32 + 32 + 32 + 2);
export const packKnockFrame = (k) => fill(cat(k.EK, k.ek, k.put, k.end, k.commitment, u16(k.content.length), k.content), KNOCK_FRAME);
export function readKnockFrame(b) {
  const r = new Reader(b);
  const k = { EK: r.bytes(32), ek: r.bytes(1184), put: r.bytes(32), end: r.bytes(32), commitment: r.bytes(32) };
  k.content = r.bytes(r.u16());
  r.zerosToEnd();
  return k;
}
