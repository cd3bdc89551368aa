// Leaving: keys first, then what can be seen, then another page in the place of this one.
//
// Escape twice, Shift three times, or the link at the top. Going away in any other way wipes as well; a page that the
// browser kept and brings back begins anew.

const KEYS = [{ key: 'Escape', times: 2 }, { key: 'Shift', times: 3 }];
const WITHIN_MS = 2000;

const wipes = [];
let to = 'about:blank';
let left = false;

// wipe: overwrites keys and takes words out of the document; called at the latest when the page goes.
export function beforeLeaving(wipe) {
    wipes.push(wipe);
}

function wipeAll() {
    for (const wipe of wipes) {
        try {
            wipe();
        } catch {
            // whatever is wrong, she leaves
        }
    }
    document.getElementById('cover').hidden = false;
    for (const field of document.querySelectorAll('input, textarea, select'))
        field.value = '';
    for (const main of document.querySelectorAll('main'))
        main.hidden = true;
}

// It stands in the address, and would stay in the tab's history.
function forgetCard() {
    try {
        history.replaceState(null, '', location.pathname);
    } catch {
        // a browser that does not allow it to a file
    }
}

export function leave() {
    if (!left) {
        left = true;
        wipeAll();
        forgetCard();
    }
    location.replace(to);
}

// Counts how often one key comes alone, without another between.
function watch({ key, times }) {
    let presses = [];
    return (event) => {
        if (event.repeat)
            return;
        presses = event.key === key ? [...presses, event.timeStamp].slice(-times) : [];
        if (presses.length === times && event.timeStamp - presses[0] <= WITHIN_MS)
            leave();
    };
}

export function armLeaving() {
    const link = document.getElementById('leave');
    link.addEventListener('click', (event) => { event.preventDefault(); leave(); });
    for (const counted of KEYS)
        addEventListener('keydown', watch(counted), { capture: true });
    addEventListener('pagehide', wipeAll);
    addEventListener('pageshow', (event) => {
        if (!event.persisted)
            return;
        if (left)
            location.replace(to);
        else
            location.reload();
    });
    to = link.href;
}

export function leaveTo(url) {
    to = url;
    document.getElementById('leave').href = url;
}
