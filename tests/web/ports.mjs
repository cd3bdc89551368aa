// Ports for programs of tests: none that the system gives to somebody by itself meanwhile, and none twice.
import assert from 'node:assert/strict';
import http from 'node:http';
import { freePort } from './elsewhere.mjs';

const COUNT = 300;

function portOfSystem() {
    const server = http.createServer();
    return new Promise((resolve) => {
        server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
    });
}

const ours = new Set(), theirs = [];
for (let i = 0; i < COUNT; i++) {
    ours.add(await freePort());
    theirs.push(await portOfSystem());
}
assert.equal(ours.size, COUNT, 'a port came twice');
assert.ok(Math.max(...ours) < Math.min(...theirs), 'the system gives such ports to others');
console.log(`${COUNT} ports`);
