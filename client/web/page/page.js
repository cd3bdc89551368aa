// The first screen. Loading it changes nothing anywhere: no connection to a relay, no storage, nothing read of the card.
import { languages } from './choose.js';
import { canWrite, openedInside } from './inside.js';
import { armLeaving, beforeLeaving, leaveTo } from './leave.js';
import { show, watchIdle } from './screen.js';
import { language, loadWords, organisation, t } from './words.js';

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
    showWords();
    byId('languages').querySelector('[aria-current]').focus();
}

function showWords() {
    showLanguages();
    const warning = canWrite() ? openedInside() : 'cannot_write';
    byId('inside').hidden = warning === null;
    byId('inside').textContent = warning === null ? '' : t(warning);
}

function failed() {
    byId('trouble').hidden = false;
    byId('trouble').className = 'now';
}

const loadChat = () => import('./chat.js');

// Of a link or a code that she pasted, among other words or not.
function pastedCard() {
    const pasted = byId('card').value.trim(), code = pasted.match(/(?:#|zaguan:)([\w-]+)/)?.[1] ?? pasted;
    byId('card').value = '';
    return code === '' ? '' : `zaguan:${code}`;
}

// returning: with a phrase.
async function write(returning) {
    card ||= pastedCard();
    if (card === '') {
        byId('card').focus();
        return;
    }
    chatting = true;
    show('chat');
    byId('state').textContent = t('preparing');
    try {
        const { openChat } = await loadChat();
        await openChat(card, returning);
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
    try {
        await loadWords().catch(() => loadWords(languages[0]));
    } catch {
        failed();
        return;
    }
    byId('trouble').hidden = true;
    leaveTo(organisation().exit);
    watchIdle(organisation().idle_seconds ?? 180);
    showWords();
    byId('write').addEventListener('click', () => write(false));
    byId('return').addEventListener('click', () => write(true));
    byId('card').addEventListener('keydown', (event) => { if (event.key === 'Enter') write(false); });
    byId('composer').addEventListener('submit', (event) => event.preventDefault());
    addEventListener('hashchange', () => { if (!chatting) location.reload(); });
    byId('ask').hidden = card !== '' || !canWrite();
    byId('act').hidden = byId('other').hidden = !canWrite();
}

start();
