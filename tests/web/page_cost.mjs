// What the page weighs, and how long it takes at 400 kbit/s, 400 ms and a CPU six times slower.
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { onStage } from './stage.mjs';

const KIB = 1024;
const FIRST_MAX = 60 * KIB, ALL_MAX = 200 * KIB, WORDS_MS = 2000, READY_MS = 5000;

const compressed = (folder, names) => names.reduce((sum, name) => sum + statSync(join(folder, `${name}.br`)).size, 0);

await onStage({}, async (stage) => {
    const folder = process.argv[4];
    const all = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.br')).map((name) => name.slice(0, -3));
    const page = await stage.page();
    const first = [];
    page.on('request', (request) => first.push(new URL(request.url()).pathname.slice(1) || 'index.html'));
    let loaded = null;
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions', {
        offline: false, latency: 400, downloadThroughput: 400e3 / 8, uploadThroughput: 400e3 / 8,
    });
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: 6 });
    const start = Date.now();
    const going = page.goto(stage.link, { waitUntil: 'commit' });
    await page.locator('#write').waitFor();
    const words = Date.now() - start;
    loaded = first.filter((name) => name !== 'favicon.ico' && !/^(chat|zaguan|core|log|panel|status)\.|wasm/.test(name));
    await going;
    await page.click('#write');
    await page.locator('#send:enabled').waitFor();
    const ready = Date.now() - start;

    const firstBytes = compressed(folder, [...new Set(loaded)]), allBytes = compressed(folder, all);
    console.log(`first screen ${(firstBytes / KIB).toFixed(1)} KiB, all ${(allBytes / KIB).toFixed(1)} KiB; ` +
        `first words after ${words} ms, chat ready after ${ready} ms`);
    assert.ok(firstBytes <= FIRST_MAX && allBytes <= ALL_MAX);
    assert.ok(words <= WORDS_MS, 'first words');
    assert.ok(ready <= READY_MS, 'chat ready');
    assert.deepEqual(page.wrong, []);
});
