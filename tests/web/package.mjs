// The npm package as an integrator gets it: packed, installed into an empty folder, and a knock through the real relay by
// WebSocket: node package.mjs ALL.wasm PAGE.wasm ZAGUAN-RELAY BUILD-PACKAGE
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Relay } from './relay.mjs';
import { Socket } from './socket.mjs';
import { Client as Worker, Core as WorkerCore, EVENT } from './wasm.mjs';

const [all, pageWasm, relayProgram, buildPackage] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'zaguan-package-'));

// Installed as from a registry, without one.
function install() {
    execFileSync(buildPackage, [folder, pageWasm]);
    const [packed] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    const files = execFileSync('tar', ['tzf', join(folder, packed)], { encoding: 'utf8' }).trim().split('\n').sort();
    const home = join(folder, 'program');
    mkdirSync(home);
    writeFileSync(join(home, 'package.json'), '{ "name": "program", "private": true, "type": "module" }');
    execFileSync('npm', ['install', join(folder, packed), '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'],
        { cwd: home, env: { ...process.env, npm_config_cache: join(folder, 'cache') } });
    assert.deepEqual(readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.')), ['zaguan'], 'it brings others along');
    return { files, home, at: join(home, 'node_modules/zaguan') };
}

function isWhole({ files, at }) {
    const about = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
    for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies', 'scripts', 'bin'])
        assert.equal(about[kind], undefined, kind);
    const wanted = ['package.json', 'README.md', ...about.files].map((name) => `package/${name}`).sort();
    assert.deepEqual(files, wanted);
    for (const name of about.files.filter((file) => file.endsWith('.js')))
        for (const [, from] of readFileSync(join(at, name), 'utf8').matchAll(/(?:from|import\(|new Worker\() ?'\.\/([^']+)'/g))
            assert.ok(about.files.includes(from), `${name} needs ${from}`);
}

// The types know what the module has, and nothing else; the README's example uses what there is.
function isDescribed({ at }, zaguan) {
    const types = readFileSync(join(at, 'zaguan.d.ts'), 'utf8'), readme = readFileSync(join(at, 'README.md'), 'utf8');
    const members = (of) => Object.getOwnPropertyNames(of).filter((name) => name !== 'constructor');
    const body = types.match(/export class Client \{([^]*?)^\}/m)[1].replace(/\/\*\*[^]*?\*\//g, '');
    const typed = [...body.matchAll(/^ {4}(?:static |readonly )*(\w+)[(:]/gm)].map(([, name]) => name);
    const there = [...members(zaguan.Client.prototype), 'open'];
    assert.deepEqual(typed.sort(), there.sort());
    for (const [, name] of readme.matchAll(/\bclient\.(\w+)\(/g))
        assert.ok(there.includes(name), `README: client.${name}`);
    for (const [, name] of types.matchAll(/^export (?:class|const) (\w+)/gm))
        assert.ok(name in zaguan, `the types have ${name}, the module does not`);
}

// Where this node has none.
globalThis.WebSocket ??= class {
    static OPEN = 1;
    readyState = 0;
    constructor(url) {
        const { hostname, port, pathname } = new URL(url);
        this.socket = new Socket(Number(port), hostname, { path: pathname });
        this.socket.on('connect', () => { this.readyState = 1; this.onopen(); });
        this.socket.on('data', (data) => this.onmessage({ data: new Uint8Array(data).buffer }));
        this.socket.on('close', () => { this.readyState = 3; this.onclose(); });
    }
    send(data) { this.socket.write(data); }
    close() { this.readyState = 3; this.socket.destroy(); }
};

const relay = new Relay(relayProgram, '[web]\nlisten-web = 127.0.0.1:0\n');
let worker, she;
try {
    const installed = install();
    isWhole(installed);
    // By its name, as a program of that folder finds it.
    writeFileSync(join(installed.home, 'main.js'), `import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
export * from 'zaguan';
export const wasm = await readFile(createRequire(import.meta.url).resolve('zaguan/zaguan.wasm'));\n`);
    const zaguan = await import(pathToFileURL(join(installed.home, 'main.js')));
    isDescribed(installed, zaguan);

    await relay.start();
    worker = new Worker(await WorkerCore.load(all));
    await worker.until(EVENT.READY);
    worker.deskCreate(relay.address, relay.voucher(), 'Ana');
    await worker.until(EVENT.DESK_READY);
    const events = [], until = async (kind) => {
        for (let i = 0; i < 400 && !events.some((e) => e.kind === kind); i++)
            await new Promise((resolve) => { setTimeout(resolve, 25); });
        return events.find((e) => e.kind === kind) ?? assert.fail(`no event ${kind}; there were ${JSON.stringify(events)}`);
    };
    she = await zaguan.Client.open({
        wasm: zaguan.wasm, address: () => `ws://127.0.0.1:${relay.webPort}/zaguan`, onevent: (event) => events.push(event),
    });
    const hers = she.knock(worker.card(), 'from a package');
    const knock = await worker.until(EVENT.KNOCK);
    assert.equal(worker.message(knock.conversation, knock.message), 'from a package');
    worker.send(knock.conversation, 'it arrives');
    assert.equal(she.message(hers, (await until('message')).message).text, 'it arrives');
    console.log(`the package has ${installed.files.length} files, installs alone, and knocks by WebSocket`);
} finally {
    she?.close();
    worker?.close();
    relay.close();
    rmSync(folder, { recursive: true, force: true });
}
