// Scenario 1, before the first word: hours while nobody is there, "on duty" that is over after 12 hours, a false card, an
// ended desk. Nothing of it changes anything at the relay.
import assert from 'node:assert/strict';
import { onStage } from './stage.mjs';

const HOUR_MS = 3600000;
const COUNTS = ['queues', 'slots', 'messages_waiting', 'accepted', 'delivered'];

const counts = (stage) => COUNTS.map((name) => stage.relay.status()[name]);

async function tap(stage, link, options) {
    const page = await stage.page(options);
    page.sent = [];
    page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => page.sent.push(payload.length)));
    await page.goto(link);
    await page.click('#write');
    return page;
}

// The screen says why, and there is no field to write in.
async function isClosed(page, words) {
    await page.locator('#state', { hasText: words }).waitFor();
    assert.ok(!await page.locator('#composer').isVisible());
    assert.deepEqual(page.wrong, []);
}

// She may look at it for half a day here.
await onStage({ idle: 100000 }, async (stage) => {
    const before = counts(stage);
    const away = await tap(stage, stage.link);
    await away.locator('#state', { hasText: 'Nobody is there at the moment. You can write' }).waitFor();
    assert.match(await away.innerText('#state'), /Lun-vie 10-20 h/);
    assert.ok(await away.locator('#send').isEnabled());
    await stage.picture(away, 'entrance-away');
    await away.context().close();

    // A false card: a hello, one question, and no key is agreed with anybody behind it.
    const one = await tap(stage, stage.link);
    await one.locator('#state', { hasText: 'Nobody' }).waitFor();
    const forged = await tap(stage, stage.forge('organisation'));
    await isClosed(forged, 'This link is not real. Do not write here.');
    assert.deepEqual(forged.sent, one.sent, 'a false card makes the page send more than a look');
    await stage.picture(forged, 'entrance-false');
    await forged.context().close();
    await one.context().close();
    assert.deepEqual(counts(stage), before);

    // "On duty" counts for 12 hours; the page that stays open says so by itself, and so does one that is opened then.
    stage.notice('on-duty', 'Hasta las 20 h');
    const page = await stage.page();
    await page.clock.install();
    await page.goto(stage.link);
    await page.click('#write');
    await page.locator('#state', { hasText: 'Somebody is on duty now.' }).waitFor();
    await stage.picture(page, 'entrance-on-duty');
    await page.clock.fastForward(11 * HOUR_MS);
    assert.match(await page.innerText('#state'), /Somebody is on duty/);
    await page.clock.fastForward(HOUR_MS + 60000);
    await page.locator('#state', { hasText: 'Nobody is there at the moment' }).waitFor();
    assert.match(await page.innerText('#state'), /Hasta las 20 h/);
    await page.context().close();

    // An ended desk, with its text; what she had begun to write goes nowhere.
    stage.notice('ended', 'Escribe a la asociación Puerta.');
    const ended = await tap(stage, stage.link);
    await isClosed(ended, 'This service has ended. Nobody will answer here.');
    assert.match(await ended.innerText('#state'), /asociación Puerta/);
    await stage.picture(ended, 'entrance-ended');
    assert.deepEqual(counts(stage), before);
    console.log('hours before the first word; on duty for 12 hours; a false card and an ended desk are told at once');
});
