// Scenario 2: a day after both read, the words are gone from the page, from the worker's vault and program, and from the
// relay's files and memory. Also when the page had no network or the device slept. A clock that is set back revives nothing.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Look, keepMemory } from './look.mjs';
import { PASSPHRASE, onStage, writeFirst } from './stage.mjs';

const DAY_S = 25 * 3600;
const HERS = 'letrasdeella zfqkwmxbtrhn', THEIRS = 'letrasdeana pvlsgjdycoei', LATE = 'letrastarde uxnbwqrmzktf';
const folder = mkdtempSync(join(tmpdir(), 'zaguan-look-'));

// The journal is emptied within 5 seconds.
async function gone(look, places, where) {
    for (const end = Date.now() + 7000; ;) {
        const { found, said } = look.find(...places);
        if (found === 0)
            return;
        assert.ok(Date.now() < end, `${where}: ${said}`);
        await new Promise((resolve) => { setTimeout(resolve, 300); });
    }
}

async function hasNothing(page, where) {
    for (const words of [HERS, THEIRS, LATE]) {
        assert.ok(!(await page.content()).includes(words), `${where}: ${words} in the document`);
        assert.ok(!await page.evaluate((w) => window.remembers(w), words), `${where}: ${words} in memory`);
    }
    assert.equal(await page.locator('#log li').count(), 0, where);
}

await onStage({ idle: 1e7, clock: true, line: true }, async (stage) => {
    const page = await stage.page();
    await page.addInitScript(keepMemory);
    await page.clock.install();
    await writeFirst(page, stage.link, HERS);
    const conversation = stage.knock();
    let worker = stage.chat(conversation);
    worker.say(THEIRS);
    await page.locator('#log .theirs', { hasText: THEIRS }).waitFor();

    // What waits for her while she has no way lies at the relay, sealed; then she reads it.
    const relay = new Look(folder, 'relay'), vault = new Look(folder, 'vault'), words = new Look(folder, 'words');
    stage.line.cut();
    worker.say(LATE);
    await worker.until((e) => e.event === 'sent', 'that the relay keeps it');
    relay.plant('relay', stage.relay.dir);
    const planted = relay.find('folder', stage.relay.dir);
    assert.match(planted.said, /sealed envelope/);
    assert.match(planted.said, /epoch key/);
    stage.line.mend();
    await page.locator('#log .theirs', { hasText: LATE }).waitFor({ timeout: 30000 });
    for (const text of [HERS, THEIRS, LATE]) {
        words.plant('text', text);
        assert.ok(await page.evaluate((w) => window.remembers(w), text), 'the search finds nothing at all');
    }
    assert.ok(words.find('memory', worker.pid).found > 0, 'the search finds nothing in the worker\'s program');
    worker.say('/quit');
    await worker.end();
    vault.plant('vault', stage.vault, PASSPHRASE);
    const kept = vault.find('folder', dirname(stage.vault));
    assert.ok(kept.found > 0, kept.said);

    // A day later: she has no network at that time, and her page asks nobody.
    await stage.picture(page, 'time-before');
    stage.line.cut();
    stage.clock.pass(DAY_S);
    await page.clock.fastForward(DAY_S * 1000);
    await hasNothing(page, 'a day later, without a network');
    await stage.picture(page, 'time-after');
    worker = stage.chat(conversation);
    await worker.until((e) => e.event === 'connected', 'the relay');
    assert.ok(!worker.events.some((e) => e.event === 'message'), 'the worker reads it still');
    assert.equal(words.find('memory', worker.pid).found, 0, 'words in the worker\'s program');
    worker.say('/quit');
    await worker.end();
    vault.keep(stage.vault, PASSPHRASE);
    await gone(vault, ['folder', dirname(stage.vault)], 'the worker\'s vault');
    relay.forgive('epoch key'); // its hour has not come: what nobody reads stays 7 days
    await gone(relay, ['folder', stage.relay.dir], 'the relay\'s files');
    relay.forgive('handle\'s hash'); // a register of SQLite may hold the last one until another takes its place
    await gone(relay, ['memory', stage.relay.process.pid], 'the relay\'s memory');
    await gone(words, ['folder', stage.relay.dir, 'folder', dirname(stage.vault), 'memory', stage.relay.process.pid], 'words');

    // Clocks that are set back: at her side, at the relay that starts again, at the worker's.
    await page.clock.setSystemTime(Date.now() - DAY_S * 1000);
    stage.line.mend();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    stage.clock.pass(-2 * DAY_S);
    await stage.relay.kill();
    await stage.relay.start();
    await hasNothing(page, 'a clock set back');
    await page.locator('#state button').click({ timeout: 1000 }).catch(() => {}); // she may be connected already
    worker = stage.chat(conversation);
    await worker.until((e) => e.event === 'connected', 'the relay');
    assert.ok(!worker.events.some((e) => e.event === 'message'), 'the worker reads it again');
    await gone(relay, ['folder', stage.relay.dir], 'the relay, set back');
    assert.ok(!/cannot be reached/.test(await page.innerText('#state')));
    await hasNothing(page, 'a clock set back, with the relay');
    await page.context().close();
});

// A device that slept, with a clock that stood still: nothing is on the screen before the relay has told the time.
await onStage({ idle: 1e7, clock: true, line: true }, async (stage) => {
    const page = await stage.page();
    await page.addInitScript(keepMemory);
    await page.clock.install();
    await writeFirst(page, stage.link, HERS);
    stage.chat(stage.knock()).say(THEIRS);
    await page.locator('#log .theirs', { hasText: THEIRS }).waitFor();
    stage.line.cut();
    stage.clock.pass(DAY_S);
    await page.clock.setSystemTime(Date.now() + DAY_S * 1000); // timers and performance.now() know nothing of it
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    assert.ok(!await page.locator('#log').isVisible(), 'words are shown before their time is known');
    stage.line.mend();
    await page.locator('#log').waitFor({ state: 'attached' });
    await page.waitForFunction(() => !document.getElementById('log').hidden, null, { timeout: 30000 });
    await hasNothing(page, 'a device that slept');
});

rmSync(folder, { recursive: true, force: true });
console.log('a day after reading nothing is left in page, vault, relay; no network, a sleep, clocks set back change nothing');
