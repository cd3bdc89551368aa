// The worker of stretch.js: one question, one answer.
import { secretOf } from './secret.js';

onmessage = async ({ data }) => {
    try {
        const secret = await secretOf(data.wasm, data.card, data.phrase);
        postMessage({ secret }, [secret.buffer]);
    } catch (error) {
        postMessage({ code: error.code ?? 'memory', text: error.message });
    }
};
