// What is going on, above the messages; read out when it changes. Each topic has at most one sentence.
import { t } from './words.js';

const TOPICS = ['safety', 'trouble', 'connection', 'step', 'desk', 'notice'];

export class Status {
    #place;
    #shown = new Map();

    constructor(place) {
        this.#place = place;
    }

    has(topic) { return this.#shown.has(topic); }

    // key null and no text: nothing to say. action: a button, or null.
    set(topic, key, action = null, values = {}, text = '') {
        const words = key === null ? text : t(key, values ?? {});
        if ((this.#shown.get(topic)?.words ?? '') === words)
            return;
        if (words === '')
            this.#shown.delete(topic);
        else
            this.#shown.set(topic, { words, action });
        this.#show();
    }

    clear() {
        this.#shown.clear();
        this.#show();
    }

    #show() {
        this.#place.replaceChildren(...TOPICS.filter((topic) => this.#shown.has(topic)).map((topic) => {
            const { words, action } = this.#shown.get(topic), line = document.createElement('p');
            line.append(words);
            if (topic === 'safety' || topic === 'trouble')
                line.className = 'warning';
            if (action !== null)
                line.append(document.createElement('br'), action);
            return line;
        }));
    }
}
