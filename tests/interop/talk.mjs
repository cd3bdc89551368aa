// The C client and the second one through a real relay, both ways: talk.mjs ZAGUAN-RELAY ZAGUAN
import assert from 'node:assert/strict';
import { Relay } from '../web/relay.mjs';
import { Desk, Second, Woman, words } from './people.mjs';

const [relayProgram, zaguan] = process.argv.slice(2);
const list = words();
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
assert.equal(list.length, 256);

const relay = await new Relay(relayProgram, '\n[relay]\nsettle = 10\n').start();
const everybody = [];
const there = (who) => { everybody.push(who); return who; };

// She has the second client, the worker the C client.
async function secondKnocks(desk) {
    const her = there(new Second());
    const seen = await her.do('look', { card: desk.card });
    assert.equal(seen.texts[0].text, 'Mon-Fri 10-20');
    await her.do('knock', { card: desk.card, text: 'first words: ¿quién?' });
    const conversation = desk.knock();
    const worker = there(desk.chat(conversation));
    await worker.message('first words: ¿quién?');
    worker.line('I am here');
    await her.message('I am here');
    await her.until((e) => e.event === 'ready', 'that she may write');

    // Words of both say the same; the C client's are of its list.
    const hers = (await her.do('words')).words.map((i) => list[i]).join(' ');
    await her.do('send', { text: 'one' });
    await worker.message('one');
    const his = await worker.until((e) => e.event === 'safety' && e.safety === 'words', 'safety words');
    assert.equal(Array.isArray(his.words) ? his.words.join(' ') : his.words, hers);

    // Steps of both sides, several envelopes in a chain, a text of several parts.
    const long = 'a long text, '.repeat(700);
    for (let i = 0; i < 6; i++) {
        await her.do('send', { text: `hers ${i}` });
        await her.do('send', { text: `hers ${i} again` });
        await worker.message(`hers ${i} again`);
        worker.line(`his ${i}`);
        worker.line(`his ${i} again`);
        await her.message(`his ${i} again`);
    }
    await her.do('send', { text: long });
    await worker.message(long);
    worker.line(long);
    await her.message(long);

    // Her connection breaks: nothing is lost, nothing comes twice.
    await her.do('drop');
    worker.line('after the break');
    await her.message('after the break');
    await her.do('send', { text: 'back again' });
    await worker.message('back again');
    for (const who of [her, worker]) {
        const texts = who.events.filter((e) => e.event === 'message' && !e.own && e.dir !== 'out').map((e) => e.text);
        assert.equal(new Set(texts).size, texts.length, 'a message came twice');
    }

    // Lifetimes: each side takes away what the other one limited.
    await her.do('send', { text: 'for two seconds', lifetime_s: 2 });
    const short = await worker.message('for two seconds');
    assert.equal(short.lifetime_s, 2);
    await worker.until((e) => e.event === 'expired' && e.message === short.message, 'that it expired');
    worker.line('/lifetime 2s');
    worker.line('his for two seconds');
    const his2 = await her.message('his for two seconds');
    await her.until((e) => e.event === 'expired' && e.id === his2.id, 'that his expired');
    assert.ok(!(await her.do('history')).messages.some((m) => m.text === 'his for two seconds'));

    // The phrase: her locker at the relay opens on another device of hers, and the talk goes on.
    const { phrase } = await her.do('phrase');
    worker.line('/lifetime 1h');
    worker.line('before she comes back');
    await her.message('before she comes back');
    await sleep(500);
    await her.kill();
    const again = there(new Second());
    assert.deepEqual((await again.do('return', { card: desk.card, phrase: '0'.repeat(20) })).found, false);
    const back = await again.do('return', { card: desk.card, phrase });
    assert.ok(back.found && back.messages.some((m) => m.text === 'before she comes back'), JSON.stringify(back));
    assert.equal(back.safety.map((i) => list[i]).join(' '), hers);
    worker.line('welcome back');
    await again.message('welcome back');
    await again.do('send', { text: 'from another device' });
    await worker.message('from another device');

    // She erases: the worker is told, the relay has nothing of hers.
    await again.do('erase');
    await worker.until((e) => e.event === 'ended', 'the end');
    await worker.quit();
    await again.quit();
}

