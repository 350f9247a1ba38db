/*
 * The address: #/part/part?name=value.  Every state of a view is in it, so
 * links, reload and the back button work.
 */

import { signal, computed } from '@preact/signals';

const read = () => location.hash.slice(1) || '/';
const hash = signal(read());

addEventListener('hashchange', () => (hash.value = read()));

export const path = computed(() => hash.value.split('?')[0].split('/')
    .filter(Boolean).map(decodeURIComponent));

export const query = computed(() =>
    new URLSearchParams(hash.value.split('?')[1] ?? ''));

export const pathKey = computed(() => hash.value.split('?')[0]);

export function href(...parts) {
    return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function go(to) {
    location.hash = to;
}

/* Changes values of the query without a step for the back button. */

export function setQuery(change) {
    const q = new URLSearchParams(query.value);

    for (const [name, value] of Object.entries(change)) {
        if (value === '' || value == null) {
            q.delete(name);
        } else {
            q.set(name, value);
        }
    }

    const text = q.toString();
    const to = `#${hash.value.split('?')[0]}${text ? `?${text}` : ''}`;

    history.replaceState(null, '', to);
    hash.value = to.slice(1);
}

/* Where "one level up" leads from here; nothing at the top. */

function above([place, name, part, id]) {
    if (place === 'task-definitions') {
        return name && href(place);
    }

    return id ? href(place, name, part) : place && '#/';
}

export function up() {
    const to = above(path.value);

    if (to) {
        go(to.slice(1));
    }

    return !!to;
}
