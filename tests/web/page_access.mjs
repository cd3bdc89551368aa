// The page by keyboard alone, under axe-core's rules of WCAG 2.2 AA and some that it does not know, on a screen of 320 pixels,
// with text of 200 %, in three languages and in one that is written from right to left.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOON, onStage, rules } from './stage.mjs';

const TARGET_PX = 24; // 2.5.8
const BARS_MAX = 0.3; // of a screen: what stays in its place while the rest moves

async function noSideways(page, where) {
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= seen, `${where} is ${wide} pixels wide on a screen of ${seen}`);
}

// Tab until the element with this id has the focus.
async function tabTo(page, id) {
    for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate(() => document.activeElement.id) === id)
            return;
    }
    throw new Error(`no way by keyboard to ${id}`);
}

async function keyboardAlone(stage) {
    const page = await stage.page();
    await page.goto(stage.link);
    await page.locator('#write').waitFor();
    await tabTo(page, 'write');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement.id === 'text');
    await page.keyboard.type('no mouse');
    await tabTo(page, 'send');
    await page.keyboard.press('Enter');
    await page.locator('#log .own .note', { hasText: /^sent/ }).waitFor();
    await tabTo(page, 'erase');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.activeElement.id === 'panel');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#state', { hasText: 'Everything is erased' }).waitFor();
    await tabTo(page, 'leave');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/away');
    await page.context().close();
}

// The document and the buttons that choose a language say in which language they are; so do words in another one.
async function speaks(page, code, dir = 'ltr') {
    const said = await page.evaluate(() => ({
        document: [document.documentElement.lang, document.documentElement.dir],
        buttons: [...document.querySelectorAll('#languages button')].map((b) => [b.lang, b.textContent, b.ariaCurrent]),
        theirs: [...document.querySelectorAll('[data-organisation]')].map((e) => e.lang || document.documentElement.lang),
    }));
    assert.deepEqual(said.document, [code, dir]);
    assert.ok(said.buttons.length >= 3);
    for (const [lang, name, current] of said.buttons) {
        assert.equal(name, new Intl.DisplayNames([lang], { type: 'language' }).of(lang));
        assert.equal(current, lang === code ? 'true' : null);
    }
    const inTheirs = JSON.parse(readFileSync(join(process.argv[4], 'organisation.json'), 'utf8')).words;
    assert.deepEqual([...new Set(said.theirs)], [inTheirs[code] ? code : Object.keys(inTheirs)[0]]);
}

// What she touches is large enough, and what stays in its place leaves room for the rest.
async function fits(page, where) {
    const [small, bars, seen] = await page.evaluate((least) => {
        const boxes = (selector) => [...document.querySelectorAll(selector)].map((e) => [e, e.getBoundingClientRect()]);
        return [
            boxes('a, button, select, textarea, input, [role=button]').filter(([, b]) => b.width > 0)
                .filter(([, b]) => b.width < least || b.height < least).map(([e, b]) => `${e.outerHTML} ${b.width}x${b.height}`),
            boxes('body *').filter(([e]) => ['sticky', 'fixed'].includes(getComputedStyle(e).position))
                .reduce((sum, [, b]) => sum + b.height, 0) / innerHeight,
            (({ top, bottom, left, right }) => top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth)(
                document.getElementById('leave').getBoundingClientRect()),
        ];
    }, TARGET_PX);
    assert.deepEqual(small, [], `${where}: too small to touch`);
    assert.ok(bars > 0 && bars <= BARS_MAX, `${where}: ${Math.round(bars * 100)} % of the screen do not move`);
    assert.ok(seen, `${where}: the way out is not in sight`);
}

// From one stop of the Tab key to the next, and back: each can be seen to have the focus and is not under something else.
async function focusSeen(page, where, key) {
    const stops = new Set();
    for (let i = 0; i < 60; i++) {
        await page.keyboard.press(key);
        const stop = await page.evaluate(() => {
            const e = document.activeElement, { left, right, top, bottom } = e.getBoundingClientRect(), style = getComputedStyle(e);
            if (e === document.body)
                return null;
            const inside = (from, to, share, end) => Math.min(end - 1, Math.max(0, from + (to - from) * share));
            const covered = [[.1, .1], [.9, .1], [.5, .5], [.1, .9], [.9, .9]].filter(([x, y]) => {
                const hit = document.elementFromPoint(inside(left, right, x, innerWidth), inside(top, bottom, y, innerHeight));
                return hit !== null && !e.contains(hit) && !hit.contains(e);
            }).length;
            return {
                name: e.id || `${e.tagName} ${e.textContent.slice(0, 20)}`,
                ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                seen: bottom > 0 && top < innerHeight && covered < 3,
            };
        });
        if (stop === null)
            continue; // past the end: it begins anew
        if (stops.has(stop.name))
            break;
        stops.add(stop.name);
        assert.ok(stop.ring, `${where}: the focus on ${stop.name} cannot be seen`);
        assert.ok(stop.seen, `${where}: ${stop.name} has the focus and is covered`);
    }
    assert.ok(stops.has('leave'), `${where}: ${[...stops]}`);
    return stops.size;
}

