// A relay that serves the page, a desk with a worker who uses the program `zaguan`, and Chromium.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Clock } from './clock.mjs';
import { Counter } from './counter.mjs';
import { Elsewhere, freePort } from './elsewhere.mjs';
import { Line } from './line.mjs';
import { Relay } from './relay.mjs';

export const PASSPHRASE = 'right passphrase';
const WAIT_MS = Number(process.env.ZG_WAIT_MS ?? 20000);

// Lines of relay.conf: senders are answered sooner, where the time of an answer is not what is looked at.
export const SOON = '\n[relay]\nsettle = 10\n';
const require = createRequire(join(process.env.ZG_WEB_TOOLS, 'package.json'));
const { chromium } = require('playwright-core');

export const axe = () => require('axe-core').source;

// What axe-core knows of WCAG 2.2 AA.
export async function rules(page, where) {
    // The policy forbids scripts of strangers; a debugger's are none.
    await page.evaluate(axe());
    const { violations } = await page.evaluate(() => window.axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }));
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`), [], where);
}

// arguments of each test: ZAGUAN-RELAY ZAGUAN PAGE-FOLDER PICTURES-FOLDER
const [relayProgram, zaguan, folder, pictures] = process.argv.slice(2);

export class Stage {
    #worker = [];

    // exit: the path of the page she leaves for. settings: more lines of relay.conf. counted: what the browser sends and
    // receives goes through stage.counter. change: makes the page's folder another one. clock: the programs take the time
    // from stage.clock. line: she reaches page and relay by stage.line, which can be cut.
    static async open({ idle = 180, exit = '/away', settings = '', counted = false, change = () => {}, clock = false, line = false } = {}) {
        const stage = new Stage(), [port, webPort] = [await freePort(), await freePort()];
        stage.counter = counted ? await new Counter().start(webPort) : null;
        stage.elsewhere = await new Elsewhere().start();
        stage.clock = clock ? new Clock() : null;
        stage.line = line ? await new Line().start(webPort) : null;
        const herPort = stage.counter?.port ?? stage.line?.port ?? webPort;
        stage.relay = new Relay(relayProgram, `${settings}\n[web]\nlisten-web = 127.0.0.1:${webPort}\npage = ${stage.#folder({
            idle_seconds: idle, exit: stage.elsewhere.url + exit,
            relays: { [`127.0.0.1:${port}`]: `ws://127.0.0.1:${herPort}/zaguan` },
        }, change)}\n`, stage.clock?.env);
        const conf = join(stage.relay.dir, 'relay.conf');
        writeFileSync(conf, readFileSync(conf, 'utf8').replaceAll('127.0.0.1:0', `127.0.0.1:${port}`));
        await stage.relay.start();
        stage.zaguan = zaguan;
        stage.url = `http://127.0.0.1:${herPort}/`;
        stage.#desk();
        stage.browser = await chromium.launch({
            executablePath: process.env.ZG_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
            ignoreDefaultArgs: ['--disable-back-forward-cache'],
        });
        mkdirSync(pictures, { recursive: true });
        return stage;
    }

    // The page's folder with other words of the organisation.
    #folder(settings, change) {
        this.folder = mkdtempSync(join(tmpdir(), 'zaguan-page-'));
        cpSync(folder, this.folder, { recursive: true });
        const name = join(this.folder, 'organisation.json');
        writeFileSync(name, JSON.stringify({ ...JSON.parse(readFileSync(name, 'utf8')), ...settings }));
        for (const ending of ['.br', '.gz'])
            rmSync(name + ending);
        change(this.folder);
        return this.folder;
    }

    #zaguan(args, input) {
        const run = spawnSync(zaguan, args, { input, encoding: 'utf8', env: { ...process.env, ...this.clock?.env } });
        if (run.status !== 0)
            throw new Error(`zaguan ${args[0]}: ${run.stderr}`);
        return run.stdout;
    }

    #desk() {
        const organisation = join(this.relay.folder, 'org.zaguan');
        this.vault = join(this.relay.folder, 'desk.vault');
        this.#zaguan(['organisation', 'create', '--file', organisation, '--passphrase-fd', '0'], `${PASSPHRASE}\n`);
        this.#zaguan(['desk', 'create', '--organisation', organisation, '--alias', 'Ana', '--notice', 'Lun-vie 10-20 h',
            '--vault', this.vault, '--organisation-passphrase-fd', '0', '--passphrase-fd', '0'],
            `${PASSPHRASE}\n${this.relay.address}\n${this.relay.voucher()}\n${PASSPHRASE}\n`);
        this.card = JSON.parse(this.worker(['card', '--json'])).card.replace('zaguan:', '');
        this.link = `${this.url}#${this.card}`;
    }

    worker(args, input = '') {
        return this.#zaguan([...args, '--vault', this.vault, '--passphrase-fd', '0'], `${PASSPHRASE}\n${input}`);
    }

    // A link to the same desk, changed as tests/web/forge.c says.
    forge(...how) {
        const run = spawnSync(process.env.ZG_FORGE_CARD, how, { input: `zaguan:${this.card}\n`, encoding: 'utf8' });
        if (run.status !== 0)
            throw new Error('no card was forged');
        return `${this.url}#${run.stdout.trim().replace('zaguan:', '')}`;
    }

    notice(state, text) { this.worker(['desk', 'notice', '--state', state, text]); }

    // The conversation whose knock waits.
    knock() {
        for (const line of this.worker(['inbox', '--json', '--wait', '10']).split('\n').filter(Boolean)) {
            const event = JSON.parse(line);
            if (event.event === 'conversation' && event.state === 'waiting')
                return event.conversation;
        }
        throw new Error('no knock in the inbox');
    }

    // The worker in a conversation.
    chat(conversation) {
        const process = spawn(zaguan, ['chat', conversation, '--json', '--vault', this.vault, '--passphrase-fd', '0'],
            { env: { ...globalThis.process.env, ...this.clock?.env } });
        const events = [];
        let wake = () => {};
        createInterface({ input: process.stdout }).on('line', (line) => { events.push(JSON.parse(line)); wake(); });
        process.stdin.write(`${PASSPHRASE}\n`);
        this.#worker.push(process);
        return {
            pid: process.pid,
            events,
            say: (line) => process.stdin.write(`${line}\n`),
            async until(test, what) {
                for (const end = Date.now() + WAIT_MS; ;) {
                    const found = events.find(test);
                    if (found)
                        return found;
                    if (Date.now() > end)
                        throw new Error(`the worker did not see ${what}: ${JSON.stringify(events)}`);
                    await new Promise((resolve) => { wake = resolve; setTimeout(resolve, 200); });
                }
            },
            end: () => new Promise((resolve) => { process.on('exit', resolve); process.stdin.end(); }),
        };
    }

    async page(options = {}) {
        const context = await this.browser.newContext({ locale: 'en-GB', viewport: { width: 390, height: 780 }, ...options });
        const page = await context.newPage();
        page.setDefaultTimeout(WAIT_MS);
        page.wrong = [];
        page.on('pageerror', (error) => page.wrong.push(String(error)));
        page.on('console', (message) => { if (message.type() === 'error') page.wrong.push(message.text()); });
        return page;
    }

    picture(page, name, options = {}) {
        return page.screenshot({ path: join(pictures, `${name}.png`), ...options });
    }

    async close() {
        for (const process of this.#worker)
            process.kill('SIGKILL');
        await this.browser?.close();
        this.elsewhere.close();
        this.line?.close();
        this.counter?.close();
        this.relay.close();
        this.clock?.close();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

// Runs a test on a stage of its own; what it throws ends the program.
export async function onStage(options, test) {
    const stage = await Stage.open(options);
    try {
        await test(stage);
    } finally {
        await stage.close();
    }
}

export async function writeFirst(page, link, words) {
    await page.goto('about:blank'); // another fragment alone would not load it again
    await page.goto(link);
    await page.click('#write');
    await page.fill('#text', words);
    await page.click('#send');
    await page.locator('#log .own .note', { hasText: /^(sent|enviado|envoyé)/ }).waitFor();
}
