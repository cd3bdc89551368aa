// Scenario 6: the server is seized in the middle of a conversation. Its files and its memory are looked through: no word, no
// card, no notice, no address. Put back as it was before, it is noticed, and she reads that words may be lost.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HER_ADDRESS } from './line.mjs';
import { Look } from './look.mjs';
import { onStage, writeFirst } from './stage.mjs';

const HERS = 'letrasdeella qzmwhtkcnrxv', THEIRS = 'letrasdeana gdjfpbylsoue', NOTICE = 'Avisodeguardia wkxzqvjm', LATE = 'letrastarde hxmcrwqzbkvt';
const folder = mkdtempSync(join(tmpdir(), 'zaguan-look-'));

// struct sockaddr_in of her connections.
const sockaddr = (port) => Buffer.from([2, 0, port >> 8, port & 255, ...HER_ADDRESS.split('.').map(Number)]).toString('hex');

async function lookThrough(stage) {
    const places = ['folder', stage.relay.dir, 'memory', stage.relay.process.pid];
    const there = new Look(folder, 'there').plant('text', 'modulepreload').find(...places.slice(2));
    assert.equal(there.found, 1, 'the search does not even find the page in the relay\'s memory');
    const look = new Look(folder, 'look');
    for (const text of [HERS, THEIRS, NOTICE, LATE, stage.card.slice(40, 70), HER_ADDRESS])
        look.plant('text', text);
    for (const port of stage.line.ports)
        look.plant('hex', sockaddr(port));
    const { found, said } = look.find(...places);
    assert.equal(found, 0, said);
}

const copyFolder = (from, to) => cpSync(from, to, { recursive: true, filter: (name) => !name.endsWith('.sock') });

async function restart(stage, put) {
    await stage.relay.kill();
    put();
    await stage.relay.start();
}

await onStage({ line: true }, async (stage) => {
    stage.notice('on-duty', NOTICE);
    const page = await stage.page();
    await writeFirst(page, stage.link, HERS);
    const worker = stage.chat(stage.knock());
    worker.say(THEIRS);
    await page.locator('#log .theirs', { hasText: THEIRS }).waitFor();
    await lookThrough(stage);

    // Words that wait for her lie on the disk; a copy is made of it.
    const copy = join(folder, 'copy');
    stage.line.cut();
    worker.say(LATE);
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    assert.equal(stage.relay.status().messages_waiting, 1);
    await lookThrough(stage);
    await restart(stage, () => copyFolder(stage.relay.dir, copy));
    stage.line.mend();
    await page.locator('#log .theirs', { hasText: LATE }).waitFor();

    // Long enough after it that nobody can have sent it twice.
    for (let i = 0; i < 20; i++)
        worker.say(`una ${i}.`);
    await page.locator('#log .theirs', { hasText: 'una 19.' }).waitFor();
    await page.fill('#text', 'gracias');
    await page.click('#send');
    await worker.until((e) => e.event === 'message' && e.text === 'gracias', 'her thanks');
    await page.locator('#log .own', { hasText: 'gracias' }).locator('.note', { hasText: /^sent/ }).waitFor(); // and what came before is gone
    assert.doesNotMatch(await page.innerText('#state'), /lost on the way/);

    // The relay as it was: she reads it once, and the conversation goes on.
    await restart(stage, () => {
        rmSync(stage.relay.dir, { recursive: true });
        copyFolder(copy, stage.relay.dir);
    });
    await page.locator('#state', { hasText: 'Some messages may have been lost on the way.' }).waitFor();
    assert.equal(await page.locator('#log .theirs', { hasText: LATE }).count(), 1, 'old words come again');
    await stage.picture(page, 'seized-went-back');
    await page.fill('#text', 'otra vez');
    await page.click('#send');
    await worker.until((e) => e.event === 'message' && e.text === 'otra vez', 'her words after it');
    await lookThrough(stage);
    await page.context().close();
});
rmSync(folder, { recursive: true, force: true });
console.log('a seized server knows no word, card, notice or address; one that was put back is noticed');
