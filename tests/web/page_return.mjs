// A lost phone (scenario 7): with her return phrase the old conversation, and only what has not expired; without it nothing:
// page_return.mjs ZAGUAN-RELAY ZAGUAN PAGE PICTURES
import assert from 'node:assert/strict';
import { onStage, rules, SOON, writeFirst } from './stage.mjs';

const shown = (page) => page.locator('#log .said').allInnerTexts();
const theirs = (page, text) => page.locator('#log .theirs .said', { hasText: text }).waitFor();

// Shown once; as she learns it.
async function learn(page, as) {
    await page.click('#come-back');
    await page.click(`#panel button:has-text("${as}")`);
    return page.locator('#panel .safe li').allInnerTexts();
}

async function comeBack(page, link, phrase) {
    await page.goto('about:blank');
    await page.goto(link);
    await page.click('#return');
    await page.fill('#phrase', phrase);
    await page.press('#phrase', 'Enter');
}

async function nothingStored(page) {
    const kept = await page.evaluate(async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length,
        (await caches.keys()).length, document.cookie, [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('')].join());
    assert.equal(kept, '0,0,0,0,,');
}

// A page whose first return fails, after which its client is of no more use.
async function failOnce(page) {
    await page.route('**/*.js', async (route) => {
        const body = await (await route.fetch()).text();
        await route.fulfill({ contentType: 'text/javascript', body: body.replace('returnTo(card,secret){', `$&
            if (!globalThis.failed) {
                globalThis.failed = true;
                this.returnTo = () => { throw new ZaguanError('state', 'failed', 'return'); };
                setTimeout(() => this.#onevent({ kind: 'return_failed', error: 'memory' }));
                return;
            }`) });
    });
}

// Sloppily: capitals, accents, only the beginning of long words, no line as it was.
const sloppy = (parts) => parts.map((part, i) => (i % 2 === 0 ? part.toUpperCase() : part.replace(/^(\d) (.{4}).*$/, '$1 $2'))).join(' , ');

await onStage({ settings: SOON }, async (stage) => {
    const first = await stage.page({ locale: 'es-ES' });
    await first.goto(stage.link);
    await first.click('#write');
    assert.ok(await first.isHidden('#come-back'), 'before her first message there is nothing to come back to');
    await writeFirst(first, stage.link, 'hola');
    const worker = stage.chat(stage.knock());
    worker.say('estoy aquí');
    await theirs(first, 'estoy aquí');

    // Offered, looked at, left.
    await learn(first, '20 cifras');
    await stage.picture(first, 'return-digits');
    await first.click('#panel button:has-text("Sin frase")');
    assert.equal(await first.locator('#panel').innerText(), '');
    const words = await learn(first, '6 palabras');
    assert.equal(words.length, 6);
    assert.ok(words.every((part) => /^[1-8] [a-z]+$/.test(part)), words.join());
    await stage.picture(first, 'return-words');
    await rules(first, 'a phrase');
    await first.setViewportSize({ width: 320, height: 568 });
    await stage.picture(first, 'return-words-small');
    await first.click('#panel button:has-text("Ya la sé")');
    assert.ok(await first.isHidden('#come-back'), 'a second phrase could be asked for while the first is made');
    await first.locator('#panel', { hasText: 'Funciona.' }).waitFor();
    assert.ok(!(await first.content()).includes(words[0]), 'the phrase is still in the document');
    await first.click('#panel button');
    assert.ok(await first.isHidden('#come-back'), 'one phrase is enough');
    worker.say('/lifetime 3s sent');
    worker.say('esto no dura');
    worker.say('/lifetime 24h read');
    worker.say('esto dura');
    await theirs(first, 'esto dura');
    await nothingStored(first);
    await first.context().close();
    worker.say('mientras no estabas');
    await new Promise((resolve) => { setTimeout(resolve, 3000); });

    // A return that fails can be tried again.
    const unlucky = await stage.page();
    await failOnce(unlucky);
    await comeBack(unlucky, stage.link, words.join(' '));
    await unlucky.locator('#panel', { hasText: 'That did not work.' }).waitFor();
    await unlucky.fill('#phrase', words.join(' '));
    await unlucky.press('#phrase', 'Enter');
    await theirs(unlucky, 'mientras no estabas');
    assert.ok(await unlucky.evaluate(() => globalThis.failed));
    await unlucky.context().close();

    // Another device, another language.
    const second = await stage.page();
    await comeBack(second, stage.link, '1 river 2 river 3 river 4 river 5 river 6 xylophone');
    await second.locator('#panel', { hasText: '“xylophone” is not one of the words' }).waitFor();
    await second.fill('#phrase', '12345');
    await second.press('#phrase', 'Enter');
    await second.locator('#panel', { hasText: 'not a whole phrase' }).waitFor();
    await second.fill('#phrase', '1 river 2 river 3 river 4 river 5 river 6 river');
    await second.press('#phrase', 'Enter');
    await second.locator('#panel', { hasText: 'Nothing is there.' }).waitFor();
    await stage.picture(second, 'return-nothing');
    await rules(second, 'asking for a phrase');
    await second.fill('#phrase', sloppy(words));
    await second.press('#phrase', 'Enter');
    await theirs(second, 'mientras no estabas');
    assert.deepEqual((await shown(second)).filter((text) => text !== ''), ['hola', 'estoy aquí', 'esto dura', 'mientras no estabas']);
    await stage.picture(second, 'return-back');
    await second.fill('#text', 'he vuelto');
    await second.click('#send');
    await worker.until((e) => e.text === 'he vuelto', 'that she is back');
    worker.say('qué bien');
    await theirs(second, 'qué bien');
    assert.ok(await second.isVisible('#words'));
    await nothingStored(second);

    // A third one closes the second.
    const third = await stage.page();
    await comeBack(third, stage.link, words.join(' '));
    await theirs(third, 'qué bien');
    await second.locator('#state', { hasText: 'opened on another device' }).waitFor();
    assert.deepEqual(await shown(second), []);
    assert.ok(await second.isHidden('#composer'));
    await stage.picture(second, 'return-closed');

    // Erased, the phrase opens nothing; leaving works while a phrase is being worked on.
    await third.click('#erase');
    await third.click('#panel button:has-text("Erase")');
    await third.locator('#state', { hasText: 'Everything is erased' }).waitFor();
    await comeBack(third, stage.link, words.join(' '));
    await third.locator('#panel', { hasText: 'Nothing is there.' }).waitFor();
    await third.fill('#phrase', '1234 5678 9012 3456 7890');
    await third.press('#phrase', 'Enter');
    await third.click('#leave');
    await third.waitForURL(stage.elsewhere.url + '/away');
    for (const page of [second, third])
        assert.deepEqual(page.wrong.filter((line) => !/ERR_|favicon/.test(line)), []);
    console.log('with a phrase she is back, with what has not expired; the former device closes; erased, it opens nothing');
});
