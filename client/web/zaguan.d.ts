/** libzaguan in a browser: a participant's side. docs/client-library.md has the rules that protect people. */

/** An error of libzaguan. */
export class ZaguanError extends Error {
    /** Its name as in zaguan/err.h, in lower case: "truncated", "forged", "too_large" ... */
    readonly code: string;
}

/** Names a conversation or a message in this program only: 32 hexadecimal digits. */
export type Id = string;

export type EventKind =
    | 'ready' | 'failed' | 'connected' | 'disconnected' | 'desk_ready' | 'desk_failed' | 'knock' | 'knock_sent'
    | 'knock_failed' | 'puzzle' | 'accepted' | 'message' | 'sent' | 'not_sent' | 'expired' | 'safety' | 'ended'
    | 'erased' | 'storage' | 'displaced' | 'expired_unread' | 'relay_went_back' | 'locker_ready' | 'locker_lost' | 'returned'
    | 'return_failed' | 'closed' | 'looked' | 'unknown';

/** What each kind means stands at zg_event_kind in zaguan/client.h. */
export interface ZaguanEvent {
    kind: EventKind;
    error: string | null;
    /** '' where it does not apply. */
    conversation: Id | '';
    message: Id | '';
    value: number;
}

export interface Conversation {
    state: 'knocking' | 'waiting' | 'open' | 'ended' | 'erasing' | 'looking' | 'unknown';
    /** The name of the worker who answered; '' before. */
    alias: string;
    safety: 'none' | 'words' | 'compared' | 'mismatch' | 'unknown';
    /** Four words, while there are any to compare. */
    words: string[];
}

export type DataKind = 'jpeg' | 'voice_webm' | 'voice_mp4';

export interface Message {
    id: Id;
    kind: 'text' | DataKind | 'unknown';
    /** Of a picture or a voice note, how much data() gives; 0 for text. */
    bytes: number;
    own: boolean;
    /** A kind that this version does not know: say that it needs a newer version. */
    newerVersion: boolean;
    /** Of own messages: waiting, sent, not_sent. */
    state: 'received' | 'read' | 'waiting' | 'sent' | 'not_sent' | 'expired_unread' | 'unknown';
    text: string;
    /** Milliseconds since 1970 UTC, to the minute for a received one. */
    sent: number;
    /** Seconds. */
    lifetime: number;
    from: 'sent' | 'read' | 'unknown';
    /** Milliseconds since 1970 UTC; 0: its time does not run yet. */
    expires: number;
}

/** What the desk says of itself. 'on_duty' counts for 12 hours after it was written, then the state is 'away'. */
export interface Notice {
    state: 'on_duty' | 'away' | 'ended' | 'unknown';
    /** Milliseconds since 1970 UTC. */
    written: number;
    text: string;
}

export interface SendOptions {
    /** Seconds, at most 30 days; 0 or nothing: a day. */
    lifetime?: number;
    /** What the lifetime counts from; 'read' without it. */
    from?: 'sent' | 'read';
}

export type Source = BufferSource | WebAssembly.Module | Response;

export interface Options {
    /** zaguan.wasm, for example fetch('zaguan.wasm'). */
    wasm: Source | Promise<Source>;
    /** The WebSocket of a relay that a card names by host and port; `wss://host:port/zaguan` (`ws:` for an onion service) without it. */
    address?(host: string, port: number): string;
    /** Called for each event, never from inside `open`. It may call the client. */
    onevent?(event: ZaguanEvent): void;
}

/** A phrase as six things with a number from 1 to 8 in front of each. words: of Client.words. */
export function phraseToWords(digits: string, words: string[]): string[];
/**
 * What a person typed, digits or words, as 20 digits. Accents, capitals and what comes behind four letters do not matter. lists: the words of each
 * language, hers first. Throws an Error with code 'truncated', or 'not_found' and the `word` that is in no list.
 */
export function phraseFromText(text: string, lists: string[][]): string;

