// What the page weighs, and how long it takes at 400 kbit/s, 400 ms and a CPU six times slower.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { onStage } from './stage.mjs';

const KIB = 1024;
const FIRST_MAX = 60 * KIB, ALL_MAX = 200 * KIB, WORDS_MS = 2000, READY_MS = 5000;

const compressed = (folder, names) => names.reduce((sum, name) => sum + statSync(join(folder, `${name}.br`)).size, 0);

// One visit: when the first words were painted, counted from the beginning of the navigation, and when she could send.
async function visit(stage) {
    const page = await stage.page(), requests = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname.slice(1) || 'index.html'));
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', {
        offline: false, latency: 400, downloadThroughput: 400e3 / 8, uploadThroughput: 400e3 / 8,
    });
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 6 });
    const start = Date.now(), going = page.goto(stage.link, { waitUntil: 'commit' });
    await page.locator('#write').waitFor();
    const words = Math.round(await page.evaluate(() => new Promise((resolve) => {
        new PerformanceObserver((list) => resolve(list.getEntries().pop().startTime))
            .observe({ type: 'largest-contentful-paint', buffered: true });
    })));
    await going;
    assert.ok((await page.innerText('#about')).length > 500);
    await page.click('#write');
    await page.locator('#send:enabled').waitFor();
    const ready = Date.now() - start;
    assert.deepEqual(page.wrong, []);
    await page.context().close();
    return { words, ready, requests: [...new Set(requests)] };
}

await onStage({}, async (stage) => {
    const folder = process.argv[4];
    const all = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.br')).map((name) => name.slice(0, -3));
    const visits = [await visit(stage), await visit(stage), await visit(stage)];
    const later = /^(chat|zaguan|core|log|panel|status)\./, names = visits[0].requests.filter((name) => all.includes(name));
    const first = compressed(folder, names.filter((name) => !later.test(name))), whole = compressed(folder, all);
    const words = visits.map((v) => v.words), ready = visits.map((v) => v.ready);
    console.log(`first screen ${(first / KIB).toFixed(1)} KiB, all, in every language, ${(whole / KIB).toFixed(1)} KiB; ` +
        `first words after ${words.join(', ')} ms, chat ready after ${ready.join(', ')} ms`);
    assert.ok(first > 0 && first <= FIRST_MAX && whole <= ALL_MAX);
    // A machine that is slow just now fails nothing; it is said.
    for (const [what, times, goal] of [['first words', words, WORDS_MS], ['chat ready', ready, READY_MS]])
        if (Math.min(...times) > goal)
            console.log(`${what}: goal of ${goal} ms MISSED`);
});
