// An hour with the page: what it costs her, and how much memory her tab takes.
//
// Every byte between browser and relay is counted, the page's included; TLS would add a few hundred bytes for each connection
// and 22 for each record. The page's clock goes through a whole hour, with what it sends only to keep the connection.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SOON, onStage, writeFirst } from './stage.mjs';

const KIB = 1024;
const HOUR_MAX = 450 * KIB, TAB_MAX = 256e6, EACH_WAY = 20;
const PAUSES = 3, PAUSE_MS = 60500; // 20 times that is an hour, and the connection is tried after a minute of silence

const moment = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// Until nothing has been sent or received for a while.
async function quiet(counter) {
    for (let last = -1; last !== counter.bytes;) {
        last = counter.bytes;
        await moment(30);
    }
}

async function minute(page, counter) {
    const before = counter.bytes;
    await page.clock.fastForward(PAUSE_MS);
    await quiet(counter);
    return counter.bytes - before;
}

// What the process that shows the page has for itself, and its share of what it has in common with others.
async function tab(stage) {
    const devtools = await stage.browser.newBrowserCDPSession();
    const { processInfo } = await devtools.send('SystemInfo.getProcessInfo');
    const sizes = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) =>
        Number(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB$/m)[1]) * KIB);
    return Math.max(...sizes);
}

await onStage({ idle: 7200, settings: SOON, counted: true }, async (stage) => {
    const { counter } = stage, page = await stage.page();
    await page.clock.install();
    await writeFirst(page, stage.link, 'message 1');
    await quiet(counter);
    const first = counter.bytes, worker = stage.chat(stage.knock());
    let idle = 0;
    for (let i = 1; i <= EACH_WAY; i++) {
        if (i > 1) {
            await page.fill('#text', `message ${i}`);
            await page.click('#send');
            await worker.until((e) => e.event === 'message' && e.text === `message ${i}`, `message ${i}`);
        }
        worker.say(`answer ${i}`);
        await page.locator('#log .theirs .said', { hasText: new RegExp(`^answer ${i}$`) }).waitFor();
        await quiet(counter);
        for (let pause = 0; pause < PAUSES; pause++)
            idle += await minute(page, counter);
    }
    const memory = await tab(stage);
    assert.equal(await page.locator('#log .own .note', { hasText: /^sent/ }).count(), EACH_WAY);
    assert.deepEqual(page.wrong, []);
    assert.ok(idle > 0, 'the clock of the page did not move');
    console.log(`an hour with ${EACH_WAY} messages each way: ${(counter.bytes / KIB).toFixed(1)} KiB ` +
        `(${(counter.up / KIB).toFixed(1)} up), of them ${(first / KIB).toFixed(1)} until the first message was sent ` +
        `and ${(idle / KIB).toFixed(1)} to keep the connection; the tab has ${(memory / 1e6).toFixed(0)} MB`);
    assert.ok(counter.bytes <= HOUR_MAX, `more than ${HOUR_MAX / KIB} KiB`);
    assert.ok(memory > 10e6 && memory <= TAB_MAX, `more than ${TAB_MAX / 1e6} MB`);
});
