// The chat: one participant, one conversation, over the package of client/web. Until she sends her first message the
// relay is asked what the desk says of itself, and nothing else.
import { Client } from './zaguan.js';
import { Attach } from './attach.js';
import { Entrance, address, canTryAgain, trouble } from './entrance.js';
import { beforeLeaving } from './leave.js';
import { Log, button } from './log.js';
import { Panel } from './panel.js';
import { seen, show, slept, whenSeenAgain } from './screen.js';
import { Status } from './status.js';
import { language, t } from './words.js';

const LIFETIMES = [86400, 21600, 3600];
const SLOW_MS = 10000;
const REFRESH_MS = 15000;

const byId = (id) => document.getElementById(id);
const compile = () => fetch('zaguan.wasm').then(async (response) => {
    if (!response.ok)
        throw new Error('zaguan.wasm');
    return WebAssembly.compile(await response.arrayBuffer());
});
let loading = compile();
loading.catch(() => {});

class Chat {
    #card;
    #client = null;
    #conversation = '';
    #connected = false;
    #unreachable = false; // since it was said last
    #delayed = new Set(); // own messages that the relay could not take yet
    #sentAgain = new Set(); // refused ones that were sent again under another name
    #status = new Status(byId('state'));
    #entrance = new Entrance(this.#status);
    #panel = new Panel(byId('panel'));
    #log = new Log((id) => this.#retry(id));
    #attach = new Attach(this.#panel, (kind, data) => this.#sendData(kind, data), () => byId('text').focus());
    #media = null; // loaded when there is something to show
    #comeback = null; // loaded when she asks for it
    #kept = false; // a return phrase works, or did
    #erasing = false;
    #slow;
    #refresh;

