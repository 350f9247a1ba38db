/*
 * Keys, in k9s' spirit.  A table in sight offers its rows; a view may offer
 * actions by letter.  Nothing is taken from text fields, nor while a dialog
 * is open.
 */

import { go, up } from './router.js';

let rows = null;
const letters = new Map();
const commands = new Map();
let pending = '';

export function offerRows(offer) {
    rows = offer;
    return () => {
        if (rows === offer) {
            rows = null;
        }
    };
}

/* { s: f } for as long as a view is mounted; f gets the row, if any. */

export function offerKeys(map) {
    const entries = Object.entries(map);

    entries.forEach(([key, f]) => letters.set(key, f));
    return () => entries.forEach(([key, f]) => {
        if (letters.get(key) === f) {
            letters.delete(key);
        }
    });
}

/* Keys of the whole page: ':' and the like. */

export function onKey(key, f) {
    commands.set(key, f);
}

const PLACES = { c: '/', d: '/task-definitions', e: '/events' };

const MOVES = {
    j: () => rows?.step(1),
    k: () => rows?.step(-1),
    ArrowDown: () => rows?.step(1),
    ArrowUp: () => rows?.step(-1),
    G: () => rows?.end(true),
    End: () => rows?.end(true),
    Home: () => rows?.end(false),
    ' ': () => rows?.mark(),
    a: () => rows?.all(),
};

function typing(target) {
    return target.closest?.('input:not([type="checkbox"]), textarea, select,'
        + ' [contenteditable]');
}

/* What the browser does with a key by itself. */

function native(e) {
    return e.key === ' ' && e.target.closest?.('button, input, summary');
}

function filterBox() {
    return document.querySelector('[data-filter]');
}

function nextTab(by) {
    const tabs = [...document.querySelectorAll('.tabs a')];
    const at = tabs.findIndex(a => a.getAttribute('aria-current'));

    tabs[(at + by + tabs.length) % tabs.length]?.click();
    return tabs.length > 0;
}

function chord(key) {
    const before = pending;

    pending = key === 'g' && before !== 'g' ? 'g' : '';

    if (before !== 'g') {
        return pending === 'g';
    }

    if (key === 'g') {
        rows?.end(false);
        return true;
    }

    if (PLACES[key]) {
        go(PLACES[key]);
        return true;
    }

    return false;
}

function inField(e) {
    if (e.key === 'Escape') {
        e.target.blur();
        return true;
    }

    if ((e.key === 'Enter' || e.key === 'ArrowDown')
        && e.target.matches('[data-filter]'))
    {
        rows?.end(false);
        return true;
    }

    return false;
}

function plain(e) {
    const { key } = e;

    if (chord(key)) {
        return true;
    }

    if (commands.has(key)) {
        commands.get(key)();
        return true;
    }

    if (key === '/' && filterBox()) {
        const box = filterBox();

        box.focus();
        box.setSelectionRange(box.value.length, box.value.length);
        return true;
    }

    if (native(e)) {
        return false;
    }

    if (MOVES[key] && rows) {
        MOVES[key]();
        return true;
    }

    if (key === 'Escape') {
        return rows?.clear() || up();
    }

    if (key === '[' || key === ']') {
        return nextTab(key === ']' ? 1 : -1);
    }

    if (letters.has(key)) {
        letters.get(key)(rows?.row());
        return true;
    }

    return false;
}

export function listen() {
    addEventListener('keydown', e => {
        if (e.defaultPrevented || document.querySelector('dialog[open]')) {
            return;
        }

        if ((e.metaKey || e.ctrlKey) && e.key === 'k') {
            commands.get(':')();
            e.preventDefault();
            return;
        }

        if (e.metaKey || e.ctrlKey || e.altKey) {
            return;
        }

        if (typing(e.target) ? inField(e) : plain(e)) {
            e.preventDefault();
        }
    });
}
