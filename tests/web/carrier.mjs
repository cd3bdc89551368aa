// HTTP and WebSocket at the real relay, with clients that do it right and clients that do not: node carrier.mjs ZAGUAN.wasm ZAGUAN-RELAY
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { Connection, ask, get } from './http.mjs';
import { Relay } from './relay.mjs';
import { BINARY, CLOSE, CONTINUE, PING, PONG, TEXT, Socket, frame } from './socket.mjs';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram] = process.argv.slice(2);
const page = mkdtempSync(join(tmpdir(), 'zaguan-page-'));
const files = {
    'index.html': '<!doctype html><title>.</title>', 'app.js': 'export {};\n'.repeat(2000), 'es/index.html': '<p>es</p>',
    'zaguan.wasm': Buffer.from([0, 97, 115, 109]), '.hidden': 'hidden', 'large.txt': Buffer.alloc(4 << 20, 'x'),
};
mkdirSync(join(page, 'es'));
for (const [name, text] of Object.entries(files))
    writeFileSync(join(page, name), text);
writeFileSync(join(page, 'app.js.br'), brotliCompressSync(files['app.js']));
writeFileSync(join(page, 'app.js.gz'), gzipSync(files['app.js']));
const WEB = `[web]\nlisten-web = 127.0.0.1:0 127.0.0.1:0\npage = ${page}\nweb-address = relay.example.org abcd.onion:80\n`;
const relay = new Relay(relayProgram, WEB);
const few = new Relay(relayProgram, '[web]\nlisten-web = 127.0.0.1:0\n[limits]\nconnections = 10\n');

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const until = async (what) => { for (let i = 0; i < 300 && !what(); i++) await sleep(10); };
const within = (seconds, what, promise) => Promise.race([promise, sleep(seconds * 1000).then(() => { throw new Error(`${what}: nothing within ${seconds} s`); })]);

// --- files ---

const STRICT = {
    'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY',
    'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
};

function strict(answer) {
    for (const [name, value] of Object.entries(STRICT))
        assert.equal(answer.fields[name], value, `${answer.line}: ${name}`);
    const policy = answer.fields['content-security-policy'];
    assert.match(policy, /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/);
    assert.match(policy, /; frame-ancestors 'none'$/);
    assert.match(policy, /; connect-src 'self' wss:\/\/relay\.example\.org wss:\/\/abcd\.onion:80 ws:\/\/abcd\.onion:80;/);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|\*|data:/);
    assert.match(answer.fields['permissions-policy'], /geolocation=\(\)/);
    for (const name of ['server', 'date', 'set-cookie', 'etag', 'last-modified', 'x-powered-by'])
        assert.equal(answer.fields[name], undefined, name);
    return answer;
}

const fetch = async (path, fields, method) => strict(await ask(relay.webPort, get(path, fields, method), { head: method === 'HEAD' }));

async function filesAreServed() {
    const index = await fetch('/');
    assert.equal(index.status, 200);
    assert.equal(index.body.toString(), files['index.html']);
    assert.equal(index.fields['content-type'], 'text/html; charset=utf-8');
    assert.equal((await fetch('/index.html?x=/../y')).body.toString(), files['index.html']);
    assert.equal((await fetch('/es/')).body.toString(), files['es/index.html']);
    assert.equal((await fetch('/zaguan.wasm')).fields['content-type'], 'application/wasm');
    assert.equal((await fetch('/large.txt')).body.length, 4 << 20);

    const encoded = async (accepted) => {
        const a = await fetch('/app.js', accepted === null ? '' : `Accept-Encoding: ${accepted}\r\n`);
        assert.equal(a.fields.vary, 'Accept-Encoding');
        const how = a.fields['content-encoding'], open = { br: brotliDecompressSync, gzip: gunzipSync }[how] ?? ((b) => b);
        assert.equal(open(a.body).toString(), files['app.js']);
        return how;
    };
    assert.equal(await encoded(null), undefined);
    assert.equal(await encoded('gzip, deflate, br, zstd'), 'br');
    assert.equal(await encoded('gzip;q=1.0, br;q=0'), 'gzip');
    assert.equal(await encoded('br ; q=0.000, gzip;q=0'), undefined);
    assert.equal(await encoded('identity, brx'), undefined);

    const head = await fetch('/app.js', 'Accept-Encoding: br\r\n', 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(Number(head.fields['content-length']), brotliCompressSync(files['app.js']).length);
}

async function nothingElseIsServed() {
    const neutral = await fetch('/nothing');
    assert.equal(neutral.status, 404);
    for (const path of ['/../relay.key', '/es/../../relay.key', '/%2e%2e/relay.key', '//index.html', '/index.html/', '/es', '/.hidden',
        '/app.js.br', '/es/%2e', '/\\..\\relay.key', '*', '/index.html%00', '/zaguan', `/${'a'.repeat(3000)}`]) {
        const a = await fetch(path);
        assert.equal(a.status, 404, path);
        assert.deepEqual([a.body, a.fields], [neutral.body, neutral.fields], path);
    }
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
        const a = await fetch('/', '', method);
        assert.equal(a.status, 405, method);
        assert.equal(a.fields.allow, 'GET, HEAD');
    }
}

