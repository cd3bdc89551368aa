// A Tor network on loopback: three authorities, five relays, one that offers an onion service, one client with SOCKS.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './elsewhere.mjs';

const TESTING = `TestingTorNetwork 1
AssumeReachable 1
PathsNeededToBuildCircuits 0.67
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingV3AuthInitialVotingInterval 10
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
TestingAuthDirTimeToLearnReachability 0
Address 127.0.0.1
ExitPolicy reject *:*
`;
const AUTHORITY = `AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
V3AuthVotingInterval 20
V3AuthVoteDelay 4
V3AuthDistDelay 4
TestingMinExitFlagThreshold 0
ContactInfo authority@test.example
`;
const AUTHORITIES = 3, RELAYS = 5;

export const verify = (folder, lines) => {
    const file = join(folder, 'torrc');
    writeFileSync(file, lines);
    const run = spawnSync('tor', ['--verify-config', '-f', file, '--DataDirectory', join(folder, 'data')], { encoding: 'utf8' });
    if (run.error)
        return null;
    return { good: run.status === 0, said: run.stdout + run.stderr };
};

export class Network {
    #nodes = [];

    constructor(folder) { this.folder = folder; }

    #at(...names) { return join(this.folder, ...names); }

    #common(name, more) {
        mkdirSync(this.#at(name), { recursive: true, mode: 0o700 });
        return `${TESTING}Nickname ${name}\nDataDirectory ${this.#at(name)}\nLog notice file ${this.#at(name, 'log')}\n${more}\n`;
    }

    // Its keys, and the line by which all others know it.
    async #authority(name) {
        const [port, directory] = [await freePort(), await freePort()], keys = this.#at(name, 'keys');
        mkdirSync(keys, { recursive: true, mode: 0o700 });
        execFileSync('tor-gencert', ['--create-identity-key', '-m', '12', '-a', `127.0.0.1:${directory}`, '-i', join(keys, 'authority_identity_key'),
            '-s', join(keys, 'authority_signing_key'), '-c', join(keys, 'authority_certificate'), '--passphrase-fd', '0'], { input: 'none\n', stdio: ['pipe', 'ignore', 'ignore'] });
        const lines = this.#common(name, `SocksPort 0\nORPort 127.0.0.1:${port}\nDirPort 127.0.0.1:${directory}`);
        writeFileSync(this.#at(name, 'torrc'), lines);
        const said = execFileSync('tor', ['--list-fingerprint', '-f', this.#at(name, 'torrc'), '--DirAuthority', `none 127.0.0.1:1 ${'0'.repeat(40)}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
        const identity = said.trim().split('\n').pop().split(' ').slice(1).join('');
        const [, signing] = readFileSync(join(keys, 'authority_certificate'), 'utf8').match(/^fingerprint (\S+)/m);
        return { name, lines: lines + AUTHORITY, known: `DirAuthority ${name} orport=${port} no-v2 v3ident=${signing} 127.0.0.1:${directory} ${identity}\n` };
    }

    // service: the lines of the onion service.
    async start(service) {
        const nodes = [];
        for (let i = 0; i < AUTHORITIES; i++)
            nodes.push(await this.#authority(`authority${i}`));
        for (let i = 0; i < RELAYS; i++)
            nodes.push({ name: `relay${i}`, lines: this.#common(`relay${i}`, `SocksPort 0\nORPort 127.0.0.1:${await freePort()}`) });
        this.socks = await freePort();
        nodes.push({ name: 'service', lines: this.#common('service', `SocksPort 0\n${service}`) });
        nodes.push({ name: 'client', lines: this.#common('client', `SocksPort 127.0.0.1:${this.socks}`) });
        const known = nodes.map((node) => node.known ?? '').join('');
        for (const { name, lines } of nodes) {
            writeFileSync(this.#at(name, 'torrc'), lines + known);
            this.#nodes.push(spawn('tor', ['-f', this.#at(name, 'torrc')], { stdio: 'ignore' }));
        }
    }

    // Until service and client have circuits.
    async ready(seconds) {
        const done = (name) => existsSync(this.#at(name, 'log')) && readFileSync(this.#at(name, 'log'), 'utf8').includes('Bootstrapped 100%');
        for (const end = Date.now() + seconds * 1000; !(done('service') && done('client'));) {
            if (Date.now() > end)
                throw new Error(`no network within ${seconds} s: ${readFileSync(this.#at('client', 'log'), 'utf8').split('\n').slice(-4).join('\n')}`);
            await new Promise((resolve) => { setTimeout(resolve, 500); });
        }
    }

    async close() {
        await Promise.all(this.#nodes.map((node) => new Promise((resolve) => {
            if (node.exitCode !== null || node.signalCode !== null)
                resolve();
            node.on('exit', resolve);
            node.kill('SIGKILL');
        })));
    }
}
