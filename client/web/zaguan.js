// libzaguan in a browser: a participant's side of include/zaguan/client.h, over WebSocket. See zaguan.d.ts.
//
// Everything is in the memory of one WebAssembly instance, which close() overwrites. Strings that JavaScript made of it
// cannot be overwritten; the less a program keeps of them, the better.
import { Core, ZaguanError } from './core.js';

export { phraseFromText, phraseToWords } from './phrase.js';
export { stretch } from './stretch.js';
export { ZaguanError };

// In the order of the enums of include/zaguan/client.h, from 1 on (safety and from: 0).
export const EVENTS = [
    'ready', 'failed', 'connected', 'disconnected', 'desk_ready', 'desk_failed', 'knock', 'knock_sent', 'knock_failed',
    'puzzle', 'accepted', 'message', 'sent', 'not_sent', 'expired', 'safety', 'ended', 'erased', 'storage', 'displaced',
    'expired_unread', 'relay_went_back', 'locker_ready', 'locker_lost', 'returned', 'return_failed', 'closed', 'looked',
];
export const CONVERSATION_STATES = ['knocking', 'waiting', 'open', 'ended', 'erasing', 'looking'];
export const MESSAGE_STATES = ['received', 'read', 'waiting', 'sent', 'not_sent', 'expired_unread'];
export const MESSAGE_KINDS = { 1: 'text', 3: 'jpeg', 4: 'voice_webm', 5: 'voice_mp4' };
export const NOTICE_STATES = ['on_duty', 'away', 'ended'];
export const SAFETY_STATES = ['none', 'words', 'compared', 'mismatch'];
export const FROM = ['sent', 'read'];
const IO_CONNECT = 1, IO_SEND = 2, IO_CLOSE = 3;
const PHRASE_DIGITS = 20;

const NEVER = 0xffffffffffffffffn;
const SLEEP_MAX_MS = 60000; // clocks may jump, and timers may be late

const nameOf = (names, value, first = 1) => names[value - first] ?? 'unknown';
const ownAddress = (host, port) => `${host.endsWith('.onion') ? 'ws' : 'wss'}://${host.includes(':') ? `[${host}]` : host}:${port}/zaguan`;

export class Client {
    #core;
    #c;
    #links = new Map();
    #timer;
    #address;
    #onevent;
    #turning = false;
    #io;
    #event;

    static async open({ wasm, address = ownAddress, onevent = () => {} }) {
        const client = new Client(await Core.load(wasm), address);
        client.#onevent = onevent; // the memory is ready at once, and nobody needs to be told
        return client;
    }

    constructor(core, address) {
        this.#core = core;
        this.#address = address;
        this.#onevent = () => {};
        this.#io = core.alloc(core.at.io);
        this.#event = core.alloc(core.at.event);
        core.withRoom(core.at.client_options, (options) => core.withRoom(4, (out) => {
            core.view.setUint32(options + core.at['client_options.size'], core.at.client_options, true);
            core.check(core.x.zg_client_new(out, options, core.time()), 'open');
            this.#c = core.u32(out);
        }));
        this.#turn();
    }

