// The client core as WebAssembly, driven from node: the smallest driver that shows that the core needs nothing but bytes and time.
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { webcrypto } from 'node:crypto';
import { Core as WebCore } from '../../client/web/core.js';

globalThis.crypto ??= webcrypto; // the node of Debian 12

export const EVENT = {
    READY: 1, FAILED: 2, CONNECTED: 3, DISCONNECTED: 4, DESK_READY: 5, DESK_FAILED: 6, KNOCK: 7, KNOCK_SENT: 8,
    KNOCK_FAILED: 9, PUZZLE: 10, ACCEPTED: 11, MESSAGE: 12, SENT: 13, NOT_SENT: 14, EXPIRED: 15, SAFETY: 16,
    ENDED: 17, ERASED: 18, STORAGE: 19,
};
const IO_CONNECT = 1, IO_SEND = 2, IO_CLOSE = 3;

export class Core extends WebCore {
    static async load(path) { return new Core((await WebCore.load(readFile(path))).x); }
    string(s) {
        const raw = new TextEncoder().encode(s), at = this.alloc(raw.length + 1);
        this.bytes(at, raw.length).set(raw);
        return { at, len: raw.length };
    }
}

// connect: what makes a connection of a port and a host, with what a net.Socket has.
export class Client {
    constructor(core, connect = net.connect) {
        this.core = core;
        this.connect = connect;
        this.links = new Map();
        this.events = [];
        this.waiting = [];
        this.io = core.alloc(core.at.io);
        this.event = core.alloc(core.at.event);
        const options = core.alloc(core.at.client_options), out = core.alloc(4);
        core.view.setUint32(options + core.at['client_options.size'], core.at.client_options, true);
        core.check(core.x.zg_client_new(out, options, core.time()), 'zg_client_new');
        this.c = core.view.getUint32(out, true);
        this.timer = null;
        this.turn();
    }

    // Does what the core wants of the network, gathers its events, sets the timer.
    turn() {
        const { core, c } = this;
        while (core.x.zg_client_io(c, this.io)) this.#io();
        while (core.x.zg_client_event(c, this.event)) this.#event();
        clearTimeout(this.timer);
        const deadline = BigInt.asUintN(64, core.x.zg_client_deadline(c));
        if (deadline !== 0xffffffffffffffffn) {
            const delay = Math.max(0, Math.min(1000, Number(deadline) - performance.now()));
            this.timer = setTimeout(() => { core.x.zg_client_advance(c, core.time()); this.turn(); }, delay);
        }
        for (const wake of this.waiting.splice(0)) wake();
    }

    #io() {
        const { core } = this, v = core.view, f = (name) => v.getUint32(this.io + core.at['io.' + name], true);
        const link = f('link');
        if (f('kind') === IO_CONNECT) {
            const socket = this.connect(v.getUint16(this.io + core.at['io.port'], true), core.text(f('host')));
            this.links.set(link, socket);
            socket.on('connect', () => this.#tell('zg_client_link_opened', link));
            socket.on('data', (data) => this.#received(link, data));
            socket.on('error', () => {});
            socket.on('close', () => { if (this.links.delete(link)) this.#tell('zg_client_link_closed', link); });
        } else if (f('kind') === IO_SEND) {
            this.links.get(link)?.write(Buffer.from(core.bytes(f('data'), f('len'))));
        } else if (f('kind') === IO_CLOSE) {
            const socket = this.links.get(link);
            this.links.delete(link);
            socket?.destroy();
        }
    }

    #event() {
        const { core } = this, v = core.view, at = (name) => this.event + core.at['event.' + name];
        this.events.push({
            kind: v.getUint32(at('kind'), true), err: v.getUint32(at('err'), true),
            conversation: core.bytes(at('conversation'), 16).slice(), message: core.bytes(at('message'), 16).slice(),
        });
    }

    #tell(name, link) {
        if (!this.c) return;
        this.core.x[name](this.c, link, this.core.time());
        this.turn();
    }

    #received(link, data) {
        if (!this.c) return;
        const at = this.core.alloc(data.length);
        this.core.bytes(at, data.length).set(data);
        this.core.x.zg_client_link_received(this.c, link, at, data.length, this.core.time());
        this.core.x.free(at);
        this.turn();
    }

    // The next event of this kind; an event that says that something failed ends the wait.
    async until(kind, seconds = 20) {
        const end = Date.now() + seconds * 1000;
        for (;;) {
            while (this.events.length > 0) {
                const e = this.events.shift();
                if (e.kind === kind) return e;
                if ([EVENT.FAILED, EVENT.DESK_FAILED, EVENT.KNOCK_FAILED, EVENT.NOT_SENT].includes(e.kind))
                    this.core.check(e.err || 1, `event ${e.kind} while waiting for ${kind}`);
            }
            if (Date.now() > end) throw new Error(`no event ${kind} within ${seconds} s`);
            await new Promise((resolve) => { this.waiting.push(resolve); setTimeout(resolve, 200); });
        }
    }

    deskCreate(relay, voucher, alias) {
        const { core } = this, out = core.alloc(4), options = core.alloc(core.at.desk_options);
        core.check(core.x.zg_organisation_new(out, core.time()), 'zg_organisation_new');
        const organisation = core.view.getUint32(out, true);
        const set = (name, value) => core.view.setUint32(options + core.at['desk_options.' + name], value, true);
        set('size', core.at.desk_options);
        set('relay', core.string(relay).at);
        set('voucher', core.string(voucher).at);
        set('alias', core.string(alias).at);
        core.check(core.x.zg_client_desk_create(this.c, organisation, options, core.time()), 'zg_client_desk_create');
        core.x.zg_organisation_free(organisation);
        this.turn();
    }

    card() {
        const out = this.core.alloc(1024);
        this.core.check(this.core.x.zg_client_card(this.c, this.core.string('zaguan:').at, out, 1024), 'zg_client_card');
        return this.core.text(out);
    }

    knock(card, text) {
        const { core } = this, k = core.string(card), t = core.string(text), id = core.alloc(16);
        core.check(core.x.zg_client_knock(this.c, k.at, k.len, t.at, t.len, 0, id, core.time()), 'zg_client_knock');
        this.turn();
        return core.bytes(id, 16).slice();
    }

    #id(id) {
        const at = this.core.alloc(16);
        this.core.bytes(at, 16).set(id);
        return at;
    }

    send(conversation, text) {
        const { core } = this, t = core.string(text);
        core.check(core.x.zg_client_send(this.c, this.#id(conversation), t.at, t.len, 0, 0, core.time()), 'zg_client_send');
        this.turn();
    }

    message(conversation, message) {
        const { core } = this, out = core.alloc(core.at.message);
        core.check(core.x.zg_client_message(this.c, this.#id(conversation), this.#id(message), out), 'zg_client_message');
        return core.text(core.view.getUint32(out + core.at['message.text'], true));
    }

    conversation(id) {
        const { core } = this, out = core.alloc(core.at.conversation);
        core.check(core.x.zg_client_conversation(this.c, this.#id(id), out), 'zg_client_conversation');
        return {
            words: [...core.bytes(out + core.at['conversation.words'], 4)],
            alias: core.text(out + core.at['conversation.alias']),
        };
    }

    close() {
        clearTimeout(this.timer);
        for (const socket of this.links.values()) socket.destroy();
        this.links.clear();
        this.core.x.zg_client_free(this.c);
        this.c = 0;
    }
}