async function looks(stage, name, options, text) {
    const page = await stage.page(options);
    // A larger font in the settings of the browser.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Page.setFontSizes', { fontSizes: { standard: 16 * text / 100 } });
    await page.goto(stage.link);
    await page.locator('#write').waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize), `${16 * text / 100}px`);
    await speaks(page, (options.locale ?? 'en-GB').slice(0, 2));
    await noSideways(page, `${name}, first screen`);
    await fits(page, `${name}, first screen`);
    await rules(page, `${name}, first screen`);
    await stage.picture(page, `${name}-about`);
    if (text !== 100)
        for (const key of ['Tab', 'Shift+Tab'])
            await focusSeen(page, `${name}, first screen`, key);
    await page.click('#write');
    await page.fill('#text', 'unapalabramuylargaquenosepuedepartirporningunladoporquenotieneespacios y más');
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^(sent|enviado|envoyé)/ }).waitFor();
    await stage.picture(page, `${name}-chat`);
    await page.click('#erase');
    await noSideways(page, `${name}, chat`);
    await fits(page, `${name}, chat`);
    await rules(page, `${name}, chat`);
    await stage.picture(page, `${name}-erase`);
    if (text !== 100)
        for (const key of ['Tab', 'Shift+Tab'])
            await focusSeen(page, `${name}, chat`, key);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
}

// --- from right to left ---

// The French words as if they were of a language that is: what is to the left of the one is to the right of the other.
function addRightToLeft(folder) {
    const words = JSON.parse(readFileSync(join(folder, 'lang/fr.json'), 'utf8')), index = join(folder, 'index.html');
    writeFileSync(join(folder, 'lang/ar.json'), JSON.stringify({ ...words, dir: 'rtl' }));
    writeFileSync(index, readFileSync(index, 'utf8').replace('data-languages="', 'data-languages="ar '));
    for (const ending of ['.br', '.gz'])
        rmSync(index + ending);
}

const PLACES = ['#leave', '#leave svg', '#leave span', 'h1', '#languages', '#write svg', '#log .own', '#composer label', '#lifetime', '#send', '#erase', '#erase svg'];

async function places(stage, locale) {
    const page = await stage.page({ locale, viewport: { width: 360, height: 740 } }), all = {};
    const look = async () => Object.assign(all, await page.evaluate((selectors) => Object.fromEntries(selectors.map((selector) => {
        const box = [...document.querySelectorAll(selector)].map((e) => e.getBoundingClientRect()).find((b) => b.width > 0);
        return [selector, box && [box.left, box.right, innerWidth]];
    }).filter(([, box]) => box)), PLACES));
    await page.goto(stage.link);
    await page.locator('#write').waitFor();
    await speaks(page, locale, locale === 'ar' ? 'rtl' : 'ltr');
    await look();
    await noSideways(page, `${locale}, first screen`);
    if (locale === 'ar')
        await stage.picture(page, 'rtl-about');
    await page.click('#write');
    await page.fill('#text', 'un mot');
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^envoyé/ }).waitFor();
    await look();
    await noSideways(page, `${locale}, chat`);
    if (locale === 'ar')
        await stage.picture(page, 'rtl-chat');
    await page.context().close();
    return all;
}

async function mirrored(stage) {
    const there = await places(stage, 'fr'), here = await places(stage, 'ar');
    assert.deepEqual(Object.keys(there).sort(), [...PLACES].sort());
    for (const [selector, [left, right, width]] of Object.entries(there)) {
        const [box, expected] = [here[selector], [width - right, width - left, width]];
        // A message is as wide as its words, among them a time that the browser names in the other language.
        const known = selector === '#log .own' ? [0, 2] : [0, 1, 2];
        assert.ok(known.every((i) => Math.abs(box[i] - expected[i]) <= 2), `${selector} is at ${box}, not at ${expected}`);
    }
}

await onStage({ settings: SOON, change: addRightToLeft }, async (stage) => {
    await keyboardAlone(stage);
    await looks(stage, 'narrow', { viewport: { width: 320, height: 568 } }, 100);
    await looks(stage, 'double', { viewport: { width: 320, height: 568 }, locale: 'fr-FR' }, 200);
    await looks(stage, 'dark', { colorScheme: 'dark', locale: 'es-ES' }, 100);
    await mirrored(stage);
});
console.log('keyboard alone, axe-core, 320 pixels, 200 %, what has the focus is seen, four languages, one from right to left');