// She has the C client, the worker the second one.
async function secondAnswers() {
    const worker = there(new Second());
    const { card } = await worker.do('desk', { voucher: relay.voucher(), relay: relay.address, alias: 'Luz', texts: [{ lang: 'en', text: 'we answer' }], state: 2 });
    const her = there(new Woman(zaguan, card));
    await her.until((e) => e.event === 'notice' && e.text === 'we answer', 'the notice');
    her.line('a knock of the C client');
    const knock = await worker.until((e) => e.event === 'knock', 'a knock');
    assert.equal(knock.text, 'a knock of the C client');
    await worker.do('accept', { text: 'answered' });
    await her.message('answered');
    assert.equal((await her.until((e) => e.event === 'accepted', 'an accept')).alias, 'Luz');
    her.line('hers 0');
    await worker.message('hers 0');
    const safety = await her.until((e) => e.event === 'safety' && e.safety === 'words', 'safety words');
    const his = (await worker.do('words')).words.map((i) => list[i]).join(' ');
    assert.equal(Array.isArray(safety.words) ? safety.words.join(' ') : safety.words, his);

    const long = 'another long text, '.repeat(500);
    for (let i = 1; i < 6; i++) {
        await worker.do('send', { text: `his ${i}` });
        await worker.do('send', { text: `his ${i} again` });
        await her.message(`his ${i} again`);
        her.line(`hers ${i}`);
        her.line(`hers ${i} again`);
        await worker.message(`hers ${i} again`);
    }
    her.line(long);
    await worker.message(long);
    await worker.do('send', { text: long });
    await her.message(long);
    await worker.do('drop');
    her.line('after his break');
    await worker.message('after his break');

    await worker.do('send', { text: 'for two seconds', lifetime_s: 2 });
    const short = await her.message('for two seconds');
    await her.until((e) => e.event === 'expired' && e.message === short.message, 'that it expired');
    her.line('/lifetime 2s');
    her.line('hers for two seconds');
    const hers2 = await worker.message('hers for two seconds');
    await worker.until((e) => e.event === 'expired' && e.id === hers2.id, 'that hers expired');

    // The worker erases: she is told.
    await worker.do('erase');
    await her.until((e) => e.event === 'ended', 'the end');
    await her.quit();

    // A knock that is taken back is gone from the desk; one that is declined ends.
    const shy = there(new Woman(zaguan, card));
    shy.line('taken back');
    await worker.until((e) => e.event === 'knock' && e.text === 'taken back', 'a knock');
    shy.line('/erase');
    await shy.until((e) => e.event === 'erased', 'the erasure');
    await worker.until((e) => e.event === 'knock-withdrawn', 'that it was taken back');
    const other = there(new Woman(zaguan, card));
    other.line('not today');
    await worker.until((e) => e.event === 'knock' && e.text === 'not today', 'a knock');
    await worker.do('decline');
    await other.until((e) => e.event === 'ended', 'the end');
    await worker.quit();
}

// Nothing may be left at the relay but two desks.
async function nothingLeft() {
    for (const end = Date.now() + 15000; ; await sleep(200)) {
        const { messages_waiting: messages, queues } = relay.status();
        if (messages === 0 && queues === 2)
            return;
        assert.ok(Date.now() < end, `${messages} messages and ${queues} queues are left`);
    }
}

try {
    const desk = new Desk(zaguan, relay);
    await secondKnocks(desk);
    console.log('second client knocks, C client answers: as it should be');
    await secondAnswers();
    console.log('C client knocks, second client answers: as it should be');
    await nothingLeft();
} finally {
    for (const who of everybody)
        who.process.kill('SIGKILL');
    relay.close();
}