async function whatIsNoRequestIsRefused() {
    const bad = {
        'no host': 'GET / HTTP/1.1\r\n\r\n', 'two hosts': get('/', 'Host: other\r\n'), 'a body': get('/', 'Content-Length: 3\r\n'),
        'chunks': get('/', 'Transfer-Encoding: chunked\r\n'), 'both': get('/', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'),
        'a bare LF': 'GET / HTTP/1.1\nHost: a\n\r\n\r\n', 'a bare CR': get('/', 'A: b\rC: d\r\n'), 'a zero byte': get('/', 'A: \0\r\n'),
        'a folded line': get('/', 'A: b\r\n c\r\n'), 'another version': 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 'a path without a slash': get('index.html'), 'words': 'hello\r\n\r\n',
        'a space before the colon': get('/', 'Host : a\r\n'), 'TLS': Buffer.concat([Buffer.from([22, 3, 1, 0, 5]), Buffer.from('\r\n\r\n')]),
    };
    for (const [what, request] of Object.entries(bad)) {
        const c = new Connection(relay.webPort);
        const a = await within(3, what, c.send(request).answer());
        assert.equal(strict(a).status, 400, what);
        await within(3, `${what}: the end`, c.ended);
    }
    const many = new Connection(relay.webPort);
    many.send('GET / HTTP/1.1\r\nHost: a\r\nA: '.padEnd(8192, 'a'));
    assert.equal(strict(await within(3, 'too much', many.answer())).status, 431);
    await many.ended;
}

async function connectionsAreKept() {
    const c = new Connection(relay.webPort);
    for (const path of ['/', '/app.js', '/nothing', '/es/'])
        assert.equal((await c.send(get(path)).answer()).status, path === '/nothing' ? 404 : 200);
    const slowly = get('/');
    for (const byte of slowly) {
        c.send(byte);
        await sleep(1);
    }
    assert.equal((await c.answer()).status, 200);
    assert.equal((await c.send(get('/', 'Connection: close\r\n')).answer()).fields.connection, 'close');
    await within(2, 'close', c.ended);
    const two = new Connection(relay.webPort);
    assert.equal((await two.send(get('/') + get('/')).answer()).status, 200);
    assert.equal(await two.answer(), null); // nobody does that
    const old = new Connection(relay.webPort);
    assert.equal((await old.send('GET / HTTP/1.0\r\n\r\n').answer()).status, 200);
    await within(2, 'HTTP/1.0', old.ended);
}

// Begun at the start and looked at in the end, as they take ten seconds.
function silence() {
    const began = Date.now(), ends = {};
    const half = new Connection(relay.webPort).send('GET / HTTP/1.1\r\nHost: ');
    const trickle = setInterval(() => half.send('a'), 1000);
    const none = new Connection(relay.webPort), idle = new Connection(relay.webPort).send(get('/'));
    const unspoken = new Socket(relay.webPort, '127.0.0.1');
    const end = (name, promise) => promise.then(() => { ends[name] = Date.now() - began; });
    const all = [end('half', half.ended), end('none', none.ended), end('idle', idle.ended),
        end('unspoken', new Promise((resolve) => { unspoken.on('close', resolve); }))];
    return async () => {
        await within(15, `silent connections, ${JSON.stringify(ends)}`, Promise.all(all));
        clearInterval(trickle);
        for (const [name, ms] of Object.entries(ends))
            assert.ok(ms > 9000 && ms < 13000, `${name}: ${ms} ms`);
    };
}

// --- WebSocket ---

async function open(options) {
    const s = new Socket(relay.webPort, '127.0.0.1', options);
    s.frames = [];
    s.on('frame', (f) => { s.frames.push(f); });
    s.ended = new Promise((resolve) => { s.on('close', resolve); });
    await Promise.race([new Promise((resolve) => { s.on('connect', resolve); }), s.ended]);
    return s;
}

async function onlyWellMadeRequestsOpen() {
    const good = 'Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    const status = async (path, fields, method) => (await ask(relay.webPort, get(path, fields, method), { head: true })).status;
    const a = await ask(relay.webPort, get('/zaguan', good), { head: true });
    assert.equal(a.status, 101);
    assert.equal(a.fields['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='); // RFC 6455, section 1.3
    assert.equal(a.fields['sec-websocket-extensions'], undefined);
    assert.equal(await status('/zaguan', good.replace('keep-alive, Upgrade', 'keep-alive')), 404);
    assert.equal(await status('/zaguan', good.replace(': websocket', ': h2c')), 404);
    assert.equal(await status('/zaguan', good.replace('13', '8')), 404);
    assert.equal(await status('/zaguan', good.replace('dGhl', 'dGh')), 404);
    assert.equal(await status('/zaguan', good.replace('dGhl', '!!!!')), 404);
    assert.equal(await status('/zaguan', `${good}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`), 404);
    assert.equal(await status('/nothing', good), 404);
    assert.equal((await ask(relay.webPort, `${get('/zaguan', good)}early`)).status, 404); // nobody may send before the answer
    assert.equal(await status('/', good), 200);
    assert.equal(await status('/zaguan', good, 'POST'), 405);
    assert.equal(await status('/zaguan', `${good}Origin: https://elsewhere.example\r\nX-Forwarded-For: 10.0.0.1\r\n`), 101);
}

async function framesAreHeldToTheRules() {
    const bytes = Buffer.alloc(20, 7);
    const ends = {
        'not masked': [1002, frame(BINARY, bytes, { masked: false })],
        'text': [1003, frame(TEXT, bytes)],
        'a reserved bit': [1002, frame(BINARY, bytes, { rsv: 4 })],
        'a reserved kind': [1002, frame(3, bytes)],
        'a reserved control': [1002, frame(11, bytes)],
        'a continuation of nothing': [1002, frame(CONTINUE, bytes)],
        'a message in a message': [1002, Buffer.concat([frame(BINARY, [4], { fin: false }), frame(BINARY, [224])])],
        // Their beginnings only: whoever goes on sending after the close may lose it, as TCP is.
        'a message that is too long': [1009, frame(BINARY, Buffer.alloc((1 << 20) + 1), { length: 8 }).subarray(0, 99)],
        'fragments that are too long': [1009, Buffer.concat([frame(BINARY, [4], { fin: false }),
            frame(CONTINUE, Buffer.alloc(1 << 20), { length: 8 }).subarray(0, 99)])],
        'a length in more bytes than it needs': [1002, frame(BINARY, bytes, { length: 8 })],
        'a ping in pieces': [1002, frame(PING, bytes, { fin: false })],
        'a ping that is too long': [1002, frame(PING, Buffer.alloc(126))],
        'a close': [1000, frame(CLOSE, [3, 232])],
        'a close that goes away': [1001, frame(CLOSE, [3, 233, 98, 121, 101])],
        'a close of its own': [4000, frame(CLOSE, [15, 160])],
        'a close without a word': [1000, frame(CLOSE, [])],
        'a close of one byte': [1002, frame(CLOSE, [3])],
        'a close with a code that nobody sends': [1002, frame(CLOSE, [3, 237])],
        'what is no hello': [1000, frame(BINARY, bytes)],
    };
    await Promise.all(Object.entries(ends).map(async ([what, [code, data]]) => {
        const s = await open();
        s.raw.write(data);
        await within(3, what, s.ended);
        assert.deepEqual([s.code, s.frames.length], [code, 1], what);
    }));

    const s = await open();
    s.raw.write(Buffer.concat([frame(PING, []), frame(PONG, [1]), frame(BINARY, [], { fin: false }), frame(PING, bytes), frame(CONTINUE, [])]));
    await until(() => s.frames.length > 0);
    assert.deepEqual(s.frames.map((f) => [f.opcode, f.fin, f.rsv]), [[PONG, true, 0]]); // of several in one go, the newest
    assert.deepEqual(s.frames[0].payload, bytes);
    for (const byte of frame(PING, [9, 9]))
        s.raw.write(Buffer.from([byte]));
    await until(() => s.frames.length > 1);
    assert.deepEqual(s.frames[1].payload, Buffer.from([9, 9]));
    // A flood of pings from somebody who does not read: one answer waits at most.
    s.raw.pause();
    for (let i = 0; i < 200; i++)
        s.raw.write(Buffer.concat(Array.from({ length: 500 }, () => frame(PING, Buffer.alloc(125)))));
    await sleep(500);
    s.destroy();
    assert.equal((await fetch('/')).status, 200);
}

// Each message in pieces of a few bytes, with a ping between any two of them.
class Chopped extends Socket {
    constructor(port, host) {
        super(port, host);
        this.raw.setNoDelay(true);
    }
    write(data) {
        const frames = [];
        for (let at = 0; at < data.length; at += 37) {
            frames.push(frame(at === 0 ? BINARY : CONTINUE, data.subarray(at, at + 37), { fin: at + 37 >= data.length }));
            frames.push(frame(PING, [1, 2, 3]));
        }
        const bytes = Buffer.concat(frames);
        for (let at = 0; at < bytes.length; at += 1021)
            this.raw.write(bytes.subarray(at, at + 1021));
    }
}

async function piecesArePutTogether() {
    const worker = new Client(await Core.load(wasm), (port, host) => new Chopped(relay.webPort, host));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const she = new Client(await Core.load(wasm), (port, host) => new Chopped(relay.webPort, host));
    await she.until(EVENT.READY);
    const hers = she.knock(worker.card(), 'en trozos');
    const knock = await worker.until(EVENT.KNOCK);
    worker.send(knock.conversation, 'llega');
    const answer = await she.until(EVENT.MESSAGE);
    assert.equal(she.message(hers, answer.message), 'llega');
    she.close();
    worker.close();
}

// --- the whole ---

async function connectionsAreCountedTogether() {
    await few.start();
    const open = [];
    for (let i = 0; i < 10; i++)
        open.push(new Connection(i % 2 ? few.port : few.webPort));
    await sleep(200);
    assert.ok(open.every((c) => !c.over));
    for (const port of [few.port, few.webPort])
        await within(2, 'one too many', new Connection(port).ended);
    open[1].close();
    await sleep(100);
    assert.equal((await ask(few.webPort, get('/'))).status, 404); // it has no page
    for (const c of open)
        c.close();
}

async function theRelayStops() {
    const s = await open(), half = new Connection(relay.webPort).send('GET /'), slow = new Connection(relay.webPort);
    slow.send(get('/large.txt'));
    slow.socket.pause();
    await sleep(100);
    const began = Date.now();
    relay.process.removeAllListeners('exit');
    const exit = new Promise((resolve) => { relay.process.once('exit', resolve); });
    relay.process.kill('SIGTERM');
    await within(3, 'the socket ends', s.ended);
    assert.equal(s.code, 1001);
    await within(3, 'half a request ends', half.ended);
    assert.equal(await within(3, 'the relay ends', exit), 0);
    assert.ok(Date.now() - began < 2500);
}

try {
    await relay.start();
    const quiet = silence();
    const before = relay.status();
    await filesAreServed();
    await nothingElseIsServed();
    await whatIsNoRequestIsRefused();
    await connectionsAreKept();
    await onlyWellMadeRequestsOpen();
    await framesAreHeldToTheRules();
    const after = relay.status();
    for (const name of ['queues', 'slots', 'vouchers', 'messages_waiting', 'accepted', 'written', 'refused', 'subscriptions'])
        assert.equal(after[name], before[name], name);
    await piecesArePutTogether();
    await connectionsAreCountedTogether();
    await quiet();
    await theRelayStops();
    console.log('files, headers, refusals, frames, limits and the end are as they should be');
} finally {
    relay.close();
    few.close();
    rmSync(page, { recursive: true, force: true });
}
