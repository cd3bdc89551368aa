// Requests as they stand on the wire, well made or not.
import net from 'node:net';
import tls from 'node:tls';

// A body and how long it is on the wire, or null: not all of it is here.
const whole = (rest, length) => (rest.length < length ? null : { body: rest.subarray(0, length), length });

// The relay never sends them, proxies may.
function chunks(rest) {
    const parts = [];
    for (let at = 0; ;) {
        const end = rest.indexOf('\r\n', at), size = parseInt(rest.subarray(at, end), 16);
        if (end < 0 || rest.length < end + 2 + size + 2)
            return null;
        if (size === 0)
            return { body: Buffer.concat(parts), length: end + 4 };
        parts.push(rest.subarray(end + 2, end + 2 + size));
        at = end + 2 + size + 2;
    }
}

// One connection: send() text or bytes, answer() the next answer, ended when the other side closed it.
export class Connection {
    constructor(port, secure) {
        this.buffer = Buffer.alloc(0);
        this.socket = secure ? tls.connect({ port, host: '127.0.0.1', ...secure }) : net.connect(port, '127.0.0.1');
        this.socket.on('data', (data) => { this.buffer = Buffer.concat([this.buffer, data]); this.wake?.(); });
        this.socket.on('error', () => {});
        this.ended = new Promise((resolve) => { this.socket.on('close', () => { this.over = true; this.wake?.(); resolve(); }); });
    }

    send(data) { this.socket.write(data); return this; }

    // null: the connection ended without one. head: an answer that has no body.
    async answer({ head = false } = {}) {
        for (;;) {
            const end = this.buffer.indexOf('\r\n\r\n');
            if (end >= 0) {
                const lines = this.buffer.subarray(0, end).toString('latin1').split('\r\n');
                const fields = Object.fromEntries(lines.slice(1).map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 2)]));
                const rest = this.buffer.subarray(end + 4);
                const taken = fields['transfer-encoding'] === 'chunked' && !head ? chunks(rest) : whole(rest, head ? 0 : Number(fields['content-length']));
                if (taken !== null) {
                    this.buffer = rest.subarray(taken.length);
                    return { line: lines[0], status: Number(lines[0].split(' ')[1]), fields, body: taken.body };
                }
            }
            if (this.over)
                return null;
            await new Promise((resolve) => { this.wake = resolve; });
        }
    }

    close() { this.socket.destroy(); }
}

// One request on a connection of its own.
export async function ask(port, request, options = {}) {
    const c = new Connection(port, options.secure);
    const answer = await c.send(request).answer(options);
    c.close();
    return answer;
}

export const get = (path, fields = '', method = 'GET', host = 'relay.test') => `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
