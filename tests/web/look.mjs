// What is left of something: tests/forensic/look.c, and the memory of the module in a page.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

export class Look {
    #file;

    constructor(folder, name) {
        this.#file = join(folder, name);
        rmSync(this.#file, { force: true });
    }

    #run(...args) {
        const run = spawnSync(process.env.ZG_LOOK, [args[0], this.#file, ...args.slice(1)], { encoding: 'utf8' });
        if (run.status === 77) {
            console.log('skipped: the memory of other programs cannot be read here');
            process.exit(77);
        }
        if (run.status !== 0)
            throw new Error(`look ${args.join(' ')}: ${run.stdout}${run.stderr}`);
        return run.stdout;
    }

    plant(...what) { this.#run('plant', ...what.map(String)); return this; }
    keep(vault, passphrase) { this.#run('keep', vault, passphrase); return this; }

    forgive(what) { this.#run('forgive', what); return this; }

    // places: 'folder', PATH, 'memory', PID ... How many pieces were found, of how many, and where.
    find(...places) {
        const said = this.#run('find', ...places.map(String));
        const [, found, all] = said.match(/found (\d+) of (\d+)\n$/);
        return { found: Number(found), all: Number(all), said };
    }
}

// Runs in a page before its scripts: window.remembers(words) says whether the module's memory holds them.
export function keepMemory() {
    const made = WebAssembly.instantiate;
    WebAssembly.instantiate = async (...args) => {
        const result = await made.apply(WebAssembly, args), { memory } = (result.instance ?? result).exports;
        window.remembers = (words) => new TextDecoder('latin1').decode(memory.buffer).includes(words);
        return result;
    };
}
