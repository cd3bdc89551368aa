// A question or the safety words, between messages and the field to write in.
import { button } from './log.js';
import { t } from './words.js';

function paragraph(text) {
    const made = document.createElement('p');
    made.textContent = text;
    return made;
}

function row(...buttons) {
    const made = document.createElement('p');
    made.className = 'row';
    made.append(...buttons);
    return made;
}

export class Panel {
    #place;

    constructor(place) {
        this.#place = place;
    }

    #open(label, ...content) {
        this.#place.replaceChildren(...content);
        this.#place.setAttribute('aria-label', label);
        this.#place.hidden = false;
        this.#place.focus();
        this.#place.scrollIntoView({ block: 'nearest' });
    }

    shows(label) { return !this.#place.hidden && this.#place.getAttribute('aria-label') === label; }

    close() {
        this.#place.hidden = true;
        this.#place.replaceChildren();
    }

    // closed: called when she closes it, to put the focus back.
    words(words, compared, agree, closed) {
        const list = document.createElement('ol'), close = () => { this.close(); closed(); };
        list.className = 'safe';
        list.translate = false;
        list.append(...words.map((word) => {
            const item = document.createElement('li');
            item.textContent = word;
            return item;
        }));
        const buttons = [button('close', 'close', close)];
        if (!compared)
            buttons.unshift(button('safety_same', 'words', agree));
        this.#open(t('safety_words'), paragraph(t(compared ? 'safety_compared' : 'safety_explain')), list, row(...buttons));
    }

    // content: sentences and elements.
    ask(label, content, buttons) {
        this.#open(label, ...content.map((part) => (typeof part === 'string' ? paragraph(part) : part)), row(...buttons));
    }

    askErase(erase, closed) {
        this.#open(t('erase'), paragraph(t('erase_ask')), row(
            button('erase_yes', 'erase', () => { this.close(); erase(); }),
            button('erase_no', 'close', () => { this.close(); closed(); })));
    }
}
