// One knock and one answer, both sides in WebAssembly, through the real relay: node knock.mjs ZAGUAN.wasm ZAGUAN-RELAY
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import assert from 'node:assert/strict';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'zaguan-web-'));
const run = (...args) => execFileSync(relayProgram, args, { encoding: 'utf8' });
let relay;

async function startRelay(dir) {
    const made = run('init', dir, '--listen', '127.0.0.1:0');
    const key = made.match(/\/([A-Za-z0-9_-]{43})\b/)[1];
    relay = spawn(relayProgram, ['serve', dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [relay.stdout, relay.stderr])
        stream.setEncoding('utf8');
    const port = await new Promise((resolve, reject) => {
        const look = (line) => { const m = line.match(/listening on 127\.0\.0\.1:(\d+)/); if (m) resolve(m[1]); };
        createInterface({ input: relay.stdout }).on('line', look);
        createInterface({ input: relay.stderr }).on('line', look);
        relay.on('exit', (code) => reject(new Error(`the relay ended with ${code}`)));
        setTimeout(() => reject(new Error('the relay did not start within 10 s')), 10000).unref();
    });
    return `127.0.0.1:${port}/${key}`;
}

try {
    const dir = join(folder, 'relay');
    const address = await startRelay(dir);
    const voucher = run('voucher', 'new', dir).trim().split(/\s+/).pop();

    const worker = new Client(await Core.load(wasm));
    await worker.until(EVENT.READY);
    worker.deskCreate(address, voucher, 'Ana');
    await worker.until(EVENT.DESK_READY);
    const card = worker.card();

    const she = new Client(await Core.load(wasm));
    await she.until(EVENT.READY);
    const hers = she.knock(card, '¿Hay alguien ahí? — je suis là');
    await she.until(EVENT.KNOCK_SENT);

    const knock = await worker.until(EVENT.KNOCK);
    assert.equal(worker.message(knock.conversation, knock.message), '¿Hay alguien ahí? — je suis là');
    worker.send(knock.conversation, 'Sí, estoy aquí.');
    await she.until(EVENT.ACCEPTED);
    const answer = await she.until(EVENT.MESSAGE);
    assert.equal(she.message(hers, answer.message), 'Sí, estoy aquí.');
    assert.equal(she.conversation(hers).alias, 'Ana');

    she.send(hers, 'gracias');
    const thanks = await worker.until(EVENT.MESSAGE);
    assert.equal(worker.message(knock.conversation, thanks.message), 'gracias');
    assert.deepEqual(worker.conversation(knock.conversation).words, she.conversation(hers).words);

    she.close();
    worker.close();
    console.log('one knock, one answer, and the same safety words on both sides');
} finally {
    relay?.removeAllListeners('exit');
    relay?.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
}
