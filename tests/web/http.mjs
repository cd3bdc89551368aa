// Requests as they stand on the wire, well made or not.
import net from 'node:net';
import tls from 'node:tls';

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
                const length = head ? 0 : Number(fields['content-length']);
                if (this.buffer.length >= end + 4 + length) {
                    const body = this.buffer.subarray(end + 4, end + 4 + length);
                    this.buffer = this.buffer.subarray(end + 4 + length);
                    return { line: lines[0], status: Number(lines[0].split(' ')[1]), fields, body };
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

export const get = (path, fields = '', method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: relay.test\r\n${fields}\r\n`;
