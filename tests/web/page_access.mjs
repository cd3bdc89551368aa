// The page by keyboard alone, under axe-core's rules of WCAG 2.2 AA, on a screen of 320 pixels, with text of 200 %, in
// three languages, and when the relay or the link is not right.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { axe, onStage, writeFirst } from './stage.mjs';

async function rules(page, where) {
    // The policy forbids scripts of strangers; a debugger's are none.
    await page.evaluate(axe());
    const { violations } = await page.evaluate(() => window.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], where);
}

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

async function looks(stage, name, options, text) {
    const page = await stage.page(options);
    if (text !== 100) // a larger font in the settings of the browser
        await page.addInitScript((size) => {
            addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = `${size}%`; });
        }, text);
    await page.goto(stage.link);
    await page.locator('#write').waitFor();
    await noSideways(page, `${name}, first screen`);
    await rules(page, `${name}, first screen`);
    await stage.picture(page, `${name}-about`);
    await page.click('#write');
    await page.fill('#text', 'unapalabramuylargaquenosepuedepartirporningunladoporquenotieneespacios y más');
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^(sent|enviado|envoyé)/ }).waitFor();
    await page.click('#erase');
    await noSideways(page, `${name}, chat`);
    await rules(page, `${name}, chat`);
    await stage.picture(page, `${name}-chat`);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
}

// The same card with an address before its own at which nobody listens (docs/protocol.md, section 5.1).
const TWO = `
import base64, hashlib, sys
card = base64.urlsafe_b64decode(sys.argv[1] + '=' * (-len(sys.argv[1]) % 4))
lp = lambda x: len(x).to_bytes(4, 'big') + x
dead = b'127.0.0.1:1'
body = card[:2] + bytes([2, len(dead)]) + dead + card[3:-4]
check = hashlib.blake2b(lp(b'zaguan/1 card check') + lp(body), digest_size=32).digest()[:4]
print(base64.urlsafe_b64encode(body + check).decode().rstrip('='))
`;

async function secondAddress(stage) {
    const card = execFileSync('python3', ['-c', TWO, stage.card], { encoding: 'utf8' }).trim();
    const page = await stage.page(), tried = [];
    page.on('console', (message) => tried.push(message.text()));
    await writeFirst(page, `${stage.url}#${card}`, 'one');
    assert.ok(tried.some((text) => text.includes('127.0.0.1:1/')), 'the first address was not tried');
    await page.context().close();
}

async function troubles(stage) {
    const page = await stage.page();
    await page.goto(stage.link.slice(0, -9));
    await page.click('#write');
    await page.locator('#state', { hasText: 'Something is missing in the link' }).waitFor();
    assert.ok(!(await page.locator('#composer').isVisible()));
    const agent = await stage.page({ userAgent: 'Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS]' });
    await agent.goto(stage.link);
    await agent.locator('#inside', { hasText: 'inside another app' }).waitFor();
    await agent.context().close();

    // The relay is gone: words and a button; it comes back: sent.
    await writeFirst(page, stage.link, 'one');
    await page.context().setOffline(true);
    await page.fill('#text', 'two');
    await page.click('#send');
    await page.locator('#state', { hasText: 'cannot be reached' }).waitFor();
    await page.locator('#log .own .note', { hasText: /^not sent yet/ }).waitFor();
    await stage.picture(page, 'unreachable');
    await page.context().setOffline(false);
    await page.click('#state button');
    await page.locator('#state', { hasText: 'cannot be reached' }).waitFor({ state: 'detached' }).catch(() => {});
    await page.waitForFunction(() => !document.getElementById('state').innerText.includes('cannot be reached'));
    await page.context().close();
}

await onStage({}, async (stage) => {
    await keyboardAlone(stage);
    await looks(stage, 'narrow', { viewport: { width: 320, height: 568 } }, 100);
    await looks(stage, 'double', { viewport: { width: 320, height: 568 }, locale: 'fr-FR' }, 200);
    await looks(stage, 'dark', { colorScheme: 'dark', locale: 'es-ES' }, 100);
    await secondAddress(stage);
    await troubles(stage);
});
console.log('keyboard alone, axe-core, 320 pixels, 200 %, three languages, a damaged link, a relay that is away, a second address');
