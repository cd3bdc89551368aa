// Lines of docs/operate.md, as they stand there, and servers that run with them.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// The block that begins with the name as a comment, without its indentation.
export function lines(guide, name) {
    const all = readFileSync(guide, 'utf8').split('\n'), from = all.findIndex((l) => l.trim() === `# ${name}`);
    assert.ok(from >= 0, `${guide} has no ${name}`);
    let to = from;
    while (all[to].startsWith('    ') || all[to] === '')
        to++;
    return all.slice(from, to).map((l) => l.slice(4)).join('\n');
}

// Replaces what must differ here, and nothing that is not there.
export function fit(text, changes) {
    for (const [from, to] of changes) {
        assert.ok(text.includes(from), `the guide does not say "${from}"`);
        text = text.replaceAll(from, to);
    }
    return text;
}

const PROGRAMS = { nginx: ['/usr/sbin/nginx', '/usr/local/sbin/nginx'], caddy: ['/usr/bin/caddy', '/usr/local/bin/caddy'] };

// nginx or Caddy with one block of the guide, on loopback and with a certificate of its own.
export class Server {
    static program(kind) { return PROGRAMS[kind].find(existsSync); }

    constructor(kind, host) {
        this.kind = kind;
        this.host = host; // as the guide has it
        this.name = host.replace('example.org', 'localhost'); // as curl finds it here
        this.folder = mkdtempSync(join(tmpdir(), `zaguan-${kind}-`));
        chmodSync(this.folder, 0o755); // a server that root starts reads as somebody else
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${this.name}`,
            '-addext', `subjectAltName=DNS:${this.name}`, '-keyout', this.file('key.pem'), '-out', this.file('cert.pem')], { stdio: 'ignore' });
        this.secure = { servername: this.name, ca: readFileSync(this.file('cert.pem')) };
    }

    file(name) { return join(this.folder, name); }

    start(block, port) {
        const [program, ...args] = this.kind === 'nginx' ? this.#nginx(block, port) : this.#caddy(block, port);
        this.process = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: this.folder, XDG_DATA_HOME: this.folder } });
        this.said = '';
        this.process.stderr.on('data', (data) => { this.said += data; });
    }

    #nginx(block, port) {
        const site = fit(block, [
            ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`], ['    listen [::]:443 ssl;\n', ''], [`server_name ${this.host};`, `server_name ${this.name};`],
            [`/etc/letsencrypt/live/${this.host}/fullchain.pem`, this.file('cert.pem')], [`/etc/letsencrypt/live/${this.host}/privkey.pem`, this.file('key.pem')],
        ]);
        writeFileSync(this.file('nginx.conf'), `daemon off;\nworker_processes 1;\npid ${this.file('pid')};\nerror_log ${this.file('error.log')} warn;\nevents {}\n` +
            'http {\ninclude /etc/nginx/mime.types;\n' +
            ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${this.file(n)};\n`).join('') + `${site}\n}\n`);
        return [Server.program('nginx'), '-p', this.folder, '-e', this.file('error.log'), '-c', this.file('nginx.conf')];
    }

    // Its own way to certificates needs the internet, or puts an authority of its own into the system: neither happens here.
    #caddy(block, port) {
        const site = fit(block, [[`${this.host} {`, `https://${this.name}:${port} {\n    bind 127.0.0.1\n    tls ${this.file('cert.pem')} ${this.file('key.pem')}`]]);
        writeFileSync(this.file('Caddyfile'), `{\n    admin off\n    auto_https off\n    skip_install_trust\n    servers {\n        protocols h1 h2\n    }\n}\n${site}\n`);
        return [Server.program('caddy'), 'run', '--adapter', 'caddyfile', '--config', this.file('Caddyfile')];
    }

    async close() {
        this.process?.kill('SIGTERM');
        await new Promise((resolve) => { this.process && this.process.exitCode === null ? this.process.on('exit', resolve) : resolve(); });
        rmSync(this.folder, { recursive: true, force: true });
    }
}
