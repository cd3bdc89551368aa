// Where she goes when she leaves: a neutral page at /away, and one that never comes at /never.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';

export class Elsewhere {
    sockets = new Set();

    async start() {
        this.server = http.createServer((request, response) => {
            if (request.url !== '/never')
                response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Weather</title><p>Sun.');
        });
        this.server.on('connection', (socket) => {
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
        });
        await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
        this.url = `http://127.0.0.1:${this.server.address().port}`;
        return this;
    }

    close() {
        this.server.close();
        for (const socket of this.sockets)
            socket.destroy();
    }
}

// Below those that the system itself gives out: between the choice and a program's bind, another program's connection
// would now and then take one of these. Each once.
const LOWEST = 10000;
const FIRST_OF_SYSTEM = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
const HIGHEST = FIRST_OF_SYSTEM > 2 * LOWEST ? FIRST_OF_SYSTEM - 1 : 65535;
const given = new Set();

function listen(port) {
    const server = http.createServer();
    return new Promise((resolve) => {
        server.on('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
}

// A port that nobody listens on.
export async function freePort() {
    for (;;) {
        const port = randomInt(LOWEST, HIGHEST + 1);
        if (given.has(port) || !await listen(port))
            continue;
        given.add(port);
        return port;
    }
}
