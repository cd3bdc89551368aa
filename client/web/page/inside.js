// Whether the page was opened where somebody else may read it: inside another app, or through a browser that lets other
// computers read pages. User agents lie, so this is a hint to her and nothing more.

const APPS = /FBAN|FBAV|FB_IAB|Instagram|Snapchat|musical_ly|BytedanceWebview|TikTok|Pinterest|LinkedInApp|Twitter|MicroMessenger|\bLine\/|KAKAOTALK|Telegram|WhatsApp|Viber|GSA\/|; wv\)/;
const PROXIES = /Opera Mini|OPR\/.*Mobile.*Mini|UCBrowser|UCWEB|Puffin|googleweblight|\bSilk\//;
const IOS = /iPhone|iPad|iPod/;

// Browsers that leave out parts for safety, and those that run scripts far away, have neither.
export const canWrite = () => typeof WebAssembly === 'object' && typeof WebSocket === 'function';

// The key of a sentence, or null.
export function openedInside(agent = navigator.userAgent) {
    if (PROXIES.test(agent))
        return 'inside_proxy';
    // On iOS a page inside an app has no name of a browser.
    if (APPS.test(agent) || (IOS.test(agent) && !/Safari\//.test(agent)))
        return 'inside_app';
    return null;
}
