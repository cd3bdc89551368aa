// Passes connections on to a port of this machine and counts what goes through, as it would be on a telephone's bill.
import net from 'node:net';

export class Counter {
    up = 0;
    down = 0;
    #sockets = new Set();

    async start(port) {
        this.server = net.createServer((from) => {
            const to = net.connect(port, '127.0.0.1');
            from.on('data', (data) => { this.up += data.length; });
            to.on('data', (data) => { this.down += data.length; });
            for (const [socket, other] of [[from, to], [to, from]]) {
                this.#sockets.add(socket);
                socket.on('close', () => { this.#sockets.delete(socket); other.destroy(); });
                socket.on('error', () => {});
                socket.pipe(other);
            }
        });
        await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
        this.port = this.server.address().port;
        return this;
    }

    get bytes() { return this.up + this.down; }

    close() {
        this.server.close();
        for (const socket of this.#sockets)
            socket.destroy();
    }
}
