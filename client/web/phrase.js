// A return phrase in words: six things of 256, and how many of each, from 1 to 8. The number is that of the 20 digits, 11 bits for each.
const THINGS = 6, NUMBERS = 8n, BITS = 11n, DIGITS = 20, LETTERS = 4;

// words: 256 of one language, as Client.words gives them.
export function phraseToWords(digits, words) {
    let left = BigInt(digits);
    const parts = [];
    for (let i = 0; i < THINGS; i++, left >>= BITS)
        parts.unshift(`${Number(left % NUMBERS) + 1} ${words[Number((left >> 3n) % 256n)]}`);
    return parts;
}

// Accents, capitals, and what stands behind the first four letters, do not matter.
const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
const alike = (word, typed) => word === typed || typed.length >= LETTERS && word.slice(0, LETTERS) === typed.slice(0, LETTERS);

class PhraseError extends Error {
    constructor(code, word = '') {
        super('this is no phrase');
        this.code = code;
        this.word = word;
    }
}

function pairs(text) {
    const tokens = plain(text).match(/[0-9]+|[a-z]+/g) ?? [];
    const fits = tokens.length === 2 * THINGS && tokens.every((token, i) => (i % 2 === 0 ? /^[1-8]$/ : /^[a-z]+$/).test(token));
    if (!fits)
        throw new PhraseError('truncated');
    return Array.from({ length: THINGS }, (_, i) => ({ number: Number(tokens[2 * i]), word: tokens[2 * i + 1] }));
}

/**
 * What she typed, as 20 digits. lists: the words of each language, hers first. Errors: 'truncated': neither digits nor six words with a number
 * each; 'not_found': `word` is in no list.
 */
export function phraseFromText(text, lists) {
    if (/^[0-9\s-]*$/.test(text)) {
        const digits = text.replace(/[\s-]/g, '');
        if (digits.length !== DIGITS)
            throw new PhraseError('truncated');
        return digits;
    }
    const typed = pairs(text);
    for (const words of lists) {
        const found = typed.map(({ word }) => words.findIndex((known) => alike(known, word)));
        if (found.every((index) => index >= 0))
            return found.reduce((all, index, i) => all << BITS | BigInt(index * 8 + typed[i].number - 1), 0n).toString().padStart(DIGITS, '0');
    }
    const { word } = typed.find((pair) => !lists[0].some((known) => alike(known, pair.word))) ?? typed[0];
    throw new PhraseError('not_found', word);
}
