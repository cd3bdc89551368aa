// Pictures and voice notes: made small and anew before they are sent, shown without leaving the page's memory.
import { ZaguanError } from './zaguan.js';

const BYTES_MAX = 47000; // 32 envelopes
const SIDE_MAX = 4096; // of what others send: beyond it the browser takes much memory for few bytes
const SIDES = [1280, 1024, 800, 640, 480, 320];
const QUALITIES = [0.8, 0.6, 0.4];
const VOICE_SECONDS = 30;
const VOICE_BITS = 16000;
const TYPES = { jpeg: 'image/jpeg', voice_webm: 'audio/webm', voice_mp4: 'audio/mp4' };

const urls = new Set();
let recorder = null;
let generation = 0; // rises when everything is to be forgotten

// Everything that was made here and can still be reached.
export function forget() {
    generation++;
    recorder?.cancel();
    for (const url of urls)
        URL.revokeObjectURL(url);
    urls.clear();
}

function urlOf(data, type) {
    const url = URL.createObjectURL(new Blob([data], { type }));
    urls.add(url);
    return url;
}

function release(url) {
    URL.revokeObjectURL(url);
    urls.delete(url);
}

async function load(data, type) {
    const url = urlOf(data, type), image = new Image();
    try {
        image.src = url;
        await image.decode();
        return image;
    } finally {
        release(url);
    }
}

// Width and height as a JPEG's frame says (ITU T.81, annex B); null: there is none.
function sizeOf(data) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    for (let at = 2; at + 9 <= data.length && data[at] === 0xff;) {
        const marker = data[at + 1], frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
        if (frame)
            return [view.getUint16(at + 7), view.getUint16(at + 5)];
        at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2); // fill bytes may stand before a marker
    }
    return null;
}

function refuseLarge(data) {
    const sides = sizeOf(data);
    if (sides === null || Math.max(...sides) > SIDE_MAX)
        throw new ZaguanError('too_large', 'too large', 'picture');
}

// Turned as the camera says, which is then forgotten with everything else that it wrote.
function draw(image, side) {
    const scale = Math.min(1, side / Math.max(image.naturalWidth, image.naturalHeight));
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff'; // behind what can be seen through
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
}

const encode = (canvas, quality) => new Promise((resolve) => { canvas.toBlob(resolve, TYPES.jpeg, quality); });

// The largest that fits. Throws what is wrong with the file.
export async function picture(file) {
    const image = await load(file, file.type);
    for (const side of SIDES) {
        const canvas = draw(image, side);
        for (const quality of QUALITIES) {
            const blob = await encode(canvas, quality);
            if (blob !== null && blob.size <= BYTES_MAX)
                return { kind: 'jpeg', data: new Uint8Array(await blob.arrayBuffer()) };
        }
    }
    throw new ZaguanError('too_large', 'too large', 'picture');
}

function voiceType() {
    const type = globalThis.MediaRecorder && ['audio/webm;codecs=opus', 'audio/mp4'].find((t) => MediaRecorder.isTypeSupported(t));
    if (!type || !navigator.mediaDevices)
        throw new ZaguanError('not_found', 'no recorder', 'voice note');
    return type;
}

// What was asked for may be forgotten, or out of sight, while the browser asks her.
async function microphone(type) {
    const asked = generation, stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const silence = () => { for (const track of stream.getTracks()) track.stop(); };
    try {
        if (asked !== generation || document.visibilityState === 'hidden')
            throw new ZaguanError('state', 'forgotten', 'voice note');
        return { media: new MediaRecorder(stream, { mimeType: type, audioBitsPerSecond: VOICE_BITS }), silence };
    } catch (error) {
        silence();
        throw error;
    }
}

// Records until stop(), or for as long as fits; not while nobody can see the page. tick(seconds) is called each second.
export async function record(tick) {
    const type = voiceType(), { media, silence } = await microphone(type), pieces = [];
    let seconds = 0, bytes = 0, cancelled = false;
    const end = () => { if (media.state !== 'inactive') media.stop(); };
    const cancel = () => { cancelled = true; end(); };
    const hidden = () => { if (document.visibilityState === 'hidden') cancel(); };
    const timer = setInterval(() => {
        seconds++;
        tick(seconds);
        if (seconds >= VOICE_SECONDS || bytes > BYTES_MAX)
            end();
    }, 1000);
    const done = new Promise((resolve) => {
        media.ondataavailable = ({ data }) => { pieces.push(data); bytes += data.size; };
        media.onstop = async () => {
            clearInterval(timer);
            document.removeEventListener('visibilitychange', hidden);
            silence();
            recorder = null;
            resolve(cancelled ? null : {
                kind: type.startsWith('audio/webm') ? 'voice_webm' : 'voice_mp4',
                data: new Uint8Array(await new Blob(pieces).arrayBuffer()),
            });
        };
    });
    try {
        media.start(1000);
    } catch (error) {
        clearInterval(timer);
        silence();
        throw error;
    }
    document.addEventListener('visibilitychange', hidden);
    recorder = { stop: end, cancel, done };
    return recorder;
}

// An element that shows it, named for those who do not see it.
export async function element({ kind, data }, name) {
    if (kind === 'jpeg') {
        refuseLarge(data);
        const canvas = draw(await load(data, TYPES.jpeg), SIDES[0]);
        canvas.setAttribute('role', 'img');
        canvas.setAttribute('aria-label', name);
        return canvas;
    }
    const audio = document.createElement('audio');
    audio.controls = true;
    audio.src = urlOf(data, TYPES[kind]);
    audio.setAttribute('aria-label', name);
    audio.setAttribute('controlslist', 'nodownload noplaybackrate');
    return audio;
}

// What it played from is let go with it.
export function drop(shown) {
    if (shown?.src)
        release(shown.src);
}
