/* Icons, 16 by 16, drawn with the text's colour. */

import { html } from './html.js';

const PATHS = {
    clusters: 'M8 1.5 14 5v6l-6 3.5L2 11V5zM2 5l6 3.5L14 5M8 8.5v6',
    definitions: 'M4 1.5h5.5L13 5v9.5H4zM9.5 1.5V5H13M6.5 8h4M6.5 11h4',
    events: 'M1.5 8.5h3l2-6 3 11 2-5h3',
    search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.5 10.5l3.5 3.5',
    plus: 'M8 3v10M3 8h10',
    stop: 'M4 4h8v8H4z',
    play: 'M4.5 3v10l8-5z',
    copy: 'M5.5 5.5h8v8h-8zM3.5 10.5h-1v-8h8v1',
    trash: 'M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.5 9h6l.5-9',
    refresh: 'M13 8a5 5 0 1 1-1.5-3.6M13.2 1.8v3h-3',
    rollback: 'M5.5 3 2.5 6l3 3M2.5 6H10a3.5 3.5 0 0 1 0 7H6',
    scale: 'M2.5 13.5v-3h3v3zM6.5 13.5v-6h3v6zM10.5 13.5v-10h3v10z',
    edit: 'M3 13h2.5L13 5.5 10.5 3 3 10.5z',
    tag: 'M2 2h5.5L14 8.5 8.5 14 2 7.5zM5 5h.01',
    theme: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
    globe: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M2 8h12M8 2c4 4 4 8 0 12'
        + 'M8 2c-4 4-4 8 0 12',
    help: 'M6 6a2 2 0 1 1 2.8 1.9c-.6.3-.8.7-.8 1.6M8 12h.01'
        + 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8',
    diff: 'M5 2v8M2 6h6M9 13h5M2 13h5',
    node: 'M2 3h12v4H2zM2 9h12v4H2zM4.5 5h.01M4.5 11h.01',
    drain: 'M2 3h12l-4.5 5.5v4L6.5 14V8.5z',
    clock: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2M8 5v3.2l2 1.8',
    up: 'M8 13V3.5M4 7l4-4 4 4',
    down: 'M8 3v9.5M4 9l4 4 4-4',
    close: 'M4 4l8 8M12 4l-8 8',
    bolt: 'M9 1.5 3.5 9H8l-1 5.5L12.5 7H8z',
};

export function Icon({ name }) {
    return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d=${PATHS[name]} /></svg>`;
}
