// A page that is one file (build-page --single): what the page would fetch lies in the document, as base64. This runs
// before the page's own scripts, which know nothing of it.

const TYPES = { json: 'application/json', wasm: 'application/wasm' };

function carried(url) {
    const name = String(url).replace(/^\.\//, ''), block = document.querySelector(`script[data-file="${CSS.escape(name)}"]`);
    if (block === null)
        throw new TypeError(`${name} is not in this file`);
    return { name, bytes: Uint8Array.from(atob(block.textContent), (character) => character.charCodeAt(0)) };
}

globalThis.fetch = async (url) => {
    const { name, bytes } = carried(url);
    return new Response(bytes, { headers: { 'Content-Type': TYPES[name.split('.').pop()] ?? 'text/plain' } });
};

// A worker has its own globals, so it is given what it needs by messages. It is one script: bundled, not a module.
globalThis.Worker = class extends Worker {
    constructor(url) {
        const code = URL.createObjectURL(new Blob([carried(url).bytes], { type: 'text/javascript' }));
        super(code);
        URL.revokeObjectURL(code);
    }
};
