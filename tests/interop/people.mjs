// Those who talk: a desk and a woman of the C client (`zaguan`), and both of the second client (cli.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PASSPHRASE = 'right passphrase';
const WAIT_MS = Number(process.env.ZG_WAIT_MS ?? 20000);
const here = fileURLToPath(new URL('.', import.meta.url));

// A program that says an object on each line.
class Speaker {
    events = [];
    #wake = () => {};

    constructor(program, args, options = {}) {
        this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
        this.gone = new Promise((resolve) => { this.process.on('exit', resolve); });
        createInterface({ input: this.process.stdout }).on('line', (line) => { this.events.push(JSON.parse(line)); this.#wake(); });
    }

    line(text) { this.process.stdin.write(`${text}\n`); }

    // The first event from `from` on that the test takes.
    async until(test, what, from = 0) {
        for (const end = Date.now() + WAIT_MS; ;) {
            const found = this.events.slice(from).find(test);
            if (found)
                return found;
            if (Date.now() > end)
                throw new Error(`nobody saw ${what}: ${JSON.stringify(this.events.slice(-12))}`);
            await new Promise((resolve) => { this.#wake = resolve; setTimeout(resolve, 100); });
        }
    }

    message(text) { return this.until((e) => e.event === 'message' && !e.own && e.dir !== 'out' && e.text === text, `"${text}"`); }
    kill() { this.process.kill('SIGKILL'); return this.gone; }
}

// --- the second client ---

export class Second extends Speaker {
    #ref = 0;

    constructor(env = {}) {
        super(process.execPath, [join(here, 'cli.mjs')], { env: { ...process.env, ...env } });
    }

    // The answer to one command; what it failed with is thrown.
    async do(what, fields = {}) {
        const ref = ++this.#ref;
        this.line(JSON.stringify({ do: what, ref, ...fields }));
        const answer = await this.until((e) => (e.event === 'done' || e.event === 'failed') && e.ref === ref, `an answer to ${what}`);
        if (answer.event === 'failed')
            throw new Error(`${what}: ${answer.why}`);
        return answer;
    }

    quit() { this.line('{"do":"quit"}'); return this.gone; }
}

// --- the C client ---

export class Woman extends Speaker {
    constructor(zaguan, card, ...args) {
        super(zaguan, ['knock', '--json', ...args]);
        this.line(card);
    }

    quit() { this.process.stdin.end(); return this.gone; }
}

class Chat extends Speaker {
    constructor(zaguan, vault, conversation) {
        super(zaguan, ['chat', conversation, '--json', '--vault', vault, '--passphrase-fd', '0']);
        this.line(PASSPHRASE);
    }

    quit() { this.process.stdin.end(); return this.gone; }
}

export class Desk {
    constructor(zaguan, relay) {
        this.zaguan = zaguan;
        this.vault = join(relay.folder, 'desk.vault');
        const organisation = join(relay.folder, 'org.zaguan');
        this.#run(['organisation', 'create', '--file', organisation, '--passphrase-fd', '0'], `${PASSPHRASE}\n`);
        this.#run(['desk', 'create', '--organisation', organisation, '--alias', 'Ana', '--notice', 'Mon-Fri 10-20',
            '--vault', this.vault, '--organisation-passphrase-fd', '0', '--passphrase-fd', '0'],
            `${PASSPHRASE}\n${relay.address}\n${relay.voucher()}\n${PASSPHRASE}\n`);
        this.card = JSON.parse(this.run(['card', '--json'])).card;
    }

    #run(args, input) {
        const run = spawnSync(this.zaguan, args, { input, encoding: 'utf8' });
        if (run.status !== 0)
            throw new Error(`zaguan ${args[0]}: ${run.stderr}`);
        return run.stdout;
    }

    run(args, input = '') { return this.#run([...args, '--vault', this.vault, '--passphrase-fd', '0'], `${PASSPHRASE}\n${input}`); }

    // What the inbox says of conversations.
    inbox() {
        return this.run(['inbox', '--json', '--wait', '3']).split('\n').filter(Boolean).map((line) => JSON.parse(line));
    }

    knock() {
        const found = this.inbox().find((e) => e.event === 'conversation' && e.state === 'waiting');
        if (!found)
            throw new Error('no knock in the inbox');
        return found.conversation;
    }

    chat(conversation) { return new Chat(this.zaguan, this.vault, conversation); }
}

// The English list of client/core/words.c: the document has indices only.
export function words() {
    const source = readFileSync(join(here, '../../client/core/words.c'), 'utf8');
    return source.split('[WORDS_EN] =')[1].split('},')[0].match(/[a-z]+(?=")/g);
}
