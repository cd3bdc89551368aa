// A picture and a voice note, both ways: what a camera writes into a picture stays with her, several envelopes travel, and nothing is
// left: page_media.mjs ZAGUAN-RELAY ZAGUAN PAGE PICTURES
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onStage, rules, SOON, writeFirst } from './stage.mjs';

const SECRET = 'GPS 43.36 -5.84';

// Half red, half blue, with grain so that it does not become small; with what a camera writes.
async function photo(page) {
    const bytes = await page.evaluate(async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [1600, 1200];
        const context = canvas.getContext('2d');
        context.fillStyle = '#f00';
        context.fillRect(0, 0, 800, 1200);
        context.fillStyle = '#00f';
        context.fillRect(800, 0, 800, 1200);
        for (let i = 0; i < 30000; i++) {
            context.fillStyle = `rgba(0, 0, 0, ${Math.random() / 2})`;
            context.fillRect(Math.random() * 1600, 1000 + Math.random() * 200, 3, 3);
        }
        const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/jpeg', 0.95); });
        return [...new Uint8Array(await blob.arrayBuffer())];
    });
    const exif = Buffer.concat([Buffer.from('Exif\0\0'), Buffer.from(SECRET)]), head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
    return Buffer.concat([Buffer.from(bytes.slice(0, 2)), head, exif, Buffer.from(bytes.slice(2))]);
}

// Size and two pixels of the last picture on the screen.
const shown = (page) => page.locator('#log canvas').last().evaluate((canvas) => {
    const at = (x) => [...canvas.getContext('2d').getImageData(x * canvas.width, canvas.height / 4, 1, 1).data].slice(0, 3);
    return { width: canvas.width, height: canvas.height, left: at(0.25), right: at(0.75) };
});

const near = (color, to) => color.every((value, i) => Math.abs(value - to[i]) < 16);

function assertPhoto({ width, height, left, right }, most) {
    assert.ok(width <= most && Math.abs(width / height - 4 / 3) < 0.01, `${width} x ${height}`);
    assert.ok(near(left, [255, 0, 0]) && near(right, [0, 0, 255]), `${left} and ${right}`);
}

