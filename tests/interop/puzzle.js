// protocol.md section 9: the puzzle before a knock.
import { cat, LP, LPL, u64, Reader } from './bytes.js';
import { BLAKE2b, argon2id } from './kdf.js';

export const puzzleH = (putName, takeName, ownName, endName, envelope) =>
  BLAKE2b(32, cat(LPL('puzzle knock'), LP(putName), LP(takeName), LP(ownName), LP(endName), LP(envelope)));
export const puzzleSalt = (cookie) => BLAKE2b(16, cat(LPL('puzzle salt'), LP(cookie)));
export const puzzleOut = (cookie, H, x, salt = puzzleSalt(cookie)) =>
  argon2id(cat(LPL('puzzle'), LP(cookie), LP(H), u64(x)), salt, 1024, 1, 16);
export const leadingZeros = (b) => {
  let n = 0;
  for (const x of b) { if (x === 0) { n += 8; continue; } return n + Math.clz32(x) - 24; }
  return n;
};
export const right = (cookie, H, x, k) => (k === 0 ? true : leadingZeros(puzzleOut(cookie, H, x)) >= k);
export async function solve(cookie, H, k) {
  if (k === 0) return 0;
  const salt = puzzleSalt(cookie);
  for (let x = 0; ; x++) {
    if (leadingZeros(puzzleOut(cookie, H, x, salt)) >= k) return x;
    if (x % 16 === 15) await new Promise((r) => setImmediate(r));
  }
}
export const cookieExpiry = (cookie) => new Reader(cookie).u32();
