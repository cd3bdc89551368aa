// The messages on the screen. Their words are in the document and nowhere else in JavaScript.
import { language, t } from './words.js';

const UNITS = [['day', 48 * 3600, 86400], ['hour', 5400, 3600], ['minute', 0, 60]];

// "in 23 hours"
function relative(ms) {
    const seconds = Math.max(0, ms / 1000);
    const [unit, , size] = UNITS.find(([, from]) => seconds >= from);
    const count = unit === 'minute' ? Math.ceil(seconds / size) : Math.round(seconds / size);
    return new Intl.RelativeTimeFormat(language()).format(Math.max(1, count), unit);
}

function element(tag, name, text = '') {
    const made = document.createElement(tag);
    made.className = name;
    made.textContent = text;
    return made;
}

function setText(place, text) {
    if (place.textContent !== text)
        place.textContent = text;
}

export function button(key, icon, act) {
    const made = element('button', ''), label = element('span', '', t(key));
    made.type = 'button';
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    svg.setAttribute('aria-hidden', 'true');
    use.setAttribute('href', `#i-${icon}`);
    svg.append(use);
    made.append(svg, label);
    made.addEventListener('click', act);
    return made;
}

export class Log {
    #list = document.getElementById('log');
    #items = new Map();
    #retry;

    // retry(id): she wants an own message to be sent again.
    constructor(retry) {
        this.#retry = retry;
    }

    #add(message, who) {
        const item = element('li', message.own ? 'own' : 'theirs');
        item.append(element('p', 'who', who), element('p', 'said'), element('p', 'note'));
        this.#items.set(message.id, item);
        this.#list.append(item);
        return item;
    }

    // state: the key of a sentence for an own message, '' for one of the other side.
    // again: whether she can ask for another try.
    put(message, who, state, again = false) {
        const known = this.#items.get(message.id), item = known ?? this.#add(message, who);
        const [, said, note] = item.children;
        if (message.bytes === undefined || message.bytes === 0)
            setText(said, message.newerVersion ? t('newer') : message.text);
        const parts = state === '' ? [] : [t(state)];
        if (message.expires !== 0)
            parts.push(t('disappears_in', { when: relative(message.expires - Date.now()) }));
        setText(note, parts.join(' · '));
        this.#offer(item, message, again);
        if (!known)
            item.scrollIntoView({ block: 'nearest' });
    }

    #offer(item, message, again) {
        const there = item.querySelector('button');
        if (again && !there)
            item.append(button('retry', 'again', () => this.#retry(message.id)));
        else if (!again)
            there?.remove();
    }

    // fill(): an element for what is no text, once.
    async show(id, fill) {
        const item = this.#items.get(id), said = item.querySelector('.said');
        if (item.dataset.shown)
            return;
        item.dataset.shown = 'yes';
        try {
            said.replaceChildren(await fill());
        } catch {
            said.textContent = t('no_picture');
        }
        item.scrollIntoView({ block: 'nearest' });
    }

    // Words whose time may be over are not shown before that is known.
    hide(hidden) { this.#list.hidden = hidden; }

    text(id) { return this.#items.get(id)?.querySelector('.said').textContent ?? ''; }
    ids() { return [...this.#items.keys()]; }

    // What plays from this page's memory is let go with it.
    #silence(place) {
        for (const audio of place.querySelectorAll('audio')) {
            audio.pause();
            URL.revokeObjectURL(audio.src);
        }
    }

    remove(id) {
        const item = this.#items.get(id);
        if (item)
            this.#silence(item);
        item?.remove();
        this.#items.delete(id);
    }

    clear() {
        this.#silence(this.#list);
        this.#items.clear();
        this.hide(false);
        this.#list.replaceChildren();
    }
}
