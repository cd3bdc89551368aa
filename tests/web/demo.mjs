// tools/demo --page as somebody would use it: its address in Chromium, its commands to answer, Enter: node demo.mjs
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { chromium } = createRequire(join(root, 'build/deps/web/package.json'))('playwright-core');

const demo = spawn(join(root, 'tools/demo'), ['--page'], { stdio: ['pipe', 'pipe', 'inherit'] });
let said = '', over = false;
demo.stdout.on('data', (data) => { said += data; });
demo.on('exit', () => { over = true; });
while (!said.includes('Enter ends the relay')) {
    assert.ok(!over, said);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
}

const [url] = said.match(/http:\/\/127\.0\.0\.1:\d+\/#\S+/), [, passphrase] = said.match(/passphrase is: (\S+)/);
const [, zaguan, vault] = said.match(/(\S+) inbox --vault (\S+)/);
const browser = await chromium.launch({ executablePath: process.env.ZG_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
try {
    const page = await browser.newPage({ locale: 'en-GB' });
    page.setDefaultTimeout(20000);
    await page.goto(url);
    await page.click('#write');
    await page.fill('#text', 'from a browser');
    await page.click('#send');
    await page.locator('#state', { hasText: 'Somebody is on duty' }).waitFor();

    const worker = (args, input) => {
        const run = spawnSync(zaguan, [...args, '--vault', vault, '--passphrase-fd', '0'], { input: `${passphrase}\n${input}`, encoding: 'utf8' });
        assert.equal(run.status, 0, run.stderr);
        return run.stdout;
    };
    const inbox = worker(['inbox', '--wait', '10'], ''), [name] = inbox.trim().split(/\s+/);
    worker(['chat', name], 'from the desk\n');
    await page.locator('#log .theirs .said', { hasText: 'from the desk' }).waitFor();
} finally {
    await browser.close();
    demo.stdin.write('\n');
}
if (!over)
    await new Promise((resolve) => { demo.on('exit', resolve); });
assert.equal(demo.exitCode, 0);
assert.ok(!existsSync(dirname(vault)), 'the demo left its folder');
assert.equal(await fetch(url).then(() => 'answered', () => 'gone'), 'gone', 'the relay still runs');
console.log('tools/demo --page: its page in Chromium, an answer by its commands, and nothing left');
