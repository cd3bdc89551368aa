// The way between her browser and the relay, which a test can cut. The relay sees it come from an address that nothing else has.
import net from 'node:net';

export const HER_ADDRESS = '127.0.0.77';

export class Line {
    #pairs = new Set();
    #open = true;
    bytes = 0;    // that came from the relay
    attempts = 0; // to connect
    ports = [];   // that the relay saw

    async start(port) {
        this.server = net.createServer((hers) => {
            this.attempts++;
            if (!this.#open) {
                hers.destroy();
                return;
            }
            const theirs = net.connect({ port, host: '127.0.0.1', localAddress: HER_ADDRESS });
            theirs.on('connect', () => { this.ports.push(theirs.localPort); });
            const pair = [hers, theirs];
            this.#pairs.add(pair);
            theirs.on('data', (data) => { this.bytes += data.length; });
            for (const [from, to] of [pair, [theirs, hers]]) {
                from.pipe(to);
                from.on('error', () => {});
                from.on('close', () => { to.destroy(); this.#pairs.delete(pair); });
            }
        });
        await new Promise((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
        this.port = this.server.address().port;
        return this;
    }

    // Connections break, and new ones too, until it is mended.
    cut() {
        this.#open = false;
        for (const pair of this.#pairs)
            for (const socket of pair)
                socket.destroy();
    }

    mend() { this.#open = true; }

    close() {
        this.cut();
        this.server.close();
    }
}
