// When something is not right: another app's window, a proxy that reads along, a browser that lacks what is needed, a damaged
// link, a relay that is away, an address at which nobody listens.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { openedInside } from '../../client/web/page/inside.js';
import { SOON, onStage, writeFirst } from './stage.mjs';

const ANDROID = 'Mozilla/5.0 (Linux; Android 13; SM-A136B', WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';

// What programs say of themselves, and what she is told.
const AGENTS = {
    inside_app: [
        `${IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/470.0.0.33.99;FBDV/iPhone14,5]`,
        `${ANDROID} Build/TP1A; wv) ${WEBKIT} Version/4.0 Chrome/125.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/466.0;]`,
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/125.0 Mobile Safari/537.36 Instagram 332.0.0.38.90 Android`,
        `${ANDROID}; wv) ${WEBKIT} Version/4.0 Chrome/125.0 Mobile Safari/537.36`,
        `${ANDROID}) ${WEBKIT} Chrome/125.0 Mobile Safari/537.36 musical_ly_2023 BytedanceWebview/d8a21c6`,
        `${IPHONE} Version/17.5 Mobile/15E148 Snapchat/12.88.0.42 (like Safari/8617)`,
        `${IPHONE} Mobile/15E148`,
        `${IPHONE} GSA/318.0.637 Mobile/15E148 Safari/604.1`,
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/125.0 Mobile Safari/537.36 Telegram-Android/10.14`,
        `${IPHONE} Mobile/15E148 Safari Line/14.8.0`,
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/116 Mobile Safari/537.36 MicroMessenger/8.0.47`,
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/125.0 Mobile Safari/537.36 Viber/22.5`,
        `${IPHONE} Mobile/15E148 [Pinterest/iOS]`,
        `${IPHONE} Mobile/15E148 [LinkedInApp]/9.29`,
    ],
    inside_proxy: [
        'Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16',
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/100.0 UCBrowser/13.4.0.1306 Mobile Safari/537.36`,
        'UCWEB/2.0 (MIDP-2.0; U; Adr 9; es) U2/1.0.0 UCBrowser/12.9 U2/1.0.0 Mobile',
        `${ANDROID}) ${WEBKIT} Version/4.0 Chrome/30.0 Mobile Safari/537.36 Puffin/9.10`,
        `${ANDROID}) AppleWebKit/535.19 (KHTML, like Gecko; googleweblight) Chrome/38.0 Mobile Safari/535.19`,
        `Mozilla/5.0 (Linux; Android 11; KFTRWI) ${WEBKIT} Silk/120.4 like Chrome/120.0 Safari/537.36`,
    ],
    null: [
        `${ANDROID}) ${WEBKIT} Chrome/125.0 Mobile Safari/537.36`,
        `${ANDROID}) ${WEBKIT} SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36`,
        'Mozilla/5.0 (Android 13; Mobile; rv:126.0) Gecko/126.0 Firefox/126.0',
        `${IPHONE} Version/17.5 Mobile/15E148 Safari/604.1`,
        `${IPHONE} CriOS/125.0 Mobile/15E148 Safari/604.1`,
        `${IPHONE} FxiOS/126.0 Mobile/15E148 Safari/605.1.15`,
        'Mozilla/5.0 (Windows NT 10.0; rv:115.0) Gecko/20100101 Firefox/115.0',
        `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/125.0 Safari/537.36 Edg/125.0`,
        `${ANDROID}) ${WEBKIT} Chrome/97.0 Mobile Safari/537.36 OPR/68.0`,
    ],
};

function recognised() {
    for (const [expected, agents] of Object.entries(AGENTS))
        for (const agent of agents)
            assert.equal(String(openedInside(agent)), expected, agent);
    return Object.values(AGENTS).flat().length;
}

async function warned(stage) {
    for (const [key, words] of [['inside_app', 'inside another app'], ['inside_proxy', 'through other computers']]) {
        const page = await stage.page({ userAgent: AGENTS[key][0] });
        await page.goto(stage.link);
        await page.locator('#inside', { hasText: words }).waitFor();
        assert.ok(await page.locator('#write').isVisible(), 'she decides');
        await page.context().close();
    }
}

// Words instead of a button that would not work; the way out works.
async function lacking(stage) {
    for (const name of ['WebAssembly', 'WebSocket']) {
        const page = await stage.page();
        await page.addInitScript((missing) => { delete globalThis[missing]; }, name);
        await page.goto(stage.link);
        await page.locator('#inside', { hasText: 'This browser cannot write here' }).waitFor();
        assert.ok(!await page.locator('#write').isVisible(), name);
        assert.ok((await page.innerText('#about')).includes('112'));
        if (name === 'WebAssembly')
            await stage.picture(page, 'cannot-write');
        await page.click('#leave');
        await page.waitForURL('**/away');
        assert.deepEqual(page.wrong, []);
        await page.context().close();
    }
}

// Her language does not come: the page's own is there, and she can write.
async function halfLoaded(stage) {
    const page = await stage.page({ locale: 'es-ES' });
    await page.route('**/lang/es.json', (route) => route.abort());
    await page.goto(stage.link);
    await page.locator('#write', { hasText: 'Write' }).waitFor();
    await page.context().close();
    const other = await stage.page();
    await other.route('**/lang/*', (route) => route.abort());
    await other.goto(stage.link);
    await other.locator('#trouble', { hasText: 'did not load' }).waitFor();
    assert.ok((await other.innerText('#about')).includes('We answer Monday to Friday'));
    await other.context().close();
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

    // The relay is gone: words and a button; it comes back: sent.
    await writeFirst(page, stage.link, 'one');
    const worker = stage.chat(stage.knock());
    worker.say('here');
    await page.locator('#log .theirs .said', { hasText: 'here' }).waitFor();
    await page.context().setOffline(true);
    await page.fill('#text', 'two');
    await page.click('#send');
    await page.locator('#state', { hasText: 'cannot be reached' }).waitFor();
    await page.locator('#log .own .note', { hasText: /^not sent yet/ }).waitFor();
    await stage.picture(page, 'unreachable');
    await page.click('#state button');
    await page.context().setOffline(false);
    await worker.until((e) => e.event === 'message' && e.text === 'two', 'what was written without a network');
    await page.waitForFunction(() => !document.getElementById('state').innerText.includes('cannot be reached'));
    await page.context().close();
}

const agents = recognised();
await onStage({ settings: SOON }, async (stage) => {
    await warned(stage);
    await lacking(stage);
    await halfLoaded(stage);
    await troubles(stage);
    await secondAddress(stage);
});
console.log(`${agents} names of programs, a browser without WebAssembly or WebSocket, a language that does not come, a damaged link, ` +
    'a relay that is away, a second address');
