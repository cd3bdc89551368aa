// The way in: whether her card is good, and what its desk says of itself, before her first word and until somebody answers.
import { language, organisation } from './words.js';

// What is wrong with a card or a desk; what may be tried again.
const TROUBLES = {
    truncated: 'link_damaged', malformed: 'link_damaged', version: 'link_newer', forged: 'link_false',
    foreign: 'link_false', expired: 'link_expired', refused: 'closed', not_found: 'closed', full: 'full',
};
const TRY_AGAIN = new Set(['full', 'failed', 'link_expired']);

// The key of a sentence.
export const trouble = (code, other = 'failed') => TROUBLES[code] ?? other;
export const canTryAgain = (key) => TRY_AGAIN.has(key);

// Where a browser reaches the relay that a card names.
export function address(host, port) {
    const bracketed = host.includes(':') ? `[${host}]` : host, place = `${bracketed}:${port}`;
    return organisation().relays?.[place] ?? `${location.protocol === 'http:' ? 'ws' : 'wss'}://${place}/zaguan`;
}

export class Entrance {
    #status;
    #look = '';
    waits = false; // for what the desk says of itself

    constructor(status) {
        this.#status = status;
    }

    // Makes nothing at the relay. The key of what is wrong with the card, or null.
    look(client, card) {
        try {
            this.#look = client.look(card);
        } catch (error) {
            return trouble(error.code, 'link_damaged');
        }
        this.waits = true;
        this.#status.set('step', 'preparing');
        return null;
    }

    // The answer came, or will not come.
    done() {
        this.waits = false;
        this.#status.set('step', null);
    }

    // What the desk says of itself. conversation: '' before her first message. Whether anybody will ever answer.
    show(client, conversation) {
        const id = conversation || this.#look, notice = id === '' ? null : client.notice(id, language());
        if (notice === null)
            return true;
        const ended = notice.state === 'ended', now = conversation === '' ? '_now' : '';
        this.#status.set('desk', ended ? 'service_ended' : notice.state + now);
        this.#status.set('notice', null, null, null, notice.text);
        return !ended;
    }

    forget() {
        this.#look = '';
        this.waits = false;
    }
}
