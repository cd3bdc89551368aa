// Makes one file of a page's folder: node single.mjs FOLDER FILE.html
//
// Scripts are bundled by esbuild, each worker into a script of its own; everything else that the page fetches lies in
// the document as base64, for carried.js. The policy in the file allows these scripts by their hashes and no others,
// and lets the page connect by WebSocket only. Takes the folder as it is, so what is new in it comes along.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, file] = process.argv.slice(2);
const names = readdirSync(folder, { recursive: true }).map(String).sort()
    .filter((name) => !/\.(br|gz)$/.test(name) && statSync(join(folder, name)).isFile());
const raw = (name) => readFileSync(join(folder, name));
const text = (name) => raw(name).toString('utf8');
const fail = (why) => { throw new Error(`single: ${why}`); };

// --- scripts ---

const work = mkdtempSync(join(tmpdir(), 'zaguan-single-'));

// Runs beside the scripts, so that no path gets into what it writes.
function bundle(entry, format) {
    try {
        return execFileSync('esbuild', ['--bundle', `--format=${format}`, '--target=chrome97', '--charset=utf8', '--log-level=warning'],
            { cwd: work, input: entry, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
    } catch (error) {
        fail(error.code === 'ENOENT' ? 'there is no esbuild; tools/deps page installs it' : 'esbuild could not bundle the scripts');
    }
}

const html = text('index.html');
const scripts = names.filter((name) => name.endsWith('.js'));
const workers = [...new Set(scripts.flatMap((name) => [...text(name).matchAll(/new Worker\(\s*['"](?:\.\/)?([^'"]+)['"]/g)].map((m) => m[1])))];
const entries = [...html.matchAll(/<script type="module" src="([^"]+)"(?: async)?><\/script>\n?/g)];

function bundleAll() {
    for (const name of scripts)
        copyFileSync(join(folder, name), join(work, name));
    copyFileSync(join(dirname(fileURLToPath(import.meta.url)), 'carried.js'), join(work, 'carried.js'));
    const imports = ['carried.js', ...entries.map(([, name]) => name)].map((name) => `import './${name}';\n`).join('');
    return {
        page: bundle(imports, 'esm'),
        workers: workers.map((name) => [name, Buffer.from(bundle(`import './${name}';\n`, 'iife'))]),
    };
}

// --- the document ---

const icon = (name) => `data:image/svg+xml;base64,${raw(name).toString('base64')}`;
const block = ([name, bytes]) => `<script type="text/plain" data-file="${name}">${bytes.toString('base64')}</script>\n`;
const hash = (code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`;
const hashes = (page, pattern) => [...page.matchAll(pattern)].map(([, code]) => hash(code)).join(' ');

// What stands in the page once, and nothing that is not there.
function swap(page, pattern, by) {
    const found = page.match(new RegExp(pattern, 'g'))?.length ?? 0;
    return found === 1 ? page.replace(pattern, by) : fail(`index.html has ${pattern} ${found} times`);
}

function assemble(bundled) {
    const shown = new Set(['index.html', 'page.css', 'icon.svg', ...scripts]);
    const files = [...names.filter((name) => !shown.has(name)).map((name) => [name, raw(name)]), ...bundled.workers];
    let page = html.replace(/<link rel="(module)?preload"[^>]*>\n?/g, '');
    for (const [tag] of entries)
        page = page.replace(tag, '');
    page = swap(page, /href="icon\.svg"/, () => `href="${icon('icon.svg')}"`);
    page = swap(page, /<link rel="stylesheet" href="page\.css">/, () => `<style>\n${text('page.css')}</style>`);
    page = swap(page, /<html /, () => '<html data-carried ');
    page = swap(page, /<\/body>/, () => `${files.map(block).join('')}<script type="module">\n${bundled.page}</script>\n</body>`);
    const policy = [
        "default-src 'none'", `script-src ${hashes(page, /<script type="module">([^]*?)<\/script>/g)} 'wasm-unsafe-eval'`,
        `style-src ${hashes(page, /<style>([^]*?)<\/style>/g)}`, 'img-src data: blob:', 'media-src blob:', 'worker-src blob:',
        'connect-src ws: wss:', "base-uri 'none'", "form-action 'none'",
    ].join('; ');
    return swap(page, /(<meta http-equiv="Content-Security-Policy" content=")[^"]*/, (all, head) => head + policy);
}

try {
    const page = assemble(bundleAll());
    if (/<(script|link|img)[^>]+(src|href)="(?!data:)/.test(page))
        fail('something in the page would still be fetched');
    writeFileSync(file, page, { mode: 0o644 });
} finally {
    rmSync(work, { recursive: true, force: true });
}
