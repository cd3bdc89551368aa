// Scenarios 1 and 4: a robot fetches the link twice, she taps and writes, a worker answers; opened again, the page
// shows no history, whoever writes then does not know the code word, and the worker's doubt stays with the worker.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { onStage, writeFirst } from './stage.mjs';

const CODE = 'girasol'; // what she and the worker agreed on
const DOUBT = `codigo ${CODE}; hoy no lo dice, escribe distinto`;

await onStage({}, async (stage) => {
    // A robot: nothing changes.
    const before = stage.relay.status();
    for (let i = 0; i < 2; i++) {
        const got = await (await fetch(stage.link, { headers: { 'User-Agent': 'WhatsApp/2.23' } })).text();
        assert.ok(!/prostitut|victim|rescue|help line/i.test(got));
        assert.match(got, /<title>Notes<\/title>/);
    }
    for (const count of ['queues', 'slots', 'messages_waiting', 'accepted'])
        assert.equal(stage.relay.status()[count], before[count], count);

    // She opens it: words, and still no connection to the relay.
    const page = await stage.page({ locale: 'es-ES' });
    let sockets = 0;
    page.on('websocket', () => { sockets++; });
    await page.goto(stage.link);
    await page.locator('#write').waitFor();
    await stage.picture(page, 'about-es', { fullPage: true });
    assert.equal(await page.title(), 'Notes');
    const about = await page.innerText('#about');
    for (const words of ['112', 'lunes a viernes', 'emergencias', 'pantalla', 'espía', 'podría cambiar la página', 'Una persona'])
        assert.ok(about.includes(words), words);
    assert.equal(sockets, 0, 'opening the page must not connect');

    // One tap: she reads that nobody is there, and the hours, before her first word; the relay keeps nothing of it.
    await page.click('#write');
    await page.locator('#state', { hasText: 'Ahora no hay nadie. Puedes escribir' }).waitFor();
    assert.match(await page.innerText('#state'), /Lun-vie 10-20 h/);
    for (const count of ['queues', 'slots', 'messages_waiting', 'accepted'])
        assert.equal(stage.relay.status()[count], before[count], count);
    await page.fill('#text', '¿Hay alguien ahí? — je suis là <b>x</b>');
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^enviado · desaparece dentro de 24 horas$/ }).waitFor();
    // Nobody has said that they are on duty: she reads that, with hours, and the knock waits.
    assert.match(await page.innerText('#state'), /Ahora no hay nadie[^]*Lun-vie 10-20 h/);
    assert.equal(stage.relay.status().messages_waiting, 1);

    const worker = stage.chat(stage.knock());
    await worker.until((e) => e.event === 'message' && e.text === '¿Hay alguien ahí? — je suis là <b>x</b>', 'her words');
    worker.say('Sí, estoy aquí. Soy Ana.');
    await page.locator('#log .theirs .said', { hasText: 'Sí, estoy aquí. Soy Ana.' }).waitFor();
    assert.equal(await page.innerText('#log .theirs .who'), 'Ana');
    await page.fill('#text', 'gracias');
    await page.press('#text', 'Control+Enter');
    await worker.until((e) => e.event === 'message' && e.text === 'gracias', 'her second message');

    // The same four words on both sides.
    const safety = await worker.until((e) => e.event === 'safety' && e.safety === 'words', 'safety words');
    await page.click('#words');
    const hers = await page.locator('#panel .safe li').allInnerTexts();
    assert.equal(hers.length, 4);
    assert.equal(safety.words.length, 4);
    await stage.picture(page, 'chat-es');
    await page.click('#panel button >> nth=0');
    assert.match(await page.innerText('#panel'), /Comparaste/);

    // A message that does not stay.
    worker.say('/lifetime 2s sent');
    worker.say('esto se va');
    await page.locator('#log .said', { hasText: 'esto se va' }).waitFor();
    await page.locator('#log .said', { hasText: 'esto se va' }).waitFor({ state: 'detached' });

    // Somebody opens the link again, in another tab and in this one.
    const again = await page.context().newPage();
    await again.goto(stage.link);
    await again.click('#write');
    assert.equal(await again.locator('#log li').count(), 0);
    await page.reload();
    await page.locator('#write').waitFor();
    assert.ok(!(await page.content()).includes('gracias'));
    await page.click('#write');
    assert.equal(await page.locator('#log li').count(), 0);
    assert.deepEqual(page.wrong, []);

    // The worker had noted the code word. Somebody else writes now: another conversation, whose worker side has no note, and
    // where the word does not come. The doubt is noted, and is nowhere but in the vault, sealed.
    worker.say(`/note codigo ${CODE}`);
    await worker.until((e) => e.event === 'note' && e.text === `codigo ${CODE}`, 'the note');
    await worker.end();
    const stranger = await again.context().newPage();
    await writeFirst(stranger, stage.link, 'soy yo otra vez');
    assert.ok(!(await stranger.content()).includes('Ana'));
    const other = stage.chat(stage.knock());
    await other.until((e) => e.event === 'message' && e.text === 'soy yo otra vez', 'the stranger\'s words');
    other.say('¿Cuál es nuestra palabra?');
    await stranger.locator('#log .theirs', { hasText: 'nuestra palabra' }).waitFor();
    await new Promise((resolve) => { setTimeout(resolve, 700); }); // an answer is counted at the end of its tick
    const { accepted } = stage.relay.status();
    other.say(`/note ${DOUBT}`);
    await other.until((e) => e.event === 'note' && e.text === DOUBT, 'the doubt');
    await new Promise((resolve) => { setTimeout(resolve, 700); });
    assert.equal(stage.relay.status().accepted, accepted, 'something was sent for a note');
    other.say('Un momento.');
    await stranger.locator('#log .theirs', { hasText: 'Un momento.' }).waitFor();
    assert.ok(!other.events.some((e) => e.event === 'message' && e.text.includes(CODE)));
    assert.ok(!(await stranger.content()).includes(CODE));
    assert.equal(spawnSync('grep', ['-rqa', CODE, stage.relay.folder]).status, 1, 'a note stands in a file'); // relay and vault
    other.say('/erase');
    await other.until((e) => e.event === 'erased', 'the erase');
    await other.end();
    await stranger.close();

    // She writes anew and erases: the relay keeps nothing, and the worker reads that it ended.
    await writeFirst(page, stage.link, 'palabras nuevas');
    const second = stage.relay.status();
    await page.click('#erase');
    await page.click('#panel button >> nth=0');
    await page.locator('#state', { hasText: 'Todo está borrado' }).waitFor();
    assert.equal(stage.relay.status().messages_waiting, second.messages_waiting - 1);
    assert.ok(!(await page.content()).includes('palabras nuevas'));
    console.log('a robot, a tap, a conversation with a worker, no history, an erase');
});
