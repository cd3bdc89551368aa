// A picture or a voice note on its way into a message: chosen or spoken, looked at or heard, then sent or not.
import { button } from './log.js';
import { t } from './words.js';

const load = () => import('./media.js');

export class Attach {
    #panel;
    #send;
    #back;
    #media = null;
    #turn = 0; // rises when what is being made is not wanted any more

    // send(kind, data): true if it is on its way. back: where the focus goes afterwards.
    constructor(panel, send, back) {
        this.#panel = panel;
        this.#send = send;
        this.#back = back;
    }

    async picture(file) {
        const turn = ++this.#turn;
        try {
            this.#media = await load();
            await this.#review(await this.#media.picture(file), t('picture'), t('picture_ask'), turn);
        } catch (error) {
            if (turn === this.#turn)
                this.#say(t('picture'), error.code === 'too_large' ? 'media_large' : 'no_picture');
        }
    }

    voice() {
        this.#panel.ask(t('voice'), [t('voice_ask')], [
            button('voice_start', 'voice', () => this.#record()), this.#closing('media_drop')]);
    }

    // Nothing is recorded any more, nothing can be shown.
    forget() {
        this.#turn++;
        this.#media?.forget();
    }

    async #record() {
        const turn = ++this.#turn, time = document.createElement('p');
        const tick = (seconds) => { time.textContent = t('voice_time', { seconds }); };
        let recording;
        try {
            this.#media = await load();
            recording = await this.#media.record(tick);
        } catch {
            if (turn === this.#turn)
                this.#say(t('voice'), 'no_microphone');
            return;
        }
        if (turn !== this.#turn) {
            recording.cancel();
            return;
        }
        tick(0);
        this.#panel.ask(t('voice'), [time], [
            button('voice_stop', 'close', () => recording.stop()),
            this.#closing('media_drop', () => recording.cancel())]);
        const made = await recording.done;
        if (made !== null)
            await this.#review(made, t('voice'), t('voice_hear'), turn);
        else if (turn === this.#turn)
            this.#panel.close();
    }

    async #review(made, name, question, turn) {
        const shown = turn === this.#turn ? await this.#media.element(made, name) : null;
        const close = () => { this.#media.drop(shown); };
        if (turn !== this.#turn) {
            close();
            made.data.fill(0);
            return;
        }
        this.#panel.ask(name, [question, shown], [
            button('send', 'send', () => {
                close();
                this.#panel.close();
                if (!this.#send(made.kind, made.data))
                    this.#say(name, 'media_large');
                else
                    this.#back();
                made.data.fill(0);
            }),
            this.#closing('media_drop', () => { close(); made.data.fill(0); })]);
    }

    #say(name, key) {
        this.#panel.ask(name, [t(key)], [this.#closing('close')]);
    }

    #closing(key, also = () => {}) {
        return button(key, 'close', () => {
            also();
            this.#panel.close();
            this.#back();
        });
    }
}