    get closed() { return !this.#c; }

    // --- a participant ---

    checkCard(card) {
        const core = this.#open();
        core.withText(card, (at, len) => core.check(core.x.zg_card_check(at, len), 'card'));
    }

    get knockTextMax() { return this.#open().x.zg_knock_text_max(); }

    look(card) {
        const core = this.#open();
        return this.#act((out) => core.withText(card, (at, len) =>
            core.check(core.x.zg_client_look(this.#c, at, len, out, core.time()), 'look')));
    }

    knock(card, text, options) {
        const core = this.#open();
        return this.#act((out) => core.withText(card, (k, kLen) => this.#withSend(text, options, (t, tLen, o) =>
            core.check(core.x.zg_client_knock(this.#c, k, kLen, t, tLen, o, out, core.time()), 'knock'))));
    }

    send(conversation, text, options) {
        const core = this.#open();
        return this.#act((out) => core.withId(conversation, (id) => this.#withSend(text, options, (t, len, o) =>
            core.check(core.x.zg_client_send(this.#c, id, t, len, o, out, core.time()), 'send'))));
    }

    sendData(conversation, kind, data, options) {
        const core = this.#open(), number = Object.keys(MESSAGE_KINDS).find((key) => MESSAGE_KINDS[key] === kind);
        return this.#act((out) => core.withId(conversation, (id) => core.withBytes(data, (at, len) => this.#withOptions(options, (o) =>
            core.check(core.x.zg_client_send_data(this.#c, id, Number(number ?? 0), at, len, o, out, core.time()), 'send')))));
    }

    read(conversation, message) {
        const core = this.#open();
        this.#act(() => core.withId(conversation, (id) => core.withId(message, (m) =>
            core.check(core.x.zg_client_read(this.#c, id, m, core.time()), 'read'))));
    }

    limit(conversation, seconds) {
        const core = this.#open();
        this.#act(() => core.withId(conversation, (id) =>
            core.check(core.x.zg_client_limit(this.#c, id, seconds, core.time()), 'limit')));
    }

    safetyCompared(conversation) {
        const core = this.#open();
        this.#act(() => core.withId(conversation, (id) =>
            core.check(core.x.zg_client_safety_compared(this.#c, id, core.time()), 'safety words')));
    }

    erase(conversation) {
        const core = this.#open();
        this.#act(() => core.withId(conversation, (id) =>
            core.check(core.x.zg_client_erase(this.#c, id, core.time()), 'erase')));
    }

    // --- coming back ---

    newPhrase() {
        const core = this.#open();
        return core.withRoom(PHRASE_DIGITS + 1, (at) => {
            core.x.zg_phrase_new(at);
            return core.text(at);
        });
    }

    // The 256 words that safety words and phrases are made of.
    words(language) {
        this.#open();
        return Array.from({ length: 256 }, (_, index) => this.#word(language, index));
    }

    keep(conversation, secret) {
        const core = this.#open();
        this.#act(() => core.withId(conversation, (id) => core.withBytes(secret, (at) =>
            core.check(core.x.zg_client_locker_new(this.#c, id, at, core.time()), 'return phrase'))));
    }

    returnTo(card, secret) {
        const core = this.#open();
        this.#act(() => core.withText(card, (k, len) => core.withBytes(secret, (at) =>
            core.check(core.x.zg_client_return(this.#c, k, len, at, core.time()), 'return'))));
    }

    // --- looking ---

    conversation(conversation, language = 'en') {
        const core = this.#open(), { at } = core;
        return this.#look(conversation, at.conversation, (id, out) => {
            core.check(core.x.zg_client_conversation(this.#c, id, out), 'conversation');
            const safety = nameOf(SAFETY_STATES, core.u32(out + at['conversation.safety']), 0);
            const words = safety === 'words' || safety === 'compared'
                ? Array.from(core.bytes(out + at['conversation.words'], 4), (word) => this.#word(language, word)) : [];
            return {
                state: nameOf(CONVERSATION_STATES, core.u32(out + at['conversation.state'])),
                alias: core.text(out + at['conversation.alias']), safety, words,
            };
        });
    }

    messages(conversation) {
        const core = this.#open(), all = [];
        this.#look(conversation, core.at.message, (id, out) => {
            for (let i = 0; core.x.zg_client_message_at(this.#c, id, i, out); i++)
                all.push(this.#message(out));
        });
        return all;
    }

    message(conversation, message) {
        const core = this.#open();
        return this.#look(conversation, core.at.message, (id, out) => core.withId(message, (m) => {
            core.check(core.x.zg_client_message(this.#c, id, m, out), 'message');
            return this.#message(out);
        }));
    }

    // A copy: overwrite it after use.
    data(conversation, message) {
        const core = this.#open(), { at } = core;
        return this.#look(conversation, at.message, (id, out) => core.withId(message, (m) => {
            core.check(core.x.zg_client_message(this.#c, id, m, out), 'message');
            const data = core.u32(out + at['message.data']);
            return data === 0 ? null : core.bytes(data, core.u32(out + at['message.data_len'])).slice();
        }));
    }

    notice(conversation, language = 'en') {
        const core = this.#open(), { at } = core;
        return this.#look(conversation, at.notice, (id, out) => core.withText(language, (tag) => {
            if (core.x.zg_client_notice(this.#c, id, tag, out) !== 0)
                return null;
            return {
                state: nameOf(NOTICE_STATES, core.u32(out + at['notice.state'])),
                written: core.u64(out + at['notice.written']) * 1000,
                text: core.text(core.u32(out + at['notice.text'])),
            };
        }));
    }

    // --- network and end ---

    network(available) {
        const core = this.#open();
        core.x.zg_client_network(this.#c, available, core.time());
        this.#turn();
    }

    // Asks for what is due, after the device slept.
    wake() {
        const core = this.#open();
        core.x.zg_client_advance(this.#c, core.time());
        this.#turn();
    }

    close() {
        if (this.closed)
            return;
        clearTimeout(this.#timer);
        const core = this.#core, c = this.#c;
        this.#c = 0;
        this.#core = null;
        this.#onevent = () => {};
        try {
            core.x.zg_client_free(c);
        } catch {
            // a module that trapped is overwritten all the same
        }
        core.wipe();
        for (const socket of this.#links.values())
            socket.close();
        this.#links.clear();
    }

    #open() {
        if (this.closed)
            throw new ZaguanError('state', 'this cannot be done now', 'closed');
        return this.#core;
    }

    // --- the driver ---

    // Does what the library wants of the network, tells what happened, sets the timer. What a handler of events
    // does inside is done by the round that called it.
    #turn() {
        if (this.#turning)
            return;
        this.#turning = true;
        try {
            for (let again = true; again && this.#c;) {
                again = false;
                while (this.#c && this.#core.x.zg_client_io(this.#c, this.#io))
                    this.#doIo();
                while (this.#c && this.#core.x.zg_client_event(this.#c, this.#event)) {
                    again = true;
                    this.#tell();
                }
            }
        } finally {
            this.#turning = false;
        }
        this.#sleep();
    }

    #sleep() {
        clearTimeout(this.#timer);
        if (!this.#c)
            return;
        const deadline = BigInt.asUintN(64, this.#core.x.zg_client_deadline(this.#c));
        if (deadline === NEVER)
            return;
        const wait = Math.max(0, Math.min(SLEEP_MAX_MS, Number(deadline) - performance.now()));
        this.#timer = setTimeout(() => this.wake(), Math.ceil(wait));
    }

    #doIo() {
        const core = this.#core, { at } = core, io = this.#io, link = core.u32(io + at['io.link']);
        switch (core.u32(io + at['io.kind'])) {
        case IO_CONNECT:
            this.#connect(link, core.text(core.u32(io + at['io.host'])), core.view.getUint16(io + at['io.port'], true));
            break;
        case IO_SEND: {
            const socket = this.#links.get(link);
            if (socket?.readyState === WebSocket.OPEN)
                socket.send(core.bytes(core.u32(io + at['io.data']), core.u32(io + at['io.len'])).slice());
            break;
        }
        case IO_CLOSE:
            this.#links.get(link)?.close();
            this.#links.delete(link);
            break;
        }
    }

    #connect(link, host, port) {
        let socket;
        try {
            socket = new WebSocket(this.#address(host, port));
        } catch {
            queueMicrotask(() => this.#linkClosed(link)); // an address that this page may not open
            return;
        }
        socket.binaryType = 'arraybuffer';
        this.#links.set(link, socket);
        socket.onopen = () => this.#linkOpened(link);
        socket.onmessage = (e) => this.#linkReceived(link, e.data);
        // What a policy forbids has an error and, in Chromium, no close.
        socket.onclose = socket.onerror = () => { if (this.#links.delete(link)) this.#linkClosed(link); };
    }

    #linkOpened(link) {
        if (!this.#c)
            return;
        this.#core.x.zg_client_link_opened(this.#c, link, this.#core.time());
        this.#turn();
    }

    #linkReceived(link, data) {
        if (!this.#c || !(data instanceof ArrayBuffer) || !this.#links.has(link))
            return;
        const core = this.#core;
        core.withRoom(data.byteLength, (at) => {
            core.bytes(at, data.byteLength).set(new Uint8Array(data));
            core.x.zg_client_link_received(this.#c, link, at, data.byteLength, core.time());
        });
        this.#turn();
    }

    #linkClosed(link) {
        if (!this.#c)
            return;
        this.#core.x.zg_client_link_closed(this.#c, link, this.#core.time());
        this.#turn();
    }

    // --- values ---

    #tell() {
        const core = this.#core, { at } = core, e = this.#event, err = core.u32(e + at['event.err']);
        const event = {
            kind: nameOf(EVENTS, core.u32(e + at['event.kind'])),
            error: err === 0 ? null : core.code(err),
            conversation: core.id(e + at['event.conversation']),
            message: core.id(e + at['event.message']),
            value: core.u32(e + at['event.value']),
        };
        try {
            this.#onevent(event);
        } catch (error) {
            queueMicrotask(() => { throw error; }); // the program's mistake; the conversation goes on
        }
    }

    // Calls use(out) with room for an id; answers what stands there then.
    #act(use) {
        const core = this.#core;
        const id = core.withRoom(16, (out) => {
            use(out);
            return core.id(out);
        });
        this.#turn();
        return id;
    }

    #look(conversation, size, use) {
        const core = this.#core;
        return core.withId(conversation, (id) => core.withRoom(size, (out) => use(id, out)));
    }

    #withSend(text, options, use) {
        return this.#core.withText(text, (t, len) => this.#withOptions(options, (o) => use(t, len, o)));
    }

    #withOptions({ lifetime = 0, from = 'read' } = {}, use) {
        const core = this.#core, { at } = core;
        return core.withRoom(at.send_options, (o) => {
            core.view.setUint32(o + at['send_options.size'], at.send_options, true);
            core.view.setUint32(o + at['send_options.lifetime'], lifetime, true);
            core.view.setUint32(o + at['send_options.from'], FROM.indexOf(from), true);
            return use(o);
        });
    }

    #word(language, index) {
        const core = this.#core;
        return core.withText(language, (tag) => core.text(core.x.zg_safety_word(tag, index)));
    }

    #message(m) {
        const core = this.#core, { at } = core, u32 = (name) => core.u32(m + at[`message.${name}`]);
        return {
            id: core.id(m + at['message.id']),
            kind: MESSAGE_KINDS[u32('kind')] ?? 'unknown',
            bytes: u32('data_len'),
            own: core.u8(m + at['message.own']) !== 0,
            newerVersion: core.u8(m + at['message.newer_version']) !== 0,
            state: nameOf(MESSAGE_STATES, u32('state')),
            text: core.text(u32('text'), u32('text_len')),
            sent: core.u64(m + at['message.sent']),
            lifetime: u32('lifetime'),
            from: nameOf(FROM, u32('from'), 0),
            expires: core.u64(m + at['message.expires']),
        };
    }
}
