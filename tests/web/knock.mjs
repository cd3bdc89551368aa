// One knock and one answer, both sides in WebAssembly, through the real relay: node knock.mjs ZAGUAN.wasm ZAGUAN-RELAY
import assert from 'node:assert/strict';
import { Relay } from './relay.mjs';
import { Client, Core, EVENT } from './wasm.mjs';

const [wasm, relayProgram] = process.argv.slice(2);
const relay = new Relay(relayProgram);

try {
    await relay.start();
    const worker = new Client(await Core.load(wasm));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
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
    relay.close();
}
