// The library's WebAssembly and its memory: what an imported function needs, and how values go in and out.

// Where fields lie, in the order of client/web/layout.c.
export const FIELDS = [
    'io', 'io.kind', 'io.link', 'io.host', 'io.port', 'io.data', 'io.len',
    'event', 'event.kind', 'event.err', 'event.conversation', 'event.message', 'event.value',
    'message', 'message.id', 'message.own', 'message.newer_version', 'message.state', 'message.text', 'message.text_len',
    'message.sent', 'message.lifetime', 'message.from', 'message.expires',
    'conversation', 'conversation.state', 'conversation.safety', 'conversation.words', 'conversation.alias',
    'notice', 'notice.state', 'notice.written', 'notice.text',
    'send_options', 'send_options.size', 'send_options.lifetime', 'send_options.from',
    'client_options', 'client_options.size',
    'desk_options', 'desk_options.size', 'desk_options.relay', 'desk_options.voucher', 'desk_options.alias',
    'now',
];

const ID_BYTES = 16;
const RANDOM_BYTES_MAX = 65536; // of one crypto.getRandomValues
const WASI_BADF = 8, WASI_NOSYS = 52;

/** An error of libzaguan; `code` is its name without prefix, as in zaguan/err.h: "too_large". */
export class ZaguanError extends Error {
    constructor(code, text, what) {
        super(`${what}: ${text}`);
        this.name = 'ZaguanError';
        this.code = code;
    }
}

// Of WASI the library needs randomness. There are no files, no arguments and no environment.
function imports(memory) {
    const badf = () => WASI_BADF, nosys = () => WASI_NOSYS;
    const random = (at, len) => {
        for (let done = 0; done < len; done += RANDOM_BYTES_MAX)
            crypto.getRandomValues(new Uint8Array(memory(), at + done, Math.min(RANDOM_BYTES_MAX, len - done)));
        return 0;
    };
    return {
        wasi_snapshot_preview1: {
            random_get: random, poll_oneoff: nosys, fd_write: badf, fd_seek: badf, fd_close: badf,
            fd_fdstat_get: badf, proc_exit: () => { throw new Error('zaguan: the module ended itself'); },
        },
    };
}

async function instantiate(source, needs) {
    if (source instanceof WebAssembly.Module)
        return WebAssembly.instantiate(source, needs);
    const from = await source;
    if (from instanceof WebAssembly.Module)
        return WebAssembly.instantiate(from, needs);
    const bytes = from instanceof Response ? await body(from) : from;
    return (await WebAssembly.instantiate(bytes, needs)).instance;
}

async function body(response) {
    if (!response.ok)
        throw new TypeError(`zaguan.wasm: HTTP status ${response.status}`);
    return response.arrayBuffer();
}

export class Core {
    /** source: bytes, a compiled module or a Response with them, or a promise of one of these. */
    static async load(source) {
        let exports;
        const instance = await instantiate(source, imports(() => exports.memory.buffer));
        exports = instance.exports;
        exports._initialize?.();
        return new Core(exports);
    }

    constructor(exports) {
        this.x = exports;
        const at = exports.zg_web_layout(), count = exports.zg_web_layout_count();
        if (count !== FIELDS.length)
            throw new Error(`the layout has ${count} entries, this file knows ${FIELDS.length}`);
        this.at = Object.fromEntries(FIELDS.map((name, i) => [name, this.u32(at + 4 * i)]));
        this.now = exports.malloc(this.at.now);
    }

    // Memory may have grown since, so views are made anew.
    get view() { return new DataView(this.x.memory.buffer); }
    bytes(at, len) { return new Uint8Array(this.x.memory.buffer, at, len); }
    u8(at) { return this.bytes(at, 1)[0]; }
    u32(at) { return this.view.getUint32(at, true); }
    u64(at) { return Number(this.view.getBigUint64(at, true)); }

    // Zeros.
    alloc(len) {
        const at = this.x.malloc(len);
        if (at === 0)
            throw new ZaguanError('memory', 'out of memory', 'zaguan');
        this.bytes(at, len).fill(0);
        return at;
    }

    free(at, len) {
        this.bytes(at, len).fill(0);
        this.x.free(at);
    }

    // Calls use(at, len) with the text and a zero behind it; nothing of it stays.
    withText(text, use) {
        const raw = new TextEncoder().encode(text), at = this.alloc(raw.length + 1);
        this.bytes(at, raw.length).set(raw);
        try {
            return use(at, raw.length);
        } finally {
            raw.fill(0);
            this.free(at, raw.length + 1);
        }
    }

    // Calls use(at, len) with these bytes; nothing of them stays.
    withBytes(bytes, use) {
        return this.withRoom(bytes.length, (at) => {
            this.bytes(at, bytes.length).set(bytes);
            return use(at, bytes.length);
        });
    }

    // Calls use(at) with so many zeros.
    withRoom(len, use) {
        const at = this.alloc(len);
        try {
            return use(at);
        } finally {
            this.free(at, len);
        }
    }

    // Calls use(at) with an id that was given as hexadecimal digits.
    withId(hex, use) {
        return this.withRoom(ID_BYTES, (at) => {
            if (!/^[0-9a-f]{32}$/.test(hex))
                throw new ZaguanError('not_found', 'no such thing', 'zaguan');
            this.bytes(at, ID_BYTES).set(hex.match(/../g).map((digits) => parseInt(digits, 16)));
            return use(at);
        });
    }

    // '' for zeros.
    id(at) {
        const hex = Array.from(this.bytes(at, ID_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
        return /[1-9a-f]/.test(hex) ? hex : '';
    }

    // UTF-8, len bytes or up to a zero.
    text(at, len) {
        const all = new Uint8Array(this.x.memory.buffer);
        return new TextDecoder().decode(all.subarray(at, len === undefined ? all.indexOf(0, at) : at + len));
    }

    // zg_now of this moment.
    time() {
        this.view.setBigUint64(this.now, BigInt(Math.floor(performance.now())), true);
        this.view.setBigUint64(this.now + 8, BigInt(Date.now()), true);
        return this.now;
    }

    code(err) { return this.text(this.x.zg_err_name(err)); }

    check(err, what) {
        if (err !== 0)
            throw new ZaguanError(this.code(err), this.text(this.x.zg_err_text(err)), what);
    }

    // Overwrites everything that the library ever had in memory. Nothing can be called afterwards.
    wipe() {
        new Uint8Array(this.x.memory.buffer).fill(0);
        this.x = null;
    }
}
