// What `zaguan-relay check` says of the proxy of docs/operate.md, and of one that is set up badly:
// node check.mjs ZAGUAN-RELAY OPERATE.md
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { freePort } from './elsewhere.mjs';
import { Server, fit, lines } from './guide.mjs';
import { ask, get } from './http.mjs';
import { Relay } from './relay.mjs';

const [relayProgram, guide] = process.argv.slice(2);
if (!Server.program('nginx')) {
    console.log('skipped: there is no nginx here; as a package of Debian it is called nginx-light');
    process.exit(0);
}

const good = new Server('nginx', 'relay.example.org'), bad = new Server('nginx', 'relay.example.org');
mkdirSync(good.file('page'));
writeFileSync(good.file('page/index.html'), '<!doctype html><title>.</title>');
const relay = new Relay(relayProgram, `[web]\nlisten-web = 127.0.0.1:0\npage = ${good.file('page')}\n`);

// On the port that it gives back.
async function start(server, changes) {
    const port = await freePort();
    server.start(fit(lines(guide, '/etc/nginx/conf.d/zaguan.conf'), [['127.0.0.1:7480', `127.0.0.1:${relay.webPort}`], ...changes]), port);
    for (let i = 0; i < 100 && await ask(port, get('/', '', 'GET', server.name), { secure: server.secure }) === null; i++)
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    return port;
}

// trust: the certificate counts as one of an authority.
const check = (port, trust) => spawnSync(relayProgram, ['check', relay.address, '--web', `localhost:${port}`],
    { encoding: 'utf8', env: trust ? { SSL_CERT_FILE: trust.file('cert.pem') } : {} });

try {
    await relay.start();
    const port = await start(good, []);
    const fine = check(port, good);
    for (const line of [/good  It speaks TLSv1\.[23]\./, /good  Its certificate is trusted for (29|30) days more\./, /good  It has a page\./,
        /good  What it forbids the browser is complete/, /good  \/zaguan opens a WebSocket\.\n  (good|look)  It has the key/])
        assert.match(fine.stdout, line);
    assert.doesNotMatch(fine.stdout, /BAD/);
    assert.equal(fine.status, 0);
    const distrusted = check(port, null);
    assert.match(distrusted.stdout, /BAD   Browsers will refuse its certificate: /);
    assert.equal(distrusted.status, 3);

    // What operators get wrong: something is left out, something comes along.
    const wrong = check(await start(bad, [
        ['proxy_set_header Upgrade $http_upgrade;', 'proxy_hide_header Referrer-Policy;'],
        ['add_header Strict-Transport-Security "max-age=31536000" always;', 'add_header Set-Cookie id=1;'],
    ]), bad);
    for (const line of [/BAD   Set-Cookie is sent/, /BAD   Referrer-Policy does not say no-referrer/, /BAD   Strict-Transport-Security is missing/,
        /BAD   \/zaguan opens no WebSocket/])
        assert.match(wrong.stdout, line);
    assert.equal(wrong.status, 3);
    console.log('check: a good proxy is good, and each mistake of a bad one is named');
} finally {
    await good.close();
    await bad.close();
    relay.close();
}