    constructor(card) {
        this.#card = card;
        byId('composer').addEventListener('submit', (event) => { event.preventDefault(); this.#submit(); });
        byId('text').addEventListener('keydown', (event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
                byId('composer').requestSubmit();
        });
        byId('picture').addEventListener('click', () => byId('file').click());
        byId('file').addEventListener('change', () => this.#pick());
        byId('voice').addEventListener('click', () => this.#attach.voice());
        byId('come-back').addEventListener('click', () => this.#offerPhrase());
        byId('words').addEventListener('click', () => this.#showWords());
        byId('erase').addEventListener('click', () => this.#askErase());
        byId('lifetime').replaceChildren(...LIFETIMES.map((s) => new Option(t(`lifetime_${s}`), s)));
        for (const name of ['online', 'offline'])
            addEventListener(name, () => { if (this.#client) this.#client.network(navigator.onLine); });
        whenSeenAgain(() => this.#wake());
        beforeLeaving(() => this.#wipe());
    }

    // --- beginning and end ---

    // returning: with a phrase, instead of words. wrong: why once more.
    async open(returning = false, wrong = '') {
        this.#status.set('trouble', null);
        this.#status.set('step', 'preparing');
        try {
            loading = loading.catch(compile); // one that failed while she read
            this.#client = await Client.open({ wasm: loading, address, onevent: (event) => this.#on(event) });
        } catch {
            this.#status.set('step', null);
            this.#status.set('trouble', 'no_page', button('retry', 'again', () => this.open(returning, wrong)));
            return;
        }
        this.#status.set('step', null);
        byId('send').disabled = false;
        this.#refresh = setInterval(() => this.#wake(), REFRESH_MS);
        if (returning) {
            await this.#askPhrase(wrong);
            return;
        }
        this.#look();
        byId('text').focus();
    }

    // --- coming back ---

    async #phrases() {
        const { ComeBack } = await import('./comeback.js');
        this.#comeback ??= new ComeBack({
            panel: this.#panel, wasm: loading, card: this.#card, back: () => byId('text').focus(), changed: () => this.#render(),
            say: (key) => this.#status.set('step', key),
        });
        return this.#comeback;
    }

    async #offerPhrase() {
        const phrases = await this.#phrases();
        if (this.#client !== null && this.#conversation !== '')
            phrases.offer(this.#client, this.#conversation);
    }

    async #askPhrase(wrong) {
        byId('composer').hidden = true;
        const phrases = await this.#phrases();
        if (this.#client !== null)
            phrases.ask(this.#client, () => this.#startAgain(), wrong);
    }

    #returned(conversation) {
        const { alias } = this.#client.conversation(conversation);
        this.#conversation = conversation;
        this.#kept = true;
        this.#panel.close();
        byId('composer').hidden = false;
        if (alias !== '')
            this.#status.set('desk', 'accepted', null, { name: alias });
        byId('text').focus();
    }

    // Another device has it now.
    #closed() {
        const card = this.#card;
        this.#wipe();
        this.#card = card;
        byId('composer').hidden = true;
        this.#buttons();
        this.#status.set('trouble', 'closed_elsewhere', button('write_again', 'write', () => this.#startAgain()));
    }

    // --- the way in ---

    #look() {
        this.#status.set('trouble', null);
        const wrong = this.#entrance.look(this.#client, this.#card);
        if (wrong !== null)
            this.#stop(wrong);
        else
            this.#waitForAnswer();
    }

    // There is nobody to write to. Without a key she has read why.
    #stop(key) {
        if (key !== null)
            this.#status.set('trouble', key);
        byId('composer').hidden = true;
    }

    // What is over goes before anything is shown. After a sleep only the relay knows how long it was.
    #wake() {
        if (this.#client === null)
            return;
        this.#client.wake();
        if (slept() && this.#conversation !== '') {
            this.#log.hide(true);
            this.#tryNow();
        }
        this.#render();
    }

    #wipe() {
        clearInterval(this.#refresh);
        clearTimeout(this.#slow);
        this.#client?.close();
        this.#client = null;
        this.#conversation = '';
        this.#card = '';
        this.#entrance.forget();
        this.#forgetWords();
        this.#status.clear();
    }

    #forgetWords() {
        this.#comeback?.forget();
        this.#comeback = null;
        this.#attach.forget();
        this.#media?.forget();
        this.#log.clear();
        this.#panel.close();
        this.#delayed.clear();
        this.#sentAgain.clear();
        byId('text').value = '';
    }

    // --- writing ---

    #submit() {
        const field = byId('text');
        if (field.value.trim() === '' || this.#client === null)
            return;
        if (this.#send(field.value, Number(byId('lifetime').value)))
            field.value = '';
        field.focus();
        this.#render();
    }

    // false: she was told why, and the words stay where they are.
    #send(text, lifetime) {
        this.#status.set('trouble', null);
        try {
            if (this.#conversation === '') {
                this.#conversation = this.#client.knock(this.#card, text, { lifetime });
                this.#waitForAnswer();
            } else {
                this.#client.send(this.#conversation, text, { lifetime });
            }
            return true;
        } catch (error) {
            this.#status.set('trouble', error.code === 'too_large' ? 'too_long' : trouble(error.code));
            return false;
        }
    }

    #pick() {
        const [file] = byId('file').files;
        byId('file').value = '';
        if (file)
            this.#attach.picture(file);
    }

    // false: it is too large.
    #sendData(kind, data) {
        try {
            this.#client.sendData(this.#conversation, kind, data, { lifetime: Number(byId('lifetime').value) });
            this.#render();
            return true;
        } catch (error) {
            if (error.code !== 'too_large')
                this.#status.set('trouble', 'failed');
            return error.code !== 'too_large';
        }
    }

    async #show({ id, kind, own }) {
        this.#media ??= await import('./media.js');
        const data = this.#client.data(this.#conversation, id);
        try {
            return await this.#media.element({ kind, data }, `${t(own ? 'you' : 'they')}: ${t(kind === 'jpeg' ? 'picture' : 'voice')}`);
        } finally {
            data.fill(0);
        }
    }

    // Words without end are no answer: after a while she reads that it takes long, and can try again.
    #waitForAnswer() {
        clearTimeout(this.#slow);
        if (this.#unreachable)
            this.#sayTrouble('unreachable');
        else
            this.#status.set('connection', null);
        this.#slow = setTimeout(() => {
            if (this.#waits())
                this.#sayTrouble(this.#unreachable ? 'unreachable' : 'slow');
        }, SLOW_MS);
    }

    // Only what waits could be lost.
    #sayTrouble(key) {
        const written = this.#conversation !== '' && this.#waits();
        if (!written)
            this.#status.set('step', null);
        this.#status.set('connection', written ? key : `${key}_now`,
            button('retry', 'again', () => this.#tryNow()));
    }

    #waits() {
        if (this.#conversation === '')
            return this.#entrance.waits;
        return !this.#goesLater() && this.#messages().some((m) => m.own && m.state === 'waiting');
    }

    // Behind the first message nothing goes before somebody has answered it (docs/protocol.md, section 6).
    #goesLater() {
        return this.#client.conversation(this.#conversation).state === 'knocking' &&
            this.#messages().some((m) => m.own && m.state === 'sent');
    }

    #tryNow() {
        this.#client.network(false);
        this.#client.network(true);
        this.#waitForAnswer();
        this.#render();
    }

    #retry(id) {
        if (this.#client === null)
            return;
        const lost = this.#conversation === '';
        const message = lost ? null : this.#messages().find((m) => m.id === id);
        if (lost) {
            this.#sendLost();
        } else if (message?.state === 'waiting') {
            this.#tryNow();
        } else if (message && this.#sendAgain(message)) {
            this.#sentAgain.add(id);
            this.#log.remove(id);
        }
        this.#render();
    }

    #sendAgain({ id, kind, bytes, text, lifetime }) {
        if (!(bytes > 0))
            return this.#send(text, lifetime);
        const data = this.#client.data(this.#conversation, id);
        try {
            return this.#sendData(kind, data);
        } finally {
            data.fill(0);
        }
    }

    // A knock that failed took its conversation along; her words are still on the screen.
    #sendLost() {
        if (this.#log.ids().length === 0)
            this.#look();
        for (const id of this.#log.ids()) {
            if (!this.#send(this.#log.text(id), Number(byId('lifetime').value)))
                return;
            this.#log.remove(id);
        }
    }

    // --- events ---

    #on(event) {
        switch (event.kind) {
        case 'connected':
            this.#connected = true;
            this.#unreachable = false;
            this.#log.hide(false);
            this.#status.set('connection', null);
            break;
        case 'disconnected':
            this.#connected = false;
            this.#unreachable = event.error !== null;
            if (this.#unreachable && !this.#erasing)
                this.#sayTrouble('unreachable');
            break;
        case 'puzzle':
            this.#status.set('step', 'working');
            break;
        case 'looked':
        case 'knock_sent':
            this.#entrance.done();
            this.#showNotice();
            break;
        case 'knock_failed':
            this.#knockFailed(event.error);
            return;
        case 'accepted':
            this.#status.set('desk', 'accepted', null, { name: this.#client.conversation(event.conversation).alias });
            break;
        case 'sent':
            this.#delayed.delete(event.message);
            break;
        case 'not_sent':
            this.#delayed.add(event.message);
            break;
        case 'expired':
            this.#log.remove(event.message);
            break;
        case 'safety':
            if (event.error !== null)
                this.#status.set('safety', 'safety_mismatch');
            break;
        case 'relay_went_back':
            this.#status.set('step', 'went_back');
            break;
        case 'locker_ready':
            this.#kept = true;
            this.#comeback?.ready();
            break;
        case 'locker_lost':
            if (this.#kept)
                this.#status.set('step', 'phrase_lost');
            this.#kept = true; // there is one voucher for one phrase
            this.#comeback?.lost();
            break;
        case 'returned':
            this.#returned(event.conversation);
            break;
        case 'return_failed':
            if (event.error === 'not_found')
                this.#askPhrase(t('phrase_nothing'));
            else
                this.#startAgain(t('failed')); // this client is of no more use
            return;
        case 'closed':
            this.#closed();
            return;
        case 'ended':
            this.#status.set('desk', 'ended', button('write_again', 'write', () => this.#startAgain()));
            byId('composer').hidden = true;
            break;
        case 'erased':
            this.#erased();
            return;
        }
        this.#render();
    }

    // Until somebody answers; "on duty" may be over meanwhile.
    #showNotice() {
        if (!this.#entrance.show(this.#client, this.#conversation))
            this.#stop(null);
    }

    // Of a look as well: nothing was sent then.
    #knockFailed(code) {
        const key = trouble(code), again = canTryAgain(key), lost = this.#log.ids();
        this.#conversation = '';
        clearTimeout(this.#slow);
        this.#status.clear();
        this.#entrance.forget();
        if (lost.length === 0 && !again)
            this.#stop(key);
        else
            this.#status.set('trouble', key, again ? button('retry', 'again', () => this.#retry('')) : null);
        for (const id of lost)
            this.#log.put({ id, own: true, text: this.#log.text(id), expires: 0 }, t('you'), 'not_sent', again);
        this.#buttons();
    }

    // --- the screen ---

    #messages() {
        return this.#client.messages(this.#conversation);
    }

    #stateOf(message) {
        if (!message.own)
            return '';
        if (message.state === 'waiting' && this.#goesLater())
            return 'goes_later';
        if (message.state === 'waiting')
            return this.#delayed.has(message.id) || !this.#connected && this.#status.has('connection')
                ? 'not_sent_yet' : 'on_its_way';
        return message.state === 'not_sent' ? 'not_sent' : 'sent';
    }

    #render() {
        if (this.#client === null)
            return;
        if (!this.#waits() && this.#connected)
            this.#status.set('connection', null);
        if (this.#conversation === '') {
            this.#showNotice();
            return;
        }
        const { alias, state, safety } = this.#client.conversation(this.#conversation);
        for (const message of this.#messages()) {
            if (this.#sentAgain.has(message.id))
                continue;
            if (message.state === 'received') {
                if (!seen())
                    continue; // its time runs from the moment she can read it
                this.#client.read(this.#conversation, message.id);
            }
            const shown = message.state === 'received' ? this.#client.message(this.#conversation, message.id) : message;
            const sent = this.#stateOf(shown), empty = shown.text === '' && !(shown.bytes > 0); // its locker had no room for it
            this.#log.put(shown, shown.own ? t('you') : alias || t('they'), sent,
                sent === 'not_sent_yet' || sent === 'not_sent' && state !== 'ended' && !empty);
            if (shown.bytes > 0)
                this.#log.show(shown.id, () => this.#show(shown));
        }
        if (safety === 'mismatch')
            this.#status.set('safety', 'safety_mismatch');
        if (state === 'knocking')
            this.#showNotice();
        this.#buttons(state, safety);
    }

    #buttons(state = '', safety = 'none') {
        byId('come-back').hidden = this.#kept || this.#comeback?.waits || state !== 'open' && !(state === 'knocking' && this.#messages().some((m) => m.state === 'sent'));
        byId('picture').hidden = byId('voice').hidden = state !== 'open';
        byId('words').hidden = safety !== 'words' && safety !== 'compared';
        byId('erase').hidden = state === '' && this.#log.ids().length === 0;
    }

    #showWords() {
        const { words, safety } = this.#client.conversation(this.#conversation, language());
        this.#panel.words(words, safety === 'compared', () => {
            this.#client.safetyCompared(this.#conversation);
            this.#showWords();
        }, () => byId('words').focus());
    }

    // --- erasing ---

    #askErase() {
        this.#panel.askErase(() => this.#erase(), () => byId('erase').focus());
    }

    #erase() {
        this.#forgetWords();
        this.#status.clear();
        byId('composer').hidden = byId('erase').hidden = byId('words').hidden = true;
        byId('picture').hidden = byId('voice').hidden = byId('come-back').hidden = true;
        if (this.#conversation === '') {
            this.#erased();
            return;
        }
        this.#erasing = true;
        this.#status.set('step', 'erasing');
        this.#client.erase(this.#conversation);
        this.#conversation = '';
    }

    #erased() {
        this.#erasing = false;
        this.#status.clear();
        this.#status.set('step', 'erased', button('write_again', 'write', () => this.#startAgain()));
        byId('state').querySelector('button').focus();
    }

    // As after loading, with a client that never saw anything; and asking for the phrase if that went wrong.
    #startAgain(wrong = '') {
        const card = this.#card;
        byId('send').disabled = true;
        this.#wipe();
        this.#card = card;
        this.#kept = false;
        byId('composer').hidden = false;
        byId('erase').hidden = byId('words').hidden = true;
        this.open(wrong !== '', wrong);
    }
}

let chat = null;

export async function openChat(card, returning) {
    chat ??= new Chat(card);
    show('chat');
    await chat.open(returning);
}
