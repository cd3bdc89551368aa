// Hours that pass in a moment for the real programs, which know nothing of it (tests/forensic/clock.c).
import { mkdtempSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Clock {
    #seconds = 0;

    constructor() {
        this.folder = mkdtempSync(join(tmpdir(), 'zaguan-clock-'));
        this.path = join(this.folder, 'clock');
        this.#write('w');
        this.env = { LD_PRELOAD: process.env.ZG_TEST_CLOCK_LIBRARY, ZG_TEST_CLOCK: this.path };
    }

    // In place: the programs have the file mapped.
    #write(mode) {
        const bytes = Buffer.alloc(8), file = openSync(this.path, mode);
        bytes.writeBigInt64LE(BigInt(this.#seconds));
        writeSync(file, bytes, 0, 8, 0);
        closeSync(file);
    }

    pass(seconds) {
        this.#seconds += seconds;
        this.#write('r+');
    }

    close() { rmSync(this.folder, { recursive: true, force: true }); }
}