await onStage({ settings: SOON }, async (stage) => {
    const page = await stage.page(), made = new Set();
    await page.exposeFunction('noted', (what, url) => { if (what === 'made') made.add(url); else made.delete(url); });
    await page.addInitScript(() => {
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => { const url = createObjectURL.call(URL, blob); noted('made', url); return url; };
        URL.revokeObjectURL = (url) => { noted('gone', url); revokeObjectURL.call(URL, url); };
    });
    await writeFirst(page, stage.link, 'hello');
    assert.ok(await page.isHidden('#picture') && await page.isHidden('#voice'), 'before somebody answers');
    const worker = stage.chat(stage.knock());
    worker.say('I am here');
    await page.locator('#log .theirs').waitFor();

    // Hers: it is shown to her first, and can be left.
    const photograph = await photo(page), send = page.locator('#panel button', { hasText: /^Send$/ });
    await page.setInputFiles('#file', { name: 'IMG_1.jpg', mimeType: 'image/jpeg', buffer: photograph });
    await send.waitFor();
    await stage.picture(page, 'media-picture');
    await page.click('#panel button:has-text("Do not send")');
    assert.ok(await page.isHidden('#panel'));
    const before = stage.relay.status().accepted;
    await page.setInputFiles('#file', { name: 'IMG_1.jpg', mimeType: 'image/jpeg', buffer: photograph });
    await send.click();
    await page.locator('#log .own canvas').waitFor();
    assertPhoto(await shown(page), 1280);
    const got = await worker.until((e) => e.kind === 'jpeg' && !e.own, 'her picture');
    assert.ok(got.bytes <= 47000 && got.bytes > 3000, `${got.bytes} bytes`);
    let envelopes = 0; // the last ones, which hold nothing, come behind it
    for (let i = 0; i < 100 && (envelopes * 1600 < got.bytes || Math.log2(envelopes) % 1 !== 0); i++) {
        await new Promise((resolve) => { setTimeout(resolve, 50); });
        envelopes = stage.relay.status().accepted - before;
    }
    assert.equal(Math.log2(envelopes) % 1, 0, `${envelopes} envelopes`);
    assert.ok(envelopes * 1600 >= got.bytes && envelopes <= 32);
    const kept = join(stage.relay.folder, 'kept.jpg');
    worker.say(`/save ${got.message.slice(0, 6)} ${kept}`);
    for (let i = 0; i < 100 && !(existsSync(kept) && statSync(kept).size === got.bytes); i++)
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    const saved = readFileSync(kept);
    assert.ok(photograph.includes(SECRET) && !saved.includes(SECRET) && !saved.includes('Exif'), 'what the camera wrote went along');

    // The worker's.
    const file = join(stage.relay.folder, 'from.jpg');
    writeFileSync(file, saved);
    worker.say(`/file ${file}`);
    await page.locator('#log .theirs canvas').waitFor();
    assertPhoto(await shown(page), 1280);
    worker.say('/lifetime 3s sent');
    worker.say(`/file ${file}`);
    await page.locator('#log .theirs canvas').nth(1).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('#log .theirs canvas').length === 1);

    // What is no picture.
    await page.setInputFiles('#file', { name: 'x.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
    await page.locator('#panel', { hasText: 'cannot be shown' }).waitFor();
    await page.click('#panel button');

    // A voice note.
    await page.click('#voice');
    await stage.picture(page, 'media-voice');
    await page.click('#panel button:has-text("Start speaking")');
    await page.locator('#panel', { hasText: '2 seconds' }).waitFor();
    await page.click('#panel button:has-text("Stop")');
    await page.locator('#panel audio').waitFor();
    await stage.picture(page, 'media-hear');
    await rules(page, 'a voice note to be sent');
    await send.click();
    await page.locator('#log .own audio').waitFor();
    const note = await worker.until((e) => e.kind === 'voice_webm' && !e.own, 'her voice note');
    assert.ok(note.bytes > 500 && note.bytes < 30000, `${note.bytes} bytes`);
    const plays = await page.locator('#log .own audio').evaluate(async (audio) => { await audio.play(); return !audio.paused; });
    assert.ok(plays, 'the voice note does not play');
    await stage.picture(page, 'media-log');
    await rules(page, 'pictures and voice notes');
    await page.setViewportSize({ width: 320, height: 568 });
    await stage.picture(page, 'media-small');

    // The worker's own, which vanishes with what it plays from.
    const voice = join(stage.relay.folder, 'note.webm'), playing = made.size;
    worker.say(`/save ${note.message.slice(0, 6)} ${voice}`);
    for (let i = 0; i < 100 && !(existsSync(voice) && statSync(voice).size === note.bytes); i++)
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    worker.say(`/file ${voice}`); // the lifetime is still 3 seconds
    await page.locator('#log .theirs audio').waitFor();
    assert.equal(made.size, playing + 1);
    await page.waitForFunction(() => document.querySelector('#log .theirs audio') === null);
    assert.equal(made.size, playing, 'a voice note that is gone can still be reached');

    // A picture that would take the browser's memory is not decoded.
    const huge = Buffer.from(saved), frame = Math.max(huge.indexOf('ffc0', 'hex'), huge.indexOf('ffc2', 'hex'));
    huge.writeUInt32BE(0x13881388, frame + 5); // 5,000 each way
    writeFileSync(file, huge);
    worker.say('/lifetime 24h read');
    worker.say(`/file ${file}`);
    await page.locator('#log .theirs .said', { hasText: 'cannot be shown' }).waitFor();
    assert.equal(await page.locator('#log .theirs canvas').count(), 1);

    // No microphone stays on: when nobody can see the page after the browser asked her, and when recording cannot begin.
    for (const way of ['hidden', 'failing']) {
        await page.evaluate((how) => {
            const { mediaDevices } = navigator, ask = mediaDevices.getUserMedia, { start } = MediaRecorder.prototype;
            mediaDevices.getUserMedia = async (what) => {
                globalThis.stream = await ask.call(mediaDevices, what);
                delete mediaDevices.getUserMedia;
                if (how === 'hidden')
                    Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
                else
                    MediaRecorder.prototype.start = () => { MediaRecorder.prototype.start = start; throw new Error('none'); };
                return globalThis.stream;
            };
        }, way);
        await page.click('#voice');
        await page.click('#panel button:has-text("Start speaking")');
        await page.locator('#panel', { hasText: 'microphone cannot be used' }).waitFor();
        assert.deepEqual(await page.evaluate(() => { delete document.visibilityState; return globalThis.stream.getTracks().map((t) => t.readyState); }),
            ['ended'], way);
        await page.click('#panel button');
    }

    // Recording when she leaves: nothing goes on, nothing stays.
    await page.click('#voice');
    await page.click('#panel button:has-text("Start speaking")');
    await page.locator('#panel', { hasText: '1 second' }).waitFor();
    assert.ok(made.size > 0, 'nothing was there that could be left');
    await page.click('#leave');
    await page.waitForURL(stage.elsewhere.url + '/away');
    await new Promise((resolve) => { setTimeout(resolve, 200); });
    assert.deepEqual([...made], [], 'something can still be reached');
    assert.deepEqual(page.wrong.filter((line) => !/ERR_|favicon/.test(line)), []);
    console.log(`a picture in ${envelopes} envelopes without what the camera wrote, a voice note of ${note.bytes} bytes, and nothing left`);
});
