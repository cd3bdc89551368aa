// The page from one host, the relay at another: node page_hosts.mjs as the other tests of the page, and OPERATE.md behind.
//
// The host is a plain one that sends what the guide's nginx would.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join, extname } from 'node:path';
import { fit, lines } from './guide.mjs';
import { onStage, writeFirst } from './stage.mjs';

const guide = process.argv[6];
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.wasm': 'application/wasm', '.svg': 'image/svg+xml' };

// connect: where the page may connect to.
async function host(folder, connect) {
    const block = fit(lines(guide, '/etc/nginx/conf.d/zaguan-page.conf'), [['wss://relay.example.org', connect]]);
    const fields = Object.fromEntries([...block.matchAll(/add_header (\S+) "([^"]*)"/g)].map(([, name, value]) => [name, value]));
    assert.ok(Object.keys(fields).length >= 10);
    const server = http.createServer((request, response) => {
        const name = request.url === '/' ? 'index.html' : request.url.split('?')[0].slice(1);
        try {
            const body = readFileSync(join(folder, name));
            response.writeHead(200, { ...fields, 'Content-Type': TYPES[extname(name)] }).end(body);
        } catch {
            response.writeHead(404, fields).end();
        }
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return { url: `http://127.0.0.1:${server.address().port}/`, close: () => { server.close(); server.closeAllConnections(); } };
}

await onStage({}, async (stage) => {
    const socket = `ws://127.0.0.1:${stage.relay.webPort}`;
    const good = await host(stage.folder, socket), other = await host(stage.folder, 'wss://relay.example.org');
    try {
        const page = await stage.page(), asked = new Set();
        page.on('request', (request) => asked.add(new URL(request.url()).origin));
        const opened = [];
        page.on('websocket', (ws) => opened.push(ws.url()));
        await writeFirst(page, `${good.url}#${stage.card}`, 'from another host');
        const worker = stage.chat(stage.knock());
        await worker.until((e) => e.event === 'message' && e.text === 'from another host', 'her words');
        worker.say('we read you');
        await page.locator('#log .theirs .said', { hasText: 'we read you' }).waitFor();
        // Everything of the page came from its host, and the relay had nothing but the WebSocket.
        assert.deepEqual([...asked].filter((origin) => origin !== 'null'), [new URL(good.url).origin]);
        assert.deepEqual(opened, [`${socket}/zaguan`]);
        assert.deepEqual(page.wrong, []);
        await page.context().close();

        // A relay that the host's policy does not name cannot be reached, and she reads that.
        const closed = await stage.page();
        await closed.goto(`${other.url}#${stage.card}`);
        await closed.click('#write');
        await closed.fill('#text', 'to nobody');
        await closed.click('#send');
        await closed.locator('#state', { hasText: 'We cannot be reached at the moment' }).waitFor();
        assert.ok(closed.wrong.some((line) => /Content Security Policy/.test(line)));
        await closed.context().close();
        console.log('the page from one host, the relay at another; a relay that the policy does not name is not reached');
    } finally {
        good.close();
        other.close();
    }
});
