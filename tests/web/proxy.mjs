// The servers of docs/operate.md, their lines as they stand there: before the real relay, and as the page's own host.
// node proxy.mjs ZAGUAN.wasm ZAGUAN-RELAY OPERATE.md PAGE-CHECK nginx|caddy
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { freePort } from './elsewhere.mjs';
import { Server, fit, lines } from './guide.mjs';
import { ask, get } from './http.mjs';
import { Relay } from './relay.mjs';
import { Socket } from './socket.mjs';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram, guide, pageCheck, kind] = process.argv.slice(2);
const NAMES = {
    nginx: ['/etc/nginx/conf.d/zaguan.conf', '/etc/nginx/conf.d/zaguan-page.conf'],
    caddy: ['/etc/caddy/Caddyfile', '/etc/caddy/Caddyfile of the page'],
};
if (!Server.program(kind)) {
    console.log(`skipped: there is no ${kind} here; as a package of Debian it is called ${kind === 'nginx' ? 'nginx-light' : kind}`);
    process.exit(0);
}

const proxy = new Server(kind, 'relay.example.org'), host = new Server(kind, 'page.example.org');
const files = { 'index.html': '<!doctype html><title>.</title>', 'x.js': '// '.repeat(500), 'x.wasm': '\0asm', 'lang/en.json': '{}' };
for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(host.folder, 'page/lang'), { recursive: true });
    writeFileSync(join(host.folder, 'page', name), content);
    writeFileSync(join(host.folder, 'page', `${name}.gz`), gzipSync(content));
}
writeFileSync(host.file('page.sha256'), Object.entries(files).map(([name, content]) =>
    `${createHash('sha256').update(content).digest('hex')}  ${name}\n`).join(''));
const relay = new Relay(relayProgram, `[web]\nlisten-web = 127.0.0.1:0\npage = ${host.file('page')}\nweb-address = relay.example.org\n`);

// Its first answer.
async function up(server, port) {
    for (let i = 0; i < 100; i++) {
        const index = await ask(port, get('/', '', 'GET', server.name), { secure: server.secure });
        if (index !== null)
            return index;
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
    throw new Error(`${kind} does not answer: ${server.said}`);
}

// What the relay says with every answer.
async function strict() {
    const { fields } = await ask(relay.webPort, get('/'));
    for (const own of ['content-type', 'content-length', 'vary'])
        delete fields[own];
    assert.ok(Object.keys(fields).length >= 10);
    return { ...fields, 'strict-transport-security': 'max-age=31536000' };
}

async function beforeTheRelay() {
    const port = await freePort();
    proxy.start(fit(lines(guide, NAMES[kind][0]), [['127.0.0.1:7480', `127.0.0.1:${relay.webPort}`]]), port);
    const { secure } = proxy, index = await up(proxy, port);
    assert.equal(index.status, 200);
    assert.equal(index.body.toString(), files['index.html']);
    for (const [name, value] of Object.entries(await strict()))
        assert.equal(index.fields[name], value, name); // what the relay forbids, the proxy passes on
    assert.equal((await ask(port, get('/nothing', '', 'GET', proxy.name), { secure })).status, 404);

    const worker = new Client(await Core.load(wasm));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const she = new Client(await Core.load(wasm), () => new Socket(port, '127.0.0.1', { secure, name: proxy.name }));
    await she.until(EVENT.READY);
    const hers = she.knock(worker.card(), 'detrás de un proxy');
    const knock = await worker.until(EVENT.KNOCK);
    worker.send(knock.conversation, 'llega');
    const answer = await she.until(EVENT.MESSAGE);
    assert.equal(she.message(hers, answer.message), 'llega');
    she.close();
    worker.close();
}

// The same fields with the same values, of every answer; what is there more must not matter.
async function asHost() {
    const port = await freePort(), wanted = await strict();
    host.start(fit(lines(guide, NAMES[kind][1]), [['/srv/zaguan-page', host.file('page')]]), port);
    await up(host, port);
    for (const path of ['/', '/x.wasm', '/lang/en.json', '/nothing']) {
        const { fields, status } = await ask(port, get(path, '', 'GET', host.name), { secure: host.secure });
        assert.equal(status, path === '/nothing' ? 404 : 200, path);
        for (const [name, value] of Object.entries(wanted))
            assert.equal(fields[name], value, `${path} of ${kind}: ${name}`);
        for (const name of ['etag', 'set-cookie', 'x-powered-by'])
            assert.equal(fields[name], undefined, `${path} of ${kind}: ${name}`);
    }
    assert.equal((await ask(port, get('/x.wasm', '', 'GET', host.name), { secure: host.secure })).fields['content-type'], 'application/wasm');
    const zipped = await ask(port, get('/x.js', 'Accept-Encoding: gzip\r\n', 'GET', host.name), { secure: host.secure });
    assert.equal(zipped.fields['content-encoding'], 'gzip');
    const said = await new Promise((resolve, reject) => {
        execFile(pageCheck, [`https://${host.name}:${port}/`, host.file('page.sha256')],
            { env: { ...process.env, CURL_CA_BUNDLE: host.file('cert.pem') } },
            (error, out, err) => { if (error) reject(new Error(out + err)); else resolve(out); });
    });
    assert.match(said, /the page of/);
}

try {
    await relay.start();
    await beforeTheRelay();
    await asHost();
    console.log(`${kind} with the lines of docs/operate.md: the page and a knock through it; as the page's host it says what the relay says`);
} finally {
    await proxy.close();
    await host.close();
    relay.close();
}
