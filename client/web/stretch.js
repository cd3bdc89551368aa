// The secret that a return phrase opens a locker with (docs/protocol.md section 8.1). It takes a second or more and 32 MiB, so it is made in a
// worker with an instance of its own: a page can be left meanwhile.
import { Core, ZaguanError } from './core.js';

const SECRET_BYTES = 128;

// In this thread.
export async function stretchHere(wasm, card, phrase) {
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

/** wasm: a compiled module. Without workers it is done in this thread, which stands still meanwhile. */
export async function stretch({ wasm, card, phrase, signal, worker = new URL('./stretch-worker.js', import.meta.url) }) {
    let thread;
    try {
        thread = new Worker(worker, { type: 'module' });
    } catch {
        return stretchHere(wasm, card, phrase);
    }
    try {
        return await new Promise((resolve, reject) => {
            const stop = () => reject(new ZaguanError('state', 'it was given up', 'return phrase'));
            signal?.addEventListener('abort', stop);
            thread.onmessage = ({ data }) => (data.secret
                ? resolve(data.secret)
                : reject(new ZaguanError(data.code, data.text, 'return phrase')));
            thread.onerror = () => resolve(stretchHere(wasm, card, phrase)); // it could not be loaded
            if (signal?.aborted)
                stop();
            else
                thread.postMessage({ wasm, card, phrase });
        });
    } finally {
        thread.terminate();
    }
}