export interface Stretching {
    /** zaguan.wasm, compiled. */
    wasm: WebAssembly.Module;
    /** Any card of the organisation. */
    card: string;
    /** 20 digits; spaces and hyphens do not count. */
    phrase: string;
    /** Gives up: code 'state'. */
    signal?: AbortSignal;
    /** Begins stretch-worker.js; without it, the one beside stretch.js. */
    worker?(): Worker;
}

/**
 * The secret of a return phrase, 128 bytes: overwrite it after use. Takes a second or more, in a worker with 32 MiB of its own. Errors:
 * 'truncated', 'too_large', 'malformed', and those of checkCard.
 */
export function stretch(what: Stretching): Promise<Uint8Array>;

/** One participant, in memory only. All functions but close() throw ZaguanError; its code is 'state' after close(). */
export class Client {
    private constructor();
    static open(options: Options): Promise<Client>;

    /** Throws what is wrong with a card's text. Touches nothing. */
    checkCard(card: string): void;
    /** Longest text of a knock, in bytes of UTF-8. */
    readonly knockTextMax: number;
    /**
     * Fetches and checks what the desk of a card says of itself, before anything is written: 'looked', then notice(); or 'knock_failed'.
     * Makes nothing at the relay. The answer names the conversation that a knock with the same card becomes.
     */
    look(card: string): Id;
    /** Opens a conversation with the desk of a card; takes what look() fetched in the last 10 minutes. */
    knock(card: string, text: string, options?: SendOptions): Id;
    /** What is sent before the answer to a knock waits for it. */
    send(conversation: Id, text: string, options?: SendOptions): Id;
    /**
     * A picture or a voice note, about 80,000 bytes at most, as bytes of its format. Drop what a camera writes into them before: draw a picture
     * anew. It waits for the answer to a knock as text does.
     */
    sendData(conversation: Id, kind: DataKind, data: Uint8Array, options?: SendOptions): Id;
    /** A person has seen the message: starts a lifetime that counts from reading. Nobody is told. */
    read(conversation: Id, message: Id): void;
    /** Own limit: no message of the conversation stays longer here after it was read or sent, and none written from now on at the other side. Seconds, at most 30 days; 0: none. */
    limit(conversation: Id, seconds: number): void;
    /** A person compared the safety words and they agree. */
    safetyCompared(conversation: Id): void;
    /** Messages and keys go at once here, what is at the relay as soon as it is reached: 'erased'. Cannot be taken back. */
    erase(conversation: Id): void;

    /** A new return phrase: 20 digits. Show it once, and keep it nowhere. */
    newPhrase(): string;
    /** The 256 words that safety words, and phrases in words, are made of: 'en', 'es', 'fr', others as 'en'. */
    words(language: string): string[];
    /** From 'locker_ready' on, the phrase of this secret brings the conversation back on any device. Needs a knock that is kept. */
    keep(conversation: Id, secret: Uint8Array): void;
    /** In a client without a conversation: 'returned' or 'return_failed'. The device that had it gets 'closed'. */
    returnTo(card: string, secret: Uint8Array): void;

    /** language: of the safety words, 'en', 'es' or 'fr'. */
    conversation(conversation: Id, language?: string): Conversation;
    /** The oldest first. */
    messages(conversation: Id): Message[];
    message(conversation: Id, message: Id): Message;
    /** Of a picture or a voice note, a copy; null for text. It comes from somebody else: give it to what shows such files, and to nothing else. */
    data(conversation: Id, message: Id): Uint8Array | null;
    /** null: not known yet. As of the last time that something happened; wake() asks the clock. */
    notice(conversation: Id, language?: string): Notice | null;

    /** Whether the device has a network. false, then true: everything is tried now. */
    network(available: boolean): void;
    /** Does what is due. For a device that slept: when the page can be seen again. */
    wake(): void;

    /** Ends connections, overwrites all memory of the library. Never throws. */
    close(): void;
    readonly closed: boolean;
}
