// The JavaScript face against its header and against the real relay: node face.mjs ALL.wasm PAGE.wasm ZAGUAN-RELAY HEADER
//
// A worker in ALL.wasm answers. WebSocket is played by a TCP connection here; the browser's stands in page.mjs.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import * as zaguan from '../../client/web/zaguan.js';
import { Relay } from './relay.mjs';
import { Client as Worker, Core as WorkerCore, EVENT } from './wasm.mjs';

const [all, wasm, relayProgram, header] = process.argv.slice(2);

// --- the names are those of the header ---

function enumNames(text, type, prefix) {
    const body = text.match(new RegExp(`typedef enum ${type} \\{([^}]*)\\}`))[1].replace(/\/\*[^]*?\*\//g, '');
    return [...body.matchAll(/\bZG_([A-Z0-9_]+)/g)].map((m) => m[1].replace(prefix, '').toLowerCase());
}

const text = await readFile(header, 'utf8');
assert.deepEqual(zaguan.EVENTS, enumNames(text, 'zg_event_kind', 'EVENT_'));
assert.deepEqual(zaguan.CONVERSATION_STATES, enumNames(text, 'zg_conversation_state', 'CONVERSATION_'));
assert.deepEqual(Object.values(zaguan.MESSAGE_KINDS), enumNames(text, 'zg_message_kind', 'MESSAGE_'));
assert.deepEqual(zaguan.MESSAGE_STATES, enumNames(text, 'zg_message_state', 'MESSAGE_'));
assert.deepEqual(zaguan.SAFETY_STATES, enumNames(text, 'zg_safety_state', 'SAFETY_'));
assert.deepEqual(zaguan.FROM, enumNames(text, 'zg_lifetime_from', 'AFTER_'));
assert.deepEqual(enumNames(text, 'zg_io_kind', 'IO_'), ['connect', 'send', 'close']);

// --- a conversation ---

globalThis.WebSocket = class {
    static OPEN = 1;
    readyState = 0;
    constructor(url) {
        const { hostname, port } = new URL(url);
        this.socket = net.connect(Number(port), hostname);
        this.socket.on('connect', () => { this.readyState = 1; this.onopen(); });
        this.socket.on('data', (data) => this.onmessage({ data: new Uint8Array(data).buffer }));
        this.socket.on('error', () => {});
        this.socket.on('close', () => { this.readyState = 3; this.onclose(); });
    }
    send(data) { this.socket.write(data); }
    close() { this.readyState = 3; this.socket.destroy(); }
};

// A participant whose events can be waited for, and whose memory can be looked at.
class Participant {
    events = [];
    async open() {
        const bytes = await readFile(wasm), made = WebAssembly.instantiate;
        WebAssembly.instantiate = async (...args) => {
            const result = await made(...args);
            this.memory = (result.instance ?? result).exports.memory;
            return result;
        };
        this.client = await zaguan.Client.open({
            wasm: bytes, address: (host, port) => `ws://${host}:${port}/`, onevent: (e) => this.events.push(e),
        });
        WebAssembly.instantiate = made;
        return this;
    }
    async until(kind) {
        for (let i = 0; i < 400; i++) {
            const at = this.events.findIndex((e) => e.kind === kind);
            if (at >= 0)
                return this.events.splice(0, at + 1).pop();
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
        throw new Error(`no event ${kind}; there were ${JSON.stringify(this.events)}`);
    }
    remembers(words) { return Buffer.from(this.memory.buffer).includes(words); }
}

const relay = new Relay(relayProgram);
let she, worker;
try {
    await relay.start();
    worker = new Worker(await WorkerCore.load(all));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const card = worker.card();

    she = await new Participant().open();
    const { client } = she, fails = (code, call) => assert.throws(call, (e) => e instanceof zaguan.ZaguanError && e.code === code);
    client.checkCard(card);
    fails('truncated', () => client.checkCard(card.slice(0, -9)));
    fails('malformed', () => client.checkCard('zaguan:%'));
    fails('too_large', () => client.knock(card, 'x'.repeat(client.knockTextMax + 1)));
    fails('not_found', () => client.conversation('0123456789abcdef0123456789abcdef'));
    fails('not_found', () => client.conversation('no id'));

    // A look makes nothing, and the knock takes its place. Her own limit holds from before the first word.
    const look = client.look(card);
    assert.equal(client.conversation(look).state, 'looking');
    assert.equal(client.notice(look, 'es'), null);
    assert.equal((await she.until('looked')).conversation, look);
    assert.equal(client.notice(look, 'es').state, 'away');
    fails('state', () => client.send(look, 'x'));
    fails('truncated', () => client.look(card.slice(0, -9)));
    client.limit(look, 1800);

    const hers = client.knock(card, '¿Hay alguien? — je suis là', { lifetime: 3600, from: 'sent' });
    assert.equal(hers, look);
    assert.equal(client.conversation(hers).state, 'knocking');
    assert.equal((await she.until('knock_sent')).conversation, hers);
    assert.deepEqual(client.conversation(hers).words, []);
    assert.equal(client.notice(hers, 'es').state, 'away');
    const [own] = client.messages(hers);
    assert.equal(own.text, '¿Hay alguien? — je suis là');
    assert.ok(own.own && own.state === 'sent' && own.lifetime === 1800 && own.from === 'sent' && own.expires > Date.now());

    const knock = await worker.until(EVENT.KNOCK);
    worker.send(knock.conversation, 'Sí, estoy aquí.');
    const { message } = await she.until('message');
    assert.equal(client.message(hers, message).text, 'Sí, estoy aquí.');
    assert.equal(client.message(hers, message).state, 'received');
    client.read(hers, message);
    assert.equal(client.message(hers, message).state, 'read');
    assert.equal(client.conversation(hers).alias, 'Ana');

    // A picture, as far as anybody looks at it here: it is what begins like one.
    const picture = new Uint8Array(5000).fill(7);
    fails('malformed', () => client.sendData(hers, 'jpeg', picture));
    fails('argument', () => client.sendData(hers, 'text', picture));
    picture.set([0xff, 0xd8, 0xff]);
    fails('too_large', () => client.sendData(hers, 'jpeg', new Uint8Array(200000).fill(1, 0, 0).map((_, i) => picture[i] ?? 0)));
    const sent = client.sendData(hers, 'jpeg', picture);
    assert.equal(client.message(hers, sent).kind, 'jpeg');
    assert.equal(client.message(hers, sent).bytes, 5000);
    assert.equal(client.message(hers, sent).text, '');
    assert.deepEqual(client.data(hers, sent), picture);
    assert.equal(client.data(hers, message), null);
    await worker.until(EVENT.MESSAGE);

    client.send(hers, 'gracias');
    await worker.until(EVENT.MESSAGE);
    // A limit takes what was read or sent before it too, when its time is over, and nothing that was not read.
    fails('argument', () => client.limit(hers, 31 * 86400));
    fails('not_found', () => client.limit('0123456789abcdef0123456789abcdef', 1));
    worker.send(knock.conversation, 'sin leer');
    const unread = (await she.until('message')).message;
    client.limit(hers, 1);
    await new Promise((resolve) => { setTimeout(resolve, 1500); });
    client.wake();
    assert.deepEqual(client.messages(hers).map((m) => m.text), ['sin leer']);
    assert.ok(!she.remembers('estoy aqu'), 'what the limit took is still in memory');
    client.limit(hers, 0);
    client.read(hers, unread);
    assert.ok(client.message(hers, unread).expires > Date.now() + 3600000);

    const { words, safety } = client.conversation(hers, 'fr');
    assert.equal(safety, 'words');
    assert.equal(words.length, 4);
    client.safetyCompared(hers);
    assert.equal(client.conversation(hers).safety, 'compared');

    // Erased: gone here, and the worker reads that it ended.
    client.erase(hers);
    await she.until('erased');
    fails('not_found', () => client.conversation(hers));
    assert.ok(!she.remembers('estoy aqu'), 'erased words are still in memory');
    await worker.until(EVENT.ENDED);

    // A return phrase: on another device the conversation goes on, and here it closes.
    const kept = client.knock(card, 'vuelvo luego');
    fails('state', () => client.keep(kept, new Uint8Array(128)));
    await she.until('knock_sent');
    const phrase = client.newPhrase(), module = await WebAssembly.compile(await readFile(wasm));
    assert.match(phrase, /^[0-9]{20}$/);
    assert.notEqual(phrase, client.newPhrase());
    const lists = ['en', 'es', 'fr'].map((language) => client.words(language));
    for (const digits of [phrase, '0'.repeat(20), '73786976294838206463', client.newPhrase()]) {
        for (const list of lists)
            assert.equal(zaguan.phraseFromText(zaguan.phraseToWords(digits, list).join(' '), [list]), digits);
        assert.equal(zaguan.phraseFromText(digits.replace(/(.{3})/g, '$1- '), lists), digits);
    }
    const inFrench = zaguan.phraseToWords(phrase, lists[2]).join(' ').toUpperCase();
    assert.equal(zaguan.phraseFromText(inFrench, [lists[2], ...lists]), phrase);
    assert.throws(() => zaguan.phraseFromText('1 apple 2 apple', lists), (e) => e.code === 'truncated');
    assert.throws(() => zaguan.phraseFromText('9 apple 2 apple 3 apple 4 apple 5 apple 6 apple', lists), (e) => e.code === 'truncated');
    assert.throws(() => zaguan.phraseFromText('1 apple 2 xyz 3 apple 4 apple 5 apple 6 apple', lists), (e) => e.code === 'not_found' && e.word === 'xyz');
    const failsLater = (code, call) => assert.rejects(call, (e) => e instanceof zaguan.ZaguanError && e.code === code);
    await failsLater('truncated', () => zaguan.stretch({ wasm: module, card, phrase: phrase.slice(1) }));
    await failsLater('malformed', () => zaguan.stretch({ wasm: module, card, phrase: '9'.repeat(20) }));
    await failsLater('malformed', () => zaguan.stretch({ wasm: module, card, phrase: `${phrase.slice(1)}x` }));
    const secret = await zaguan.stretch({ wasm: module, card, phrase });
    assert.equal(secret.length, 128);
    client.keep(kept, secret);
    await she.until('locker_ready');
    const again = await worker.until(EVENT.KNOCK);
    worker.send(again.conversation, 'aquí sigo');
    await she.until('message');
    const other = await new Participant().open();
    try {
        const spaced = phrase.replace(/(.{5})/g, '$1 ');
        other.client.returnTo(card, await zaguan.stretch({ wasm: module, card, phrase: spaced }));
        const back = (await other.until('returned')).conversation;
        assert.deepEqual(other.client.messages(back).map((m) => m.text), ['vuelvo luego', 'aquí sigo']);
        await she.until('closed');
        fails('state', () => client.send(kept, 'x'));
        other.client.send(back, 'ya estoy');
        await worker.until(EVENT.MESSAGE);
        other.client.erase(back);
        await other.until('erased');
        other.client.returnTo(card, secret);
        assert.equal((await other.until('return_failed')).error, 'not_found');
    } finally {
        other.client.close();
    }
    client.close();
    she = await new Participant().open();

    // Closed: no byte of anything is left.
    const last = she.client, second = last.knock(card, 'palabras que no se quedan');
    await she.until('knock_sent');
    assert.ok(she.remembers('palabras que no'), 'the search finds nothing at all');
    last.close();
    assert.ok(new Uint8Array(she.memory.buffer).every((byte) => byte === 0), 'memory is not overwritten');
    fails('state', () => last.send(second, 'x'));
    last.close();
    console.log('the face has the names of the header; a conversation, an erase, and nothing left after close');
} finally {
    she?.client.close();
    worker?.close();
    relay.close();
}
