/*
 * Collections of what the API describes, kept up to date by events.
 *
 * A collection is loaded once: a list, then descriptions.  From then on an
 * event that names one of its items has that item described again, many in
 * one call, a few times a second at most.  While no view uses a collection,
 * events only make it stale; the next view to use it loads it anew.  Small
 * ones whose list itself changes are loaded as a whole again.
 */

import { signal, computed } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { batches } from './api.js';
import { onEvent, onReset } from './live.js';

const PAUSE = 300;

export function collection(o) {
    const items = signal(new Map());
    const state = signal('idle');
    const error = signal(null);
    const dirty = new Set();
    let users = 0;
    let timer = null;
    let whole = false;
    let last = 0;
    let turn = 0;

    const put = (map, list) => {
        list.forEach(item => map.set(o.id(item), item));
        return map;
    };

    async function load() {
        const mine = ++turn;

        dirty.clear();
        whole = false;
        state.value = items.peek().size ? 'ready' : 'loading';

        try {
            const ids = await o.list();
            const all = await batches(ids, o.size, o.describe);

            if (mine === turn) {
                items.value = put(new Map(), all);
                error.value = null;
                state.value = 'ready';
            }
        } catch (e) {
            if (mine === turn) {
                error.value = e;
                state.value = 'failed';
            }
        }
    }

    async function flush() {
        const ids = [...dirty];
        const mine = turn;

        dirty.clear();

        try {
            const found = await batches(ids, o.size, o.describe);

            if (mine === turn) {
                const map = new Map(items.peek());

                ids.forEach(id => map.delete(id));
                items.value = put(map, found.filter(o.keep ?? (() => true)));
            }
        } catch (e) {
            error.value = e;
        }
    }

    function plan() {
        timer ??= setTimeout(() => {
            timer = null;
            last = Date.now();
            (whole ? load : flush)();
        }, Math.max(30, last + PAUSE - Date.now()));
    }

    function touch(id) {
        if (users === 0) {
            state.value = 'idle';
            return;
        }

        dirty.add(id);
        plan();
    }

    /* All of it again: for small collections whose list changes. */

    function touchAll() {
        if (users === 0) {
            state.value = 'idle';
            return;
        }

        whole = true;
        plan();
    }

    onEvent(event => {
        o.ids?.(event).forEach(touch);

        if (o.whole?.(event)) {
            touchAll();
        }
    });
    onReset(() => users ? load() : (state.value = 'idle'));

    return {
        items: computed(() => [...items.value.values()]),
        byId: items,
        state,
        error,
        load,
        touch,
        touchAll,
        retain() {
            users++;

            if (state.peek() !== 'ready' && state.peek() !== 'loading') {
                load();
            }

            return () => users--;
        },
    };
}

/* A view uses a collection while it is mounted. */

export function useCollection(c) {
    useEffect(() => c.retain(), [c]);
    return c;
}

/* One collection per key, made when first asked for. */

export function perKey(make) {
    const made = new Map();

    return (...key) => {
        const name = key.join('\n');

        if (!made.has(name)) {
            made.set(name, make(...key));
        }

        return made.get(name);
    };
}
