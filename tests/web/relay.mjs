// The real relay in a folder of its own. settings: more lines of its relay.conf; with listen-web, webPort is the first port.
// env: more of its environment.
import { spawn, execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class Relay {
    constructor(program, settings = '', env = {}) {
        this.program = program;
        this.env = { ...process.env, ...env };
        this.folder = mkdtempSync(join(tmpdir(), 'zaguan-web-'));
        this.dir = join(this.folder, 'relay');
        const made = this.run('init', this.dir, '--listen', '127.0.0.1:0');
        appendFileSync(join(this.dir, 'relay.conf'), settings);
        this.key = made.match(/\/([A-Za-z0-9_-]{43})\b/)[1];
    }

    run(...args) { return execFileSync(this.program, args, { encoding: 'utf8', env: this.env }); }

    async start() {
        this.process = spawn(this.program, ['serve', this.dir], { stdio: ['ignore', 'pipe', 'pipe'], env: this.env });
        this.port = await new Promise((resolve, reject) => {
            const said = [];
            const look = (line) => {
                said.push(line);
                const web = line.match(/listening for browsers on 127\.0\.0\.1:(\d+)/);
                const tcp = line.match(/listening on 127\.0\.0\.1:(\d+)/);
                if (web)
                    this.webPort ??= Number(web[1]);
                if (tcp)
                    resolve(Number(tcp[1]));
            };
            for (const stream of [this.process.stdout, this.process.stderr])
                createInterface({ input: stream.setEncoding('utf8') }).on('line', look);
            this.process.on('close', (code) => reject(new Error(`the relay ended with ${code}: ${said.join(' | ')}`)));
            setTimeout(() => reject(new Error('the relay did not start within 10 s')), 10000).unref();
        });
        return this;
    }

    get address() { return `127.0.0.1:${this.port}/${this.key}`; }
    voucher() { return this.run('voucher', 'new', this.dir).trim().split(/\s+/).pop(); }
    status() { return JSON.parse(this.run('status', '--json', this.dir)); }

    // As kill -9; the files stay.
    async kill() {
        this.process.removeAllListeners('exit');
        const gone = new Promise((resolve) => { this.process.on('exit', resolve); });
        this.process.kill('SIGKILL');
        await gone;
    }

    close() {
        this.process?.removeAllListeners('exit');
        this.process?.kill('SIGTERM');
        rmSync(this.folder, { recursive: true, force: true });
    }
}
