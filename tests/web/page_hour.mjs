// An hour with the page: what it costs her, and how much memory her tab takes.
//
// Every byte between browser and relay is counted, the page's included; TLS would add a few hundred bytes for each connection
// and 22 for each record. The page's clock goes through a whole hour, with what it sends only to keep the connection.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOON, onStage, writeFirst } from './stage.mjs';

const KIB = 1024;
const HOUR_MAX = 450 * KIB, KEPT_MAX = 2200 * KIB, TAB_MAX = 256e6, EACH_WAY = 20;
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

async function exchange(page, worker, counter, i) {
    if (i > 1) {
        await page.fill('#text', `message ${i}`);
        await page.click('#send');
        await worker.until((e) => e.event === 'message' && e.text === `message ${i}`, `message ${i}`);
    }
    worker.say(`answer ${i}`);
    await page.locator('#log .theirs .said', { hasText: new RegExp(`^answer ${i}$`) }).waitFor();
    await quiet(counter);
}

// As much of everything as a picture has that uses its room; noise, so that nothing makes it smaller.
async function picture(page) {
    return Buffer.from(await page.evaluate(async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [800, 600];
        const context = canvas.getContext('2d'), image = context.createImageData(800, 600);
        for (let at = 0; at < image.data.length; at += 65536)
            crypto.getRandomValues(image.data.subarray(at, at + 65536));
        context.putImageData(image, 0, 0);
        const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', 0.9); });
        return [...new Uint8Array(await blob.arrayBuffer())];
    }));
}

// The same number of messages with a return phrase, and a picture each way.
async function keptHour(stage, page, worker) {
    const { counter } = stage, before = counter.bytes;
    await page.click('#come-back');
    await page.click('#panel button:has-text("20 digits")');
    await page.click('#panel button:has-text("I know it")');
    await page.locator('#panel', { hasText: 'It works.' }).waitFor();
    await page.click('#panel button');
    await quiet(counter);
    const phrase = counter.bytes - before;
    for (let i = EACH_WAY + 1; i <= 2 * EACH_WAY; i++)
        await exchange(page, worker, counter, i);
    const words = counter.bytes - before;
    await page.setInputFiles('#file', { name: 'x.jpg', mimeType: 'image/jpeg', buffer: await picture(page) });
    await page.locator('#panel button', { hasText: /^Send$/ }).click();
    const { message } = await worker.until((e) => e.kind === 'jpeg', 'her picture');
    const file = join(stage.relay.folder, 'x.jpg');
    worker.say(`/save ${message.slice(0, 6)} ${file}`);
    await moment(300);
    writeFileSync(`${file}.again`, readFileSync(file));
    worker.say(`/file ${file}.again`);
    await page.locator('#log .theirs canvas').waitFor();
    await quiet(counter);
    return { phrase, words, all: counter.bytes - before };
}

await onStage({ idle: 7200, settings: SOON, counted: true }, async (stage) => {
    const { counter } = stage, page = await stage.page();
    await page.clock.install();
    await writeFirst(page, stage.link, 'message 1');
    await quiet(counter);
    const first = counter.bytes, worker = stage.chat(stage.knock());
    let idle = 0;
    for (let i = 1; i <= EACH_WAY; i++) {
        await exchange(page, worker, counter, i);
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
    const hour = counter.bytes, kept = await keptHour(stage, page, worker), all = first + idle + kept.all;
    console.log(`with a return phrase and a picture each way: ${(all / KIB).toFixed(0)} KiB; the phrase ${(kept.phrase / KIB).toFixed(0)}, ` +
        `${EACH_WAY} messages each way ${((kept.words - kept.phrase) / KIB).toFixed(0)}, the pictures ${((kept.all - kept.words) / KIB).toFixed(0)}`);
    assert.ok(hour <= HOUR_MAX, `more than ${HOUR_MAX / KIB} KiB`);
    assert.ok(all <= KEPT_MAX, `more than ${KEPT_MAX / KIB} KiB`);
    assert.ok(memory > 10e6 && memory <= TAB_MAX, `more than ${TAB_MAX / 1e6} MB`);
});
