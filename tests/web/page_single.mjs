// The page as one file, opened from disk: node page_single.mjs as the other tests of the page.
//
// Nothing but that file is loaded, and nothing but the relay is connected to.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { axe, onStage } from './stage.mjs';

const single = fileURLToPath(new URL('../../client/web/single.mjs', import.meta.url));

function keep(stage, folder = stage.folder) {
    const file = join(stage.relay.folder, 'page.html');
    execFileSync('node', [single, folder, file], { stdio: 'inherit' });
    return file;
}

// What is new in the page's folder comes along: a script, a worker with a script of its own, a list.
async function newFilesComeAlong(stage) {
    const folder = join(stage.relay.folder, 'more');
    cpSync(stage.folder, folder, { recursive: true });
    writeFileSync(join(folder, 'list.txt'), 'ñandú');
    writeFileSync(join(folder, 'twice.js'), 'export const twice = (text) => text + text;\n');
    writeFileSync(join(folder, 'worker.js'), "import { twice } from './twice.js';\nonmessage = (event) => postMessage(twice(event.data));\n");
    writeFileSync(join(folder, 'page.js'), `${readFileSync(join(folder, 'page.js'), 'utf8')}
const worker = new Worker('worker.js', { type: 'module' });
worker.onmessage = (event) => { document.body.dataset.worked = event.data; };
fetch('list.txt').then((response) => response.text()).then((text) => worker.postMessage(text));
fetch('nothing.txt').catch((error) => { document.body.dataset.missing = error.message; });\n`);
    const page = await open(stage, pathToFileURL(keep(stage, folder)).href);
    await page.locator('body[data-worked="ñandúñandú"][data-missing]').waitFor();
    assert.deepEqual(page.wrong, []);
    await page.context().close();
}

async function open(stage, url, options) {
    const page = await stage.page(options);
    page.asked = [];
    page.sockets = 0;
    page.on('request', (request) => page.asked.push(request.url()));
    page.on('websocket', () => { page.sockets++; });
    await page.goto(url);
    await page.locator('#write').waitFor();
    return page;
}

async function say(page, words) {
    await page.fill('#text', words);
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^(sent|enviado|envoyé)/ }).waitFor();
}

await onStage({}, async (stage) => {
    const file = keep(stage), url = pathToFileURL(file).href;

    // The card pasted, as somebody would who kept the file and has the link elsewhere; first without any.
    const page = await open(stage, url, { locale: 'fr-FR' });
    await stage.picture(page, 'single-fr', { fullPage: true });
    await page.click('#write');
    assert.ok(await page.locator('#card').isVisible());
    await page.evaluate(axe());
    const { violations } = await page.evaluate(() => window.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
    assert.deepEqual(violations.map((v) => v.id), []);
    await page.fill('#card', `voici : https://page.example.org/#${stage.card} à bientôt`);
    assert.equal(page.sockets, 0); // until she asks to write
    await page.press('#card', 'Enter');
    await page.locator('#text').waitFor();
    await say(page, 'd’un fichier');
    const worker = stage.chat(stage.knock());
    await worker.until((e) => e.event === 'message' && e.text === 'd’un fichier', 'her words');
    worker.say('Je suis là.');
    await page.locator('#log .theirs .said', { hasText: 'Je suis là.' }).waitFor();
    assert.deepEqual(page.asked.filter((asked) => !asked.startsWith('file:') && !asked.startsWith('data:')), []);
    assert.deepEqual(page.asked.filter((asked) => asked.startsWith('file:')), [url]);
    assert.equal(page.sockets, 1);

    // Every language is inside.
    assert.deepEqual(await page.locator('#languages button').evaluateAll((all) => all.map((b) => b.lang)), ['en', 'es', 'fr']);

    // The quick exit, and Back.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.waitForURL('**/away');
    await page.goBack().catch(() => {});
    assert.ok(!(await page.content()).includes('fichier</p>'));
    assert.equal(await page.locator('#log li').count(), 0);
    assert.deepEqual(page.wrong, []);
    await page.context().close();

    // The card behind the file's name; it goes from the tab's history with her.
    const linked = await open(stage, `${url}#${stage.card}`, { locale: 'es-ES' });
    assert.ok(!await linked.locator('#card').isVisible());
    await linked.click('#write');
    await say(linked, 'otra vez');
    await linked.click('#leave');
    await linked.waitForURL('**/away');
    const { entries } = await (await linked.context().newCDPSession(linked)).send('Page.getNavigationHistory');
    assert.ok(entries.every((entry) => !entry.url.includes(stage.card)));
    assert.deepEqual(linked.wrong, []);
    await linked.context().close();

    // A script that somebody added, or changed by one byte, does not run.
    const changed = join(stage.relay.folder, 'changed.html'), whole = readFileSync(file, 'utf8');
    for (const [from, to] of [['</body>', '<script>document.title = "other"</script></body>'], ['"Escape"', '"escape"']]) {
        assert.ok(whole.includes(from));
        writeFileSync(changed, whole.replace(from, to));
        const other = await stage.page();
        await other.goto(pathToFileURL(changed).href);
        await other.waitForFunction(() => document.readyState === 'complete');
        assert.ok(other.wrong.some((line) => /Content Security Policy/.test(line)), from);
        assert.equal(await other.title(), 'Notes');
        await other.context().close();
    }
    const size = (statSync(file).size / 1024).toFixed(0);
    await newFilesComeAlong(stage);
    console.log(`one file of ${size} KiB: opened from disk, a knock, an answer, gone`);
});
