// What she reads when something does not work: no way to the relay, a second address, a conversation that ended, too many
// words in a day, a desk that is busy, a desk that is full. Words and a way on, each time.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { freePort } from './elsewhere.mjs';
import { onStage, writeFirst } from './stage.mjs';

const state = (page, words) => page.locator('#state', { hasText: words }).waitFor();
const own = (page, text, note) => page.locator('#log .own', { hasText: text }).locator('.note', { hasText: note }).waitFor();

async function write(page, text) {
    await page.fill('#text', text);
    await page.click('#send');
}

// The button for another try, unless the page was faster.
async function tryAgain(place) {
    await place.locator('button').click({ timeout: 1000 }).catch(() => {});
}

async function withoutAWay(stage) {
    const page = await stage.page();
    await page.goto(stage.link, { waitUntil: 'networkidle' });
    stage.line.cut();
    await page.click('#write');
    await state(page, 'We cannot be reached at the moment. This page tries again by itself.');
    await stage.picture(page, 'states-unreachable-first');
    await write(page, 'first words');
    await own(page, 'first words', 'not sent yet');
    await state(page, 'Your message is still here');
    await stage.picture(page, 'states-unreachable');
    assert.equal(stage.relay.status().messages_waiting, 0);

    // The button tries at once, and what she reads does not go away for it.
    const { attempts } = stage.line;
    await page.click('#state button');
    await page.waitForTimeout(300);
    assert.ok(stage.line.attempts > attempts, 'the button does not try');
    await state(page, 'We cannot be reached');
    stage.line.mend();
    await tryAgain(page.locator('#state'));
    await own(page, 'first words', /^sent/);
    await state(page, 'Nobody is there at the moment. It waits for us.');
    assert.ok(!/cannot be reached/.test(await page.innerText('#state')));

    // In the middle of a conversation: nothing is lost, and the button beside her words tries again.
    const worker = stage.chat(stage.knock());
    worker.say('hola');
    await page.locator('#log .theirs', { hasText: 'hola' }).waitFor();
    stage.line.cut();
    await write(page, 'second words');
    await own(page, 'second words', 'not sent yet');
    await stage.picture(page, 'states-not-sent-yet');
    stage.line.mend();
    await tryAgain(page.locator('#log .own', { hasText: 'second words' }));
    await own(page, 'second words', /^sent/);
    await worker.until((e) => e.event === 'message' && e.text === 'second words', 'her second words');

    // Ended at the other side: what waited is not sent, what she read stays for its time, and she can begin anew.
    stage.line.cut();
    await write(page, 'third words');
    await own(page, 'third words', 'not sent yet');
    worker.say('/erase');
    await worker.until((e) => e.event === 'erased', 'the erase');
    stage.line.mend();
    await tryAgain(page.locator('#log .own', { hasText: 'third words' }));
    await state(page, 'The conversation has ended.');
    await own(page, 'third words', 'not sent');
    assert.ok(!await page.locator('#composer').isVisible());
    assert.equal(await page.locator('#log .theirs', { hasText: 'hola' }).count(), 1);
    await stage.picture(page, 'states-ended');
    await page.click('#state button');
    await page.locator('#composer').waitFor();
    assert.equal(await page.locator('#log li').count(), 0);
    await state(page, 'Nobody is there at the moment. You can write');
    await page.context().close();
}

async function bySecondAddress(stage) {
    const page = await stage.page();
    await writeFirst(page, stage.forge(`127.0.0.1:${await freePort()}`, `127.0.0.1:${stage.relay.port}`), 'by the second');
    stage.worker(['erase', stage.knock()]);
    await page.context().close();
}

async function tooManyWords(stage) {
    const page = await stage.page();
    await writeFirst(page, stage.link, 'w0');
    const worker = stage.chat(stage.knock());
    worker.say('hola');
    await page.locator('#log .theirs', { hasText: 'hola' }).waitFor();
    for (let i = 1; i <= 11; i++)
        await write(page, `w${i}`);
    await own(page, 'w11', 'not sent yet');
    await stage.picture(page, 'states-too-many');
    await worker.until((e) => e.event === 'message' && e.text === 'w9', 'what fits into a day');
    await page.context().close();
    worker.say('/erase');
    await worker.until((e) => e.event === 'erased', 'the erase');
    await worker.end();
}

// A knock with the program; it stays until it is killed.
function stranger(stage) {
    const program = spawn(stage.zaguan, ['knock']);
    program.stdin.write(`zaguan:${stage.card}\nx\n`);
    return program;
}

async function until(stage, waiting) {
    for (let i = 0; stage.relay.status().messages_waiting < waiting; i++) {
        assert.ok(i < 100, `no ${waiting} knocks at the desk`);
        await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
}

// At a desk that is full the puzzle is the hardest there is: half a minute here, only on demand.
async function fullDesk(stage) {
    const late = await stage.page();
    await late.goto(stage.link);
    await late.click('#write');
    await write(late, 'too late');
    await late.locator('#state', { hasText: 'Too many people are writing at the moment. Try again in a few minutes.' }).waitFor({ timeout: 60000 });
    await own(late, 'too late', 'not sent');
    await stage.picture(late, 'states-full');
    // One is answered: there is room for her.
    stage.worker(['erase', stage.knock()]);
    await late.click('#state button');
    await late.locator('#log .own .note', { hasText: /^sent/ }).waitFor({ timeout: 60000 });
    await state(late, 'It waits for us');
    await late.context().close();
}

async function manyStrangers(stage) {
    const strangers = Array.from({ length: 5 }, () => stranger(stage));
    await until(stage, 5);
    const page = await stage.page();
    await page.goto(stage.link);
    await page.click('#write');
    await page.evaluate(() => {
        const place = document.getElementById('state');
        new MutationObserver(() => { window.said = (window.said ?? '') + place.innerText; }).observe(place, { childList: true });
    });
    await write(page, 'among many');
    await own(page, 'among many', /^sent/);
    assert.match(await page.evaluate(() => window.said), /Many people are writing/);
    assert.doesNotMatch(await page.innerText('#state'), /Many people are writing/);
    await page.context().close();

    if (process.env.ZG_LONG) {
        strangers.push(...Array.from({ length: 4 }, () => stranger(stage)));
        await until(stage, 10);
        await fullDesk(stage);
    }
    for (const program of strangers)
        program.kill('SIGKILL');
}

await onStage({ line: true, settings: '\n[limits]\nsends-a-day = 10\ndesk-waiting = 10\n' }, async (stage) => {
    await withoutAWay(stage);
    await bySecondAddress(stage);
    await tooManyWords(stage);
    await manyStrangers(stage);
});
console.log(`no way and a way again, a second address, an end, too many words, a busy desk${process.env.ZG_LONG ? ', a full desk' : ''}: words and a way on`);
