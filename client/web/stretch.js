// A return phrase's secret, made in a worker with an instance of its own: a page can be left meanwhile.
import { ZaguanError } from './core.js';
import { secretOf } from './secret.js';

const beside = () => new Worker(new URL('./stretch-worker.js', import.meta.url), { type: 'module' });

/** wasm: a compiled module. Without workers it is done in this thread, which stands still meanwhile. */
export async function stretch({ wasm, card, phrase, signal, worker = beside }) {
    let thread;
    try {
        thread = worker();
    } catch {
        return secretOf(wasm, card, phrase);
    }
    try {
        return await new Promise((resolve, reject) => {
            const stop = () => reject(new ZaguanError('state', 'it was given up', 'return phrase'));
            signal?.addEventListener('abort', stop);
            thread.onmessage = ({ data }) => (data.secret
                ? resolve(data.secret)
                : reject(new ZaguanError(data.code, data.text, 'return phrase')));
            thread.onerror = () => resolve(secretOf(wasm, card, phrase)); // it could not be loaded
            if (signal?.aborted)
                stop();
            else
                thread.postMessage({ wasm, card, phrase });
        });
    } finally {
        thread.terminate();
    }
}
