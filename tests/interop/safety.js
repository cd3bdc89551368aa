// protocol.md section 6.1: commitment and safety words.
import { cat, LP, LPL } from './bytes.js';
import { BLAKE2b } from './kdf.js';

export const commitment = (nP, EK) => BLAKE2b(32, cat(LPL('safety commitment'), LP(nP), LP(EK)));
// The four indices; the word list itself is not in the document.
export const safetyIndices = (TH2, nP, nW) => [...BLAKE2b(32, cat(LPL('safety words'), LP(TH2), LP(nP), LP(nW))).slice(0, 4)];
