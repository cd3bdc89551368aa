// The first screen. Loading it changes nothing anywhere: no connection to a relay, no storage, nothing read of the card.
import { armLeaving, beforeLeaving, leaveTo } from './leave.js';
import { show, watchIdle } from './screen.js';
import { language, languages, loadWords, organisation, t } from './words.js';

const byId = (id) => document.getElementById(id);
let card = location.hash.length > 1 ? `zaguan:${location.hash.slice(1)}` : '';
let chatting = false;

function showLanguages() {
    byId('languages').replaceChildren(...languages.map((code) => {
        const button = document.createElement('button');
        button.type = 'button';
        button.lang = code;
        button.textContent = new Intl.DisplayNames([code], { type: 'language' }).of(code);
        if (code === language())
            button.setAttribute('aria-current', 'true');
        button.addEventListener('click', () => changeLanguage(code));
        return button;
    }));
}

async function changeLanguage(code) {
    try {
        await loadWords(code);
    } catch {
        return; // what is there stays
    }
    showWords().catch(() => {});
    byId('languages').querySelector('[aria-current]').focus();
}

async function showWords() {
    showLanguages();
    const inside = (await import('./inside.js')).openedInside();
    byId('inside').hidden = inside === null;
    byId('inside').textContent = inside === null ? '' : t(inside);
}

function failed() {
    byId('trouble').hidden = false;
    byId('trouble').className = 'now';
}

const loadChat = () => import('./chat.js');

// The chat's code is fetched while she reads, unless she pays for every byte. Waits are long and browsers open six
// connections: the largest file begins first, the others do not stand in the way of the first words.
function fetchAhead(names) {
    if (navigator.connection?.saveData)
        return;
    for (const name of names) {
        const link = document.createElement('link');
        link.rel = name.endsWith('.wasm') ? 'preload' : 'modulepreload';
        if (name.endsWith('.wasm'))
            link.as = 'fetch';
        link.crossOrigin = 'anonymous';
        link.href = name;
        document.head.append(link);
    }
}

async function write() {
    chatting = true;
    show('chat');
    byId('state').textContent = t('preparing');
    try {
        const { openChat } = await loadChat();
        await openChat(card);
    } catch {
        byId('state').textContent = t('no_page');
        chatting = false;
        show('about');
        failed();
    }
}

async function start() {
    armLeaving();
    beforeLeaving(() => { card = ''; });
    fetchAhead(['zaguan.wasm']);
    try {
        await loadWords();
    } catch {
        failed();
        return;
    }
    byId('trouble').hidden = true;
    leaveTo(organisation().exit);
    watchIdle(organisation().idle_seconds ?? 180);
    showWords().catch(() => {});
    byId('write').addEventListener('click', write);
    byId('composer').addEventListener('submit', (event) => event.preventDefault());
    addEventListener('hashchange', () => { if (!chatting) location.reload(); });
    show('about');
    fetchAhead(['chat.js', 'entrance.js', 'zaguan.js', 'core.js', 'log.js', 'panel.js', 'status.js']);
}

start();
