// The secret that a return phrase opens a locker with (docs/protocol.md section 8.1): a second or more, and 32 MiB.
import { Core } from './core.js';

const SECRET_BYTES = 128;

export async function secretOf(wasm, card, phrase) {
    const core = await Core.load(wasm);
    try {
        return core.withText(card, (k, kLen) => core.withText(phrase, (p, pLen) => core.withRoom(SECRET_BYTES, (out) => {
            core.check(core.x.zg_phrase_stretch(k, kLen, p, pLen, out), 'return phrase');
            return core.bytes(out, SECRET_BYTES).slice();
        })));
    } finally {
        core.wipe();
    }
}
