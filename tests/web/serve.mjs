// Serves the page's folder as a host would, and carries WebSocket messages of /relay to the relay's TCP port.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES = {
    '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
    '.json': 'application/json; charset=utf-8', '.svg': 'image/svg+xml', '.wasm': 'application/wasm',
};
const HEADERS = {
    'Content-Security-Policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; " +
        "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer', 'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
};

export class Server {
    requests = []; // method and path of each
    reports = []; // what a test's script in the page had to say
    links = 0; // WebSocket connections so far
    refuse = false; // of WebSocket connections
    sockets = new Set();

    // settings: what of organisation.json is different; relayPort: 0 is nowhere.
    constructor(folder, settings, relayPort) {
        Object.assign(this, { folder, settings, relayPort });
        this.server = http.createServer((request, response) => this.#serve(request, response));
        this.server.on('upgrade', (request, socket) => this.#carry(request, socket));
        this.server.on('connection', (socket) => {
            this.sockets.add(socket);
            socket.on('close', () => this.sockets.delete(socket));
        });
    }

    async start() {
        await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
        this.port = this.server.address().port;
        this.url = `http://127.0.0.1:${this.port}/`;
        return this;
    }

    close() {
        this.server.close();
        for (const socket of this.sockets)
            socket.destroy();
    }

    async #serve(request, response) {
        const path = new URL(request.url, this.url).pathname;
        this.requests.push(`${request.method} ${path}`);
        if (path === '/report') {
            let body = '';
            for await (const piece of request)
                body += piece;
            this.reports.push(JSON.parse(body));
            response.writeHead(204).end();
            return;
        }
        if (path === '/never')
            return; // a page that does not come
        if (path === '/away') {
            response.writeHead(200, { 'Content-Type': TYPES['.html'] }).end('<!doctype html><title>Weather</title><p>Sun.');
            return;
        }
        const name = join(this.folder, normalize(path === '/' ? '/index.html' : path));
        const brotli = /\bbr\b/.test(request.headers['accept-encoding'] ?? '') && path !== '/organisation.json';
        try {
            let body = await readFile(brotli ? `${name}.br` : name);
            if (path === '/organisation.json')
                body = JSON.stringify({ ...JSON.parse(body), ...this.settings(this) });
            response.writeHead(200, {
                ...HEADERS, 'Content-Type': TYPES[extname(name)], ...(brotli ? { 'Content-Encoding': 'br' } : {}),
            }).end(body);
        } catch {
            response.writeHead(404, HEADERS).end();
        }
    }

    // One message of the browser is a frame with a mask (RFC 6455, section 5.2).
    #carry(request, socket) {
        this.links++;
        if (this.refuse || new URL(request.url, this.url).pathname !== '/relay') {
            socket.destroy();
            return;
        }
        const accept = createHash('sha1')
            .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
        const relay = net.connect(this.relayPort, '127.0.0.1');
        let waiting = Buffer.alloc(0);
        socket.on('data', (data) => {
            waiting = Buffer.concat([waiting, data]);
            for (let frame = read(waiting); frame !== null; frame = read(waiting)) {
                waiting = waiting.subarray(frame.used);
                if (frame.op === 8)
                    socket.end();
                else
                    relay.write(frame.body);
            }
        });
        relay.on('data', (data) => {
            for (let at = 0; at < data.length; at += 60000)
                socket.write(frameOf(data.subarray(at, at + 60000)));
        });
        for (const [one, other] of [[socket, relay], [relay, socket]]) {
            one.on('error', () => {});
            one.on('close', () => other.destroy());
        }
    }
}

function read(bytes) {
    if (bytes.length < 6)
        return null;
    let len = bytes[1] & 127, at = 2;
    if (len === 126) { len = bytes.readUInt16BE(2); at = 4; }
    if (len === 127) { len = Number(bytes.readBigUInt64BE(2)); at = 10; }
    if (bytes.length < at + 4 + len)
        return null;
    const mask = bytes.subarray(at, at + 4);
    const body = Buffer.from(bytes.subarray(at + 4, at + 4 + len).map((byte, i) => byte ^ mask[i & 3]));
    return { op: bytes[0] & 15, body, used: at + 4 + len };
}

function frameOf(body) {
    const head = Buffer.alloc(body.length < 126 ? 2 : 4);
    head.set([0x82, body.length < 126 ? body.length : 126]);
    if (body.length >= 126)
        head.writeUInt16BE(body.length, 2);
    return Buffer.concat([head, body]);
}
