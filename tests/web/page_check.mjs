// tools/page-check against the real relay, and against a host that changes what it passes on:
// node page_check.mjs ZAGUAN-RELAY PAGE-FOLDER PAGE-CHECK
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Relay } from './relay.mjs';

const [relayProgram, folder, program] = process.argv.slice(2);
const relay = new Relay(relayProgram, `[web]\nlisten-web = 127.0.0.1:0\npage = ${folder}\n`);

const check = (port, hashes) => new Promise((resolve) => {
    const run = spawn(program, [`http://127.0.0.1:${port}/#card`, hashes]);
    let said = '';
    for (const stream of [run.stdout, run.stderr])
        stream.on('data', (data) => { said += data; });
    run.on('close', (code) => resolve({ code, said }));
});

// Passes everything on to the relay; what `lie` does to an answer is all that differs.
let lie = null;
const host = http.createServer((request, response) => {
    http.get({ port: relay.webPort, host: '127.0.0.1', path: request.url, headers: request.headers }, async (from) => {
        const chunks = [];
        for await (const chunk of from)
            chunks.push(chunk);
        const answer = { status: from.statusCode, fields: { ...from.headers }, body: Buffer.concat(chunks) };
        lie(request, answer);
        response.writeHead(answer.status, { ...answer.fields, 'content-length': answer.body.length }).end(answer.body);
    });
});

// Of the files those that are lied about.
const few = join(relay.folder, 'few.sha256');
writeFileSync(few, readFileSync(`${folder}.sha256`, 'utf8').split('\n')
    .filter((line) => /^#| (index\.html|page\.css|chat\.js|page\.js|zaguan\.wasm)$/.test(line)).join('\n') + '\n');

const flip = (body) => { const other = Buffer.from(body); other[other.length >> 1] ^= 1; return other; };
const LIES = {
    'one byte of one file': [/\/zaguan\.wasm: other bytes/, (q, a) => { if (q.url === '/zaguan.wasm' && !a.fields['content-encoding']) a.body = flip(a.body); }],
    'another script, compressed only': [/^ {2}\/chat\.js: other bytes \(gzip\)$/m, (q, a) => { if (q.url === '/chat.js' && a.fields['content-encoding'] === 'gzip') a.body = gzipSync('alert(1)'); }],
    'to phones only': [/\/: other bytes/, (q, a) => { if (q.url === '/' && /Mobile/.test(q.headers['user-agent'])) a.body = Buffer.concat([a.body, Buffer.from('\n')]); }],
    'a file is missing': [/\/page\.js: answered with 404/, (q, a) => { if (q.url === '/page.js') a.status = 404; }],
    'to another place': [/\/: answered with 302/, (q, a) => { if (q.url === '/') Object.assign(a, { status: 302, fields: { location: '/index.html' } }); }],
    'a cookie': [/\/page\.css: sent with "set-cookie: a=b"/i, (q, a) => { if (q.url === '/page.css') a.fields['set-cookie'] = 'a=b'; }],
    'a copy may be kept': [/\/: not sent with "cache-control: no-store"/, (q, a) => { a.fields['cache-control'] = 'max-age=60'; }],
    'scripts from anywhere': [/\/: its content security policy lacks "script-src 'self' 'wasm-unsafe-eval'"/, (q, a) => {
        a.fields['content-security-policy'] = a.fields['content-security-policy'].replace("script-src 'self'", "script-src 'self' https:");
    }],
};

try {
    await relay.start();
    await new Promise((resolve) => { host.listen(0, '127.0.0.1', resolve); });
    const honest = await check(relay.webPort, `${folder}.sha256`);
    assert.equal(honest.code, 0, honest.said);
    assert.match(honest.said, /each fetched in 6 ways: the page of /);
    for (const [what, [expected, how]] of Object.entries(LIES)) {
        lie = how;
        const { code, said } = await check(host.address().port, few);
        assert.equal(code, 1, `${what}: ${said}`);
        assert.match(said, expected, what);
    }
    console.log(`tools/page-check: the relay's page is the one of the hashes; ${Object.keys(LIES).length} lies of a host are seen`);
} finally {
    host.close();
    relay.close();
}
