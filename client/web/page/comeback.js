// The return phrase: offered, shown once, kept by nobody here; and the way back with it.
import { button } from './log.js';
import { phraseFromText, phraseToWords } from './phrase.js';
import { language, t } from './words.js';
import { stretch } from './zaguan.js';

const LISTS = ['en', 'es', 'fr'];
const GROUP = 4;

const worker = () => new Worker('stretch-worker.js');
const listsFor = (client) => [language(), ...LISTS].map((code) => client.words(code));

export class ComeBack {
    #panel;
    #wasm;
    #card;
    #back;
    #changed;
    #say;
    #stop = null; // of what is being computed
    #forgotten = false;
    #waits = false; // for the relay to have a phrase that she knows: there is no other meanwhile

    // wasm: a promise of the compiled module. back: where the focus goes afterwards.
    // changed(): whether she may ask for a phrase. say(key): beside the panel.
    constructor({ panel, wasm, card, back, changed, say }) {
        this.#panel = panel;
        this.#wasm = wasm;
        this.#card = card;
        this.#back = back;
        this.#changed = changed;
        this.#say = say;
    }

    forget() {
        this.#stop?.abort();
        this.#stop = null;
        this.#card = '';
        this.#forgotten = true;
    }

    get waits() { return this.#waits; }

    // --- a new one ---

    offer(client, conversation) {
        if (this.#waits)
            return;
        this.#panel.ask(t('come_back'), [t('phrase_why'), t('phrase_cost')], [
            button('phrase_digits', 'words', () => this.#reveal(client, conversation, false)),
            button('phrase_words', 'words', () => this.#reveal(client, conversation, true)),
            this.#closing('phrase_drop')]);
    }

    #reveal(client, conversation, asWords) {
        const list = document.createElement('ol');
        let digits = client.newPhrase();
        const parts = asWords ? phraseToWords(digits, client.words(language())) : digits.match(new RegExp(`.{${GROUP}}`, 'g'));
        list.className = 'safe';
        list.translate = false;
        list.dir = 'ltr';
        list.append(...parts.map((part) => {
            const item = document.createElement('li');
            item.textContent = part;
            return item;
        }));
        this.#panel.ask(t('come_back'), [list, t('phrase_once')], [
            button('phrase_known', 'words', () => { this.#keep(client, conversation, digits); digits = ''; }),
            this.#closing('phrase_drop')]);
    }

    async #keep(client, conversation, digits) {
        this.#waits = true;
        this.#changed();
        this.#panel.ask(t('come_back'), [t('phrase_working')], [this.#closing('close')]);
        try {
            await this.#withSecret(digits, (secret) => client.keep(conversation, secret));
        } catch {
            this.#done('phrase_failed');
        }
    }

    // The relay has it, or will never have it.
    ready() { this.#done('phrase_ready'); }
    lost() { this.#done('phrase_failed'); }

    #done(key) {
        if (!this.#waits || this.#forgotten)
            return;
        this.#waits = false;
        this.#changed();
        if (this.#panel.shows(t('come_back')))
            this.#panel.ask(t('come_back'), [t(key)], [this.#closing('close')]);
        else
            this.#say(key); // she does something else meanwhile
    }

    // --- back with it ---

    // otherwise(): she wants to begin anew.
    ask(client, otherwise, wrong = '') {
        const label = document.createElement('label'), field = document.createElement('textarea');
        field.id = 'phrase';
        label.htmlFor = field.id;
        label.textContent = t('phrase_ask');
        Object.assign(field, { rows: 3, autocomplete: 'off', autocapitalize: 'none', spellcheck: false, translate: false });
        const open = () => {
            const typed = field.value;
            field.value = '';
            this.#open(client, otherwise, typed);
        };
        field.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); open(); } });
        this.#panel.ask(t('have_phrase'), [...(wrong === '' ? [] : [wrong]), label, field], [
            button('phrase_open', 'again', open), button('write_again', 'write', () => { this.#panel.close(); otherwise(); })]);
        field.focus();
    }

    async #open(client, otherwise, typed) {
        let digits;
        try {
            digits = phraseFromText(typed, listsFor(client));
        } catch ({ code, word }) {
            this.ask(client, otherwise, code === 'not_found' ? t('phrase_unknown', { word }) : t('phrase_wrong'));
            return;
        }
        this.#panel.ask(t('have_phrase'), [t('phrase_working')], [
            button('write_again', 'write', () => { this.#panel.close(); otherwise(); })]);
        try {
            await this.#withSecret(digits, (secret) => client.returnTo(this.#card, secret));
        } catch (error) {
            if (!this.#forgotten && error.code !== 'state')
                this.ask(client, otherwise, t('phrase_wrong'));
        }
    }

    // --- both ---

    async #withSecret(phrase, use) {
        const wasm = await this.#wasm, stop = this.#stop = new AbortController();
        if (this.#forgotten)
            stop.abort();
        const secret = await stretch({ wasm, card: this.#card, phrase, signal: stop.signal, worker });
        try {
            use(secret);
        } finally {
            secret.fill(0);
        }
    }

    #closing(key) {
        return button(key, 'close', () => { this.#panel.close(); this.#back(); });
    }
}
