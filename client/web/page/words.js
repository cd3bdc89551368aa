// What the page says: one language file, and the organisation's words in that language.

const get = async (name) => {
    const response = await fetch(name);
    if (!response.ok)
        throw new Error(`${name}: ${response.status}`);
    return response.json();
};

const state = { language: 'en', words: {}, organisation: null };

export const languages = document.documentElement.dataset.languages.split(' ');
export const language = () => state.language;
export const organisation = () => state.organisation;

// A sentence; {name} in it is replaced by values.name.
export function t(key, values = {}) {
    return (state.words[key] ?? key).replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

function preferred() {
    const wanted = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
    return wanted.find((code) => languages.includes(code)) ?? languages[0];
}

const fetchBoth = (code) => Promise.all([get(`lang/${code}.json`), state.organisation ?? get('organisation.json')]);

// Hers is on its way before the rest of the page is there.
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

function show() {
    const { words, organisation: { title, words: all } } = state;
    const theirs = all[state.language] ?? Object.values(all)[0];
    document.documentElement.lang = state.language;
    document.documentElement.dir = words.dir;
    document.title = title;
    for (const element of document.querySelectorAll('[data-text]'))
        element.textContent = t(element.dataset.text);
    for (const element of document.querySelectorAll('[data-label]'))
        element.setAttribute('aria-label', t(element.dataset.label));
    for (const element of document.querySelectorAll('[data-list]'))
        element.replaceChildren(...paragraphs(words[element.dataset.list], 'li'));
    for (const element of document.querySelectorAll('[data-organisation]'))
        element.replaceChildren(...paragraphs(theirs[element.dataset.organisation], 'p'));
    document.getElementById('numbers').replaceChildren(...theirs.numbers.map(number));
}
