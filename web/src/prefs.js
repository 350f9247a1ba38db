/* What the reader prefers, kept in the browser: theme and language. */

import { signal, effect } from '@preact/signals';

function kept(key, otherwise) {
    const value = signal(localStorage.getItem(key) ?? otherwise);

    effect(() => localStorage.setItem(key, value.value));

    return value;
}

export const LANGUAGES = ['en', 'ja'];
export const THEMES = ['system', 'dark', 'light'];

export const theme = kept('kecs.theme', 'system');
export const language = kept('kecs.language',
    navigator.language?.startsWith('ja') ? 'ja' : 'en');

effect(() => {
    document.documentElement.lang = language.value;
});

effect(() => {
    document.documentElement.dataset.theme = theme.value;
});

/* The next of a ring of values. */

export function cycle(preference, values) {
    preference.value =
        values[(values.indexOf(preference.value) + 1) % values.length];
}
