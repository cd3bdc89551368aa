// The nginx of docs/operate.md, its lines as they stand there, before the real relay: node proxy.mjs ZAGUAN.wasm ZAGUAN-RELAY OPERATE.md
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask, get } from './http.mjs';
import { Relay } from './relay.mjs';
import { Socket } from './socket.mjs';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram, guide] = process.argv.slice(2);
const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync);
if (!nginx) {
    console.log('skipped: there is no nginx here; tools/deps test installs it');
    process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'zaguan-proxy-'));
const file = (name) => join(folder, name);
mkdirSync(file('page'));
writeFileSync(file('page/index.html'), '<!doctype html><title>.</title>');
const relay = new Relay(relayProgram, `[web]\nlisten-web = 127.0.0.1:0\npage = ${file('page')}\n`);

const freePort = () => new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

// The block that names the file, without its indentation.
function lines(name) {
    const all = readFileSync(guide, 'utf8').split('\n'), from = all.findIndex((l) => l.trim() === `# ${name}`);
    assert.ok(from >= 0, `${guide} has no ${name}`);
    let to = from;
    while (all[to].startsWith('    ') || all[to] === '')
        to++;
    return all.slice(from, to).map((l) => l.slice(4)).join('\n');
}

// Replaces what must differ here, and nothing that is not there.
function fit(text, changes) {
    for (const [from, to] of changes) {
        assert.ok(text.includes(from), `the guide does not say "${from}"`);
        text = text.replaceAll(from, to);
    }
    return text;
}

let server;
try {
    await relay.start();
    const port = await freePort(), badPort = await freePort();
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=relay.example.org',
        '-addext', 'subjectAltName=DNS:relay.example.org,DNS:localhost', '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' });
    const site = fit(lines('/etc/nginx/conf.d/zaguan.conf'), [
        ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`], ['    listen [::]:443 ssl;\n', ''], ['127.0.0.1:7480', `127.0.0.1:${relay.webPort}`],
        ['/etc/letsencrypt/live/relay.example.org/fullchain.pem', file('cert.pem')], ['/etc/letsencrypt/live/relay.example.org/privkey.pem', file('key.pem')],
    ]);
    // What operators get wrong: no upgrade, and something added.
    const bad = `server {\nlisten 127.0.0.1:${badPort} ssl;\nssl_certificate ${file('cert.pem')};\nssl_certificate_key ${file('key.pem')};\n` +
        `access_log off;\nadd_header Set-Cookie id=1;\nlocation / { proxy_pass http://127.0.0.1:${relay.webPort}; proxy_hide_header Referrer-Policy; }\n}\n`;
    writeFileSync(file('nginx.conf'), `daemon off;\nworker_processes 1;\npid ${file('pid')};\nerror_log ${file('error.log')} warn;\nevents {}\nhttp {\n` +
        ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${file(n)};\n`).join('') + `${site}\n${bad}}\n`);
    server = spawn(nginx, ['-p', folder, '-e', file('error.log'), '-c', file('nginx.conf')], { stdio: ['ignore', 'inherit', 'inherit'] });
    const secure = { servername: 'relay.example.org', ca: readFileSync(file('cert.pem')) };
    let index = null;
    for (let i = 0; i < 50 && index === null; i++) {
        index = await ask(port, get('/'), { secure });
        await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    assert.equal(index?.status, 200);
    assert.equal(index.body.toString(), '<!doctype html><title>.</title>');
    const direct = await ask(relay.webPort, get('/'));
    for (const [name, value] of Object.entries(direct.fields))
        assert.equal(index.fields[name], value, name); // what the relay forbids, the proxy passes on
    assert.equal(index.fields['strict-transport-security'], 'max-age=31536000');
    assert.equal((await ask(port, get('/nothing'), { secure })).status, 404);

    const worker = new Client(await Core.load(wasm));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const she = new Client(await Core.load(wasm), () => new Socket(port, '127.0.0.1', { secure }));
    await she.until(EVENT.READY);
    const hers = she.knock(worker.card(), 'detrás de un proxy');
    const knock = await worker.until(EVENT.KNOCK);
    worker.send(knock.conversation, 'llega');
    const answer = await she.until(EVENT.MESSAGE);
    assert.equal(she.message(hers, answer.message), 'llega');
    she.close();
    worker.close();

    // What an operator is told about both.
    const check = (at, trust) => spawnSync(relayProgram, ['check', relay.address, '--web', `localhost:${at}`],
        { encoding: 'utf8', env: trust ? { SSL_CERT_FILE: file('cert.pem') } : {} });
    const good = check(port, true);
    for (const line of [/good  It speaks TLSv1\.[23]\./, /good  Its certificate is trusted for (29|30) days more\./, /good  It has a page\./,
        /good  What it forbids the browser is complete/, /good  \/zaguan opens a WebSocket\.\n  (good|look)  It has the key/])
        assert.match(good.stdout, line);
    assert.doesNotMatch(good.stdout, /BAD/);
    assert.equal(good.status, 0);
    const distrusted = check(port, false);
    assert.match(distrusted.stdout, /BAD   Browsers will refuse its certificate: /);
    assert.equal(distrusted.status, 3);
    const wrong = check(badPort, true);
    for (const line of [/BAD   Set-Cookie is sent/, /BAD   Referrer-Policy does not say no-referrer/, /BAD   Strict-Transport-Security is missing/,
        /BAD   \/zaguan opens no WebSocket/])
        assert.match(wrong.stdout, line);
    assert.equal(wrong.status, 3);
    console.log('the page and one knock through the nginx of docs/operate.md, and what check says of it');
} finally {
    server?.kill('SIGTERM');
    await new Promise((resolve) => { server && server.exitCode === null ? server.on('exit', resolve) : resolve(); });
    relay.close();
    rmSync(folder, { recursive: true, force: true });
}
