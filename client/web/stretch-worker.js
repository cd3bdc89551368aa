// The worker of stretch.js: one question, one answer.
import { stretchHere } from './stretch.js';

onmessage = async ({ data }) => {
    try {
        const secret = await stretchHere(data.wasm, data.card, data.phrase);
        postMessage({ secret }, [secret.buffer]);
    } catch (error) {
        postMessage({ code: error.code ?? 'memory', text: error.message });
    }
};
