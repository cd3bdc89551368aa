// Which of the page's languages is hers.

export const languages = document.documentElement.dataset.languages.split(' ');

export function preferred() {
    const wanted = (navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2).toLowerCase());
    return wanted.find((code) => languages.includes(code)) ?? languages[0];
}
