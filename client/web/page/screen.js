// Which of the screens can be seen, and the blank one after a while without a touch.

const ACTIVITY = ['pointerdown', 'pointermove', 'keydown', 'input', 'wheel', 'touchmove'];

const byId = (id) => document.getElementById(id);
let current = byId('about');
let blank = false;
let last = [0, 0];
const watchers = [];

// Two clocks: one may stand still while the device sleeps, the other may be put back.
const clocks = () => [performance.now(), Date.now()];

// Whether the device slept since it was asked last, with a clock that stood still meanwhile; or was put ahead.
const SLEEP_MS = 60000;
let lead = Date.now() - performance.now();
export function slept() {
    const [one, other] = clocks(), before = lead;
    lead = other - one;
    return lead - before > SLEEP_MS;
}

export function show(id) {
    current = byId(id);
    for (const main of document.querySelectorAll('main'))
        main.hidden = main !== current;
    current.focus({ preventScroll: true });
    scrollTo(0, 0);
}

// Whether a person can see the screen now.
export const seen = () => !blank && document.visibilityState === 'visible';

export function whenSeenAgain(watcher) {
    watchers.push(watcher);
}

function tell() {
    if (seen())
        for (const watcher of watchers)
            watcher();
}

// Nobody looks: nobody is to hear either.
function silence() {
    for (const audio of document.querySelectorAll('audio'))
        audio.pause();
}

function cover() {
    if (blank)
        return;
    silence();
    blank = true;
    current.hidden = true;
    byId('blank').hidden = false;
    byId('back').focus();
}

function uncover() {
    blank = false;
    last = clocks();
    byId('blank').hidden = true;
    current.hidden = false;
    current.focus({ preventScroll: true });
    tell();
}

export function watchIdle(seconds) {
    const idle = () => Math.max(...clocks().map((now, i) => now - last[i])) >= seconds * 1000;
    const look = () => { if (idle()) cover(); };
    last = clocks();
    for (const name of ACTIVITY)
        addEventListener(name, () => { look(); last = clocks(); }, { capture: true, passive: true });
    document.addEventListener('visibilitychange', () => {
        if (document.visibilityState === 'hidden')
            silence();
        look();
        tell();
    });
    setInterval(look, Math.min(5000, seconds * 250));
    byId('back').addEventListener('click', uncover);
}
