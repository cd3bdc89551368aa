// Where she goes when she leaves: a neutral page at /away, and one that never comes at /never.
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

// A port that nobody listens on.
export async function freePort() {
    const server = http.createServer();
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address();
    await new Promise((resolve) => { server.close(resolve); });
    return port;
}
