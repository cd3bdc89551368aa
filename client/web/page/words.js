// What the page says: one language file, and the organisation's words in that language.
import { preferred } from './choose.js';

const get = async (name) => {
    const response = await fetch(name);
    if (!response.ok)
        throw new Error(`${name}: ${response.status}`);
    return response.json();
};

const state = { language: 'en', words: {}, organisation: null };

export const language = () => state.language;
export const organisation = () => state.organisation;

// A sentence; {name} in it is replaced by values.name.
export function t(key, values = {}) {
    return (state.words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

const fetchBoth = (code) => Promise.all([get(`lang/${code}.json`), state.organisation ?? get('organisation.json')]);

// Hers is on its way before anything else is done.
const hers = { code: preferred() };
hers.both = fetchBoth(hers.code);
hers.both.catch(() => {});

// Loads a language (without one, hers) and, once, the organisation's words.
export async function loadWords(code = hers.code) {
    const [words, organisation] = await (state.organisation === null && code === hers.code ? hers.both : fetchBoth(code));
    Object.assign(state, { language: code, words, organisation });
    show();
}

function paragraphs(texts, tag) {
    return (texts ?? []).map((text) => {
        const element = document.createElement(tag);
        element.textContent = text;
        return element;
    });
}

function number({ name, number: digits }) {
    const item = document.createElement('li'), call = document.createElement('a');
    call.href = `tel:${digits.replace(/[^0-9+]/g, '')}`;
    call.textContent = digits;
    call.dir = 'ltr';
    item.append(`${name}: `, call);
    return item;
}

function fill() {
    const { language: code, words, organisation: { title, words: all } } = state;
    const their = all[code] ? code : Object.keys(all)[0];
    document.documentElement.lang = code;
    document.documentElement.dir = words.dir;
    document.title = title;
    for (const element of document.querySelectorAll('[data-label]'))
        element.setAttribute('aria-label', t(element.dataset.label));
    for (const element of document.querySelectorAll('[data-list]'))
        element.replaceChildren(...paragraphs(words[element.dataset.list], 'li'));
    for (const element of document.querySelectorAll('[data-organisation]')) {
        element.replaceChildren(...paragraphs(all[their][element.dataset.organisation], 'p'));
        element.lang = their;
        element.dir = 'auto';
    }
    document.getElementById('numbers').replaceChildren(...all[their].numbers.map(number));
}

// client/web/build-page has put the first language into the page; what is there already is left as it is.
function show() {
    for (const element of document.querySelectorAll('[data-text]')) {
        const text = t(element.dataset.text);
        if (element.textContent !== text)
            element.textContent = text;
    }
    if (document.documentElement.lang !== state.language)
        fill();
}
