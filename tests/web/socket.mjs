// A client of WebSockets that can also do what none should: the node of Debian has none.
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

export const CONTINUE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

// As bytes; options: fin, masked, rsv, and `length', how many bytes the length is written in.
export function frame(opcode, payload, { fin = true, masked = true, rsv = 0, length } = {}) {
    const size = payload.length, mask = randomBytes(4), wide = length ?? (size < 126 ? 0 : size < 65536 ? 2 : 8);
    const head = Buffer.alloc(2 + wide + (masked ? 4 : 0)), body = Buffer.from(payload);
    head[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
    head[1] = (masked ? 0x80 : 0) | (wide === 0 ? size : wide === 2 ? 126 : 127);
    if (wide === 2)
        head.writeUInt16BE(size, 2);
    if (wide === 8)
        head.writeBigUInt64BE(BigInt(size), 2);
    if (masked) {
        mask.copy(head, 2 + wide);
        body.forEach((byte, i) => { body[i] = byte ^ mask[i % 4]; });
    }
    return Buffer.concat([head, body]);
}

// Like a net.Socket: 'connect', 'data' for each binary message, 'close'; and 'frame' for all that comes. code: of the close.
export class Socket extends EventEmitter {
    constructor(port, host, { path = '/zaguan', secure, fields = '', name = host } = {}) {
        super();
        this.key = randomBytes(16).toString('base64');
        this.buffer = Buffer.alloc(0);
        this.raw = secure ? tls.connect({ port, host, ...secure }) : net.connect(port, host);
        this.raw.on(secure ? 'secureConnect' : 'connect', () => this.raw.write(
            `GET ${path} HTTP/1.1\r\nHost: ${name}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            `Sec-WebSocket-Key: ${this.key}\r\nSec-WebSocket-Version: 13\r\n${fields}\r\n`));
        this.raw.on('data', (data) => {
            this.buffer = Buffer.concat([this.buffer, data]);
            while (this.open ? this.#frame() : this.#answer());
        });
        this.raw.on('error', () => {});
        this.raw.on('close', () => this.emit('close'));
    }

    #answer() {
        const end = this.buffer.indexOf('\r\n\r\n');
        if (end < 0)
            return false;
        this.answer = this.buffer.subarray(0, end).toString('latin1');
        this.buffer = this.buffer.subarray(end + 4);
        const accept = createHash('sha1').update(this.key + MAGIC).digest('base64');
        const said = this.answer.match(/^sec-websocket-accept: (.*)\r?$/im)?.[1].trim(); // proxies write names in their own way
        if (!this.answer.startsWith('HTTP/1.1 101 ') || said !== accept) {
            this.raw.destroy();
            return false;
        }
        this.open = true;
        this.emit('connect');
        return true;
    }

    #frame() {
        const b = this.buffer;
        if (b.length < 2)
            return false;
        const short = b[1] & 127, wide = short < 126 ? 0 : short === 126 ? 2 : 8;
        if (b.length < 2 + wide)
            return false;
        const size = wide === 0 ? short : wide === 2 ? b.readUInt16BE(2) : Number(b.readBigUInt64BE(2));
        if (b[1] & 128)
            throw new Error('a masked frame of a server');
        if (b.length < 2 + wide + size)
            return false;
        const opcode = b[0] & 15, payload = b.subarray(2 + wide, 2 + wide + size);
        this.buffer = b.subarray(2 + wide + size);
        if (opcode === CLOSE && size >= 2)
            this.code = payload.readUInt16BE(0);
        this.emit('frame', { opcode, fin: (b[0] & 128) !== 0, rsv: b[0] >> 4 & 7, payload });
        if (opcode === BINARY)
            this.emit('data', payload);
        return true;
    }

    send(opcode, payload, options) { this.raw.write(frame(opcode, payload, options)); }
    write(data) { this.send(BINARY, data); }
    destroy() { this.raw.destroy(); }
}
