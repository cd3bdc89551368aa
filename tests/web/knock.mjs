// One knock and one answer, both sides in WebAssembly, through the real relay: node knock.mjs ZAGUAN.wasm ZAGUAN-RELAY [websocket]
//
// With `websocket' she comes by WebSocket, as the page does, and the worker by TCP.
import net from 'node:net';
import assert from 'node:assert/strict';
import { Relay } from './relay.mjs';
import { Socket } from './socket.mjs';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram, carrier] = process.argv.slice(2);
const relay = new Relay(relayProgram, carrier === 'websocket' ? '[web]\nlisten-web = 127.0.0.1:0\n' : '');
const hersTo = carrier === 'websocket' ? (port, host) => new Socket(relay.webPort, host) : net.connect;

try {
    await relay.start();
    const worker = new Client(await Core.load(wasm));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const card = worker.card();

    const she = new Client(await Core.load(wasm), hersTo);
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
    relay.close();
}
