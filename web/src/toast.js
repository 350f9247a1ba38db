/* Short notes at the edge of the page; read aloud, gone after a while. */

import { signal } from '@preact/signals';
import { html } from './html.js';

const notes = signal([]);
let last = 0;

export function toast(text, tone = 'ok') {
    const id = ++last;

    notes.value = [...notes.value, { id, text, tone }];
    setTimeout(() => {
        notes.value = notes.value.filter(n => n.id !== id);
    }, tone === 'ok' ? 4000 : 10000);
}

export function Toasts() {
    return html`<div class="toasts" role="status" aria-live="polite">${
        notes.value.map(n => html`<div key=${n.id} class="toast"
            data-tone=${n.tone}>${n.text}</div>`)}</div>`;
}
