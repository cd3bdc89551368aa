// The onion service of docs/operate.md: node onion.mjs ZAGUAN-RELAY ZAGUAN PAGE-FOLDER OPERATE.md PAGE-CHECK [--network]
//
// Tor reads the guide's lines; with --network a Tor network on this machine carries a desk, its page in Chromium, an
// answer, and page-check, which takes one or two minutes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './elsewhere.mjs';
import { fit, lines } from './guide.mjs';
import { Relay } from './relay.mjs';
import { Network, verify } from './tor.mjs';

const [relayProgram, zaguan, page, guide, pageCheck, mode] = process.argv.slice(2);
const PASSPHRASE = 'right passphrase';
const folder = mkdtempSync(join(tmpdir(), 'zaguan-onion-'));
const file = (name) => join(folder, name);
const ports = [await freePort(), await freePort()];
const service = fit(lines(guide, '/etc/tor/torrc, with browsers'), [
    ['/var/lib/tor/zaguan', file('zaguan')], ['127.0.0.1:7443', `127.0.0.1:${ports[0]}`], ['127.0.0.1:7480', `127.0.0.1:${ports[1]}`],
]);

async function waitFor(what, test) {
    for (const end = Date.now() + 60000; Date.now() < end; await new Promise((resolve) => { setTimeout(resolve, 250); }))
        if (test())
            return;
    throw new Error(`${what}: not within a minute`);
}

// A relay that the onion service leads to, with a page that knows its name.
async function startRelay(name) {
    cpSync(page, file('page'), { recursive: true });
    const words = JSON.parse(readFileSync(file('page/organisation.json'), 'utf8'));
    writeFileSync(file('page/organisation.json'), JSON.stringify({ ...words, relays: { [`${name}:7443`]: `ws://${name}/zaguan` } }));
    for (const ending of ['br', 'gz'])
        rmSync(file(`page/organisation.json.${ending}`));
    const relay = new Relay(relayProgram, `[web]\nlisten-web = 127.0.0.1:${ports[1]}\npage = ${file('page')}\n`);
    const conf = join(relay.dir, 'relay.conf');
    writeFileSync(conf, readFileSync(conf, 'utf8').replaceAll('127.0.0.1:0', `127.0.0.1:${ports[0]}`));
    return relay.start();
}

async function through(network, relay, name) {
    const socks = `127.0.0.1:${network.socks}`, vault = file('desk.vault'), organisation = file('org.zaguan');
    const run = (args, input) => execFileSync(zaguan, args, { input: `${PASSPHRASE}\n${input}`, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
    const worker = (args, input = '') => run([...args, '--vault', vault, '--passphrase-fd', '0', '--socks5', socks], input);
    run(['organisation', 'create', '--file', organisation, '--passphrase-fd', '0'], '');
    run(['desk', 'create', '--organisation', organisation, '--alias', 'Ana', '--vault', vault, '--socks5', socks,
        '--organisation-passphrase-fd', '0', '--passphrase-fd', '0'], `${name}:7443/${relay.key}\n${relay.voucher()}\n${PASSPHRASE}\n`);
    const card = JSON.parse(run(['card', '--json', '--vault', vault, '--passphrase-fd', '0'], '')).card.replace('zaguan:', '');

    const { chromium } = createRequire(join(process.env.ZG_WEB_TOOLS, 'package.json'))('playwright-core');
    const browser = await chromium.launch({
        executablePath: process.env.ZG_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'], proxy: { server: `socks5://${socks}` },
    });
    try {
        const her = await browser.newPage({ locale: 'en-GB' });
        her.setDefaultTimeout(60000);
        await her.goto(`http://${name}/#${card}`);
        await her.click('#write');
        await her.fill('#text', 'through Tor');
        await her.click('#send');
        await her.locator('#log .own .note', { hasText: /^sent/ }).waitFor();
        const knock = worker(['inbox', '--json', '--wait', '30']).split('\n').filter(Boolean).map((l) => JSON.parse(l)).find((e) => e.event === 'conversation');
        worker(['chat', knock.conversation], 'we read you\n');
        await her.locator('#log .theirs .said', { hasText: 'we read you' }).waitFor();
    } finally {
        await browser.close();
    }
    // The page that the relay serves is the one that was built, but for the organisation's file that was changed here.
    const hashes = file('page.sha256');
    writeFileSync(hashes, readFileSync(`${page}.sha256`, 'utf8').replace(/^.* organisation\.json\n/m, ''));
    await new Promise((resolve, reject) => {
        const check = spawn(pageCheck, [`http://${name}/`, hashes], { stdio: 'inherit', env: { ...process.env, ALL_PROXY: `socks5h://${socks}` } });
        check.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`page-check ended with ${code}`))));
    });
}

const read = verify(folder, service);
if (read === null) {
    console.log('skipped: there is no tor here; as a package of Debian it is called tor');
    rmSync(folder, { recursive: true });
    process.exit(0);
}
const network = new Network(file('tor'));
let relay;
try {
    assert.ok(read.good, read.said);
    assert.ok(!verify(folder, service.replace('HiddenServicePort', 'HiddenServicePorts')).good, 'tor takes anything');
    if (mode === '--network') {
        await network.start(service);
        await waitFor('the name of the onion service', () => existsSync(file('zaguan/hostname')));
        const name = readFileSync(file('zaguan/hostname'), 'utf8').trim();
        relay = await startRelay(name);
        await network.ready(240);
        await through(network, relay, name);
        console.log('a Tor network on loopback: a desk, its page, an answer, and page-check through the onion service of docs/operate.md');
    } else {
        console.log('tor reads the lines of docs/operate.md');
    }
} finally {
    await network.close();
    relay?.close();
    rmSync(folder, { recursive: true, force: true });
}
