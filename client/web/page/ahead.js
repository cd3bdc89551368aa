// Runs before everything else: what is needed next is on its way before those who need it are there. Her language; and, unless
// she pays for every byte, what the chat needs, which comes while she reads.
import { preferred } from './choose.js';

function fetchAhead(name) {
    const link = document.createElement('link');
    link.rel = name.endsWith('.js') ? 'modulepreload' : 'preload';
    if (link.rel === 'preload')
        link.as = 'fetch';
    link.crossOrigin = 'anonymous';
    link.href = name;
    document.head.append(link);
}

const { dataset } = document.documentElement;
if (!('carried' in dataset)) { // all of it is here already
    fetchAhead(`lang/${preferred()}.json`);
    if (!navigator.connection?.saveData)
        ['zaguan.wasm', ...dataset.ahead.split(' ')].forEach(fetchAhead);
}
