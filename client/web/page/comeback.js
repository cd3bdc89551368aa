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
    #stop = null; // of what is being computed

    // wasm: a promise of the compiled module. back: where the focus goes afterwards.
    constructor({ panel, wasm, card, back }) {
        this.#panel = panel;
        this.#wasm = wasm;
        this.#card = card;
        this.#back = back;
    }

    forget() {
        this.#stop?.abort();
        this.#stop = null;
        this.#card = '';
    }

    // --- a new one ---

    offer(client, conversation) {
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
        this.#panel.ask(t('come_back'), [t('phrase_working')], []);
        try {
            await this.#withSecret(digits, (secret) => client.keep(conversation, secret));
        } catch (error) {
            this.#say(error, t('come_back'), 'phrase_failed');
        }
    }

    // The relay has it.
    ready() { this.#panel.ask(t('come_back'), [t('phrase_ready')], [this.#closing('close')]); }

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
        this.#panel.ask(t('have_phrase'), [t('phrase_working')], []);
        try {
            await this.#withSecret(digits, (secret) => client.returnTo(this.#card, secret));
        } catch (error) {
            if (error.code !== 'state')
                this.ask(client, otherwise, t('phrase_wrong'));
        }
    }

    // --- both ---

    async #withSecret(phrase, use) {
        this.#stop = new AbortController();
        const secret = await stretch({ wasm: await this.#wasm, card: this.#card, phrase, signal: this.#stop.signal, worker });
        try {
            use(secret);
        } finally {
            secret.fill(0);
        }
    }

    // She may have left meanwhile.
    #say(error, name, key) {
        if (this.#stop !== null)
            this.#panel.ask(name, [t(key)], [this.#closing('close')]);
    }

    #closing(key) {
        return button(key, 'close', () => { this.#panel.close(); this.#back(); });
    }
}
