/*
 * Events, as docs/streams.md has them: server-sent, in the envelope of Amazon
 * EventBridge.  The first connection begins where the first answer was read,
 * and some events earlier, for the log of events; so nothing is missed.  A
 * later one resumes.  When the server no longer has that position, or the
 * store is another, all that is in sight is read anew.  Where there is no
 * stream, that happens every few seconds, which the reader is told.
 */

import { signal } from '@preact/signals';
import { call, endpoint, sequence } from './api.js';
import { authorization } from './scope.js';
import { parseArn } from './arn.js';
import { messages } from './sse.js';
import { toast } from './toast.js';
import { t } from './i18n.js';

export const connection = signal('connecting');
export const recent = signal([]);

const KEEP = 2000;
const RELOAD = 5000;
const RETRY = 30000;
const AGAIN = 5000;
const FIRST = 250;
const STABLE = 10000;
const EARLIER = 300;
const GATHER = 100;
const listeners = new Set();
const resets = new Set();
let running = null;
let position = 0;
let incarnation = null;
let early = true;
let queue = [];

export function onEvent(f) {
    listeners.add(f);
    return () => listeners.delete(f);
}

export function onReset(f) {
    resets.add(f);
    return () => resets.delete(f);
}

export function reset() {
    resets.forEach(f => f());
}

/* An event, with its position and what its ARNs say. */

export function parsed(message) {
    const event = JSON.parse(message.data);

    event.sequence = Number(message.id);
    event.about = (event.resources ?? [])
        .filter(arn => arn?.startsWith('arn:'))
        .map(arn => ({ arn, ...parseArn(arn) }));

    return event;
}

function show() {
    recent.value = [...queue.reverse(), ...recent.value].slice(0, KEEP);
    queue = [];
}

function take(message) {
    const event = parsed(message);

    queue.push(event);

    if (queue.length === 1) {
        setTimeout(show, GATHER);
    }

    listeners.forEach(f => f(event));
}

function address() {
    const url = new URL('events', endpoint);
    const since = position
        || Math.max(0, sequence.value - (early ? EARLIER : 0));

    url.searchParams.set('since', since);

    return url;
}

/* A connection of events, in the scope that is shown. */

export function opened(url, headers, signal) {
    const scope = authorization();

    return fetch(url, { signal, cache: 'no-store', headers: {
        accept: 'text/event-stream',
        ...headers,
        ...(scope && { authorization: scope }),
    } });
}

/* In the log of events: here some may be missing. */

const gap = () => ({
    id: `gap-${Date.now()}`, gap: true, time: new Date().toISOString(),
    resources: [], about: [], kecs: {},
});

/*
 * Too old a position: all is read anew, then followed from there.  Of the
 * first one it only means that there are no earlier events.
 */

function gone() {
    if (early && position === 0) {
        early = false;
        return;
    }

    position = 0;
    sequence.value = null;
    toast(t('goneText'), 'warn');
    recent.value = [gap(), ...recent.value];
    reset();
}

/* False: the store was restored, and positions mean nothing any more. */

function same(store) {
    const before = incarnation;

    incarnation = `${store.store} ${store.incarnation}`;

    return before === null || before === incarnation;
}

/* False: the connection is at its end. */

function heard(message) {
    if (message.event === 'gone'
        || (message.event === 'start' && !same(JSON.parse(message.data))))
    {
        gone();
        return false;
    }

    if (message.id) {
        position = message.id;
    }

    if (message.event === 'message' && message.data) {
        take(message);
    }

    return message.event !== 'resume';
}

/* Reads one connection to its end; true when it was a stream. */

async function read(signal) {
    const r = await opened(address(),
        position ? { 'last-event-id': String(position) } : {}, signal);

    if (r.status === 410) {
        gone();
        return true;
    }

    if (!r.ok
        || !r.headers.get('content-type')?.startsWith('text/event-stream'))
    {
        await r.body?.cancel();
        return false;
    }

    connection.value = 'live';

    for await (const message of messages(r.body)) {
        if (!heard(message)) {
            break;
        }
    }

    return true;
}

const pause = ms => new Promise(done => setTimeout(done, ms));

/*
 * A first answer tells where to begin; where the view in sight asks for
 * none, one is asked for here.
 */

async function begun(signal) {
    const needed = () => !signal.aborted && !position
        && sequence.value === null;

    for (let n = 1; needed(); n++) {
        await pause(FIRST);

        if (n % 4 === 0 && needed()) {
            await call('ListClusters', { maxResults: 1 }).catch(() => null);
        }
    }
}

async function follow(signal) {
    let failures = 0;

    while (!signal.aborted) {
        await begun(signal);
        let streamed = null;
        const before = Date.now();

        try {
            streamed = await read(signal);
        } catch {
            /* told below: the connection was lost */
        }

        if (signal.aborted) {
            return;
        }

        failures = Date.now() - before > STABLE ? 0 : failures + 1;
        connection.value = streamed === false ? 'polling' : 'connecting';
        await pause(streamed === false ? RETRY
            : Math.min(AGAIN, FIRST * 2 ** failures));
    }
}

function connect() {
    running?.abort();
    running = new AbortController();
    follow(running.signal);
}

/* After a change of account or region. */

export function restart() {
    position = 0;
    sequence.value = null;
    early = true;
    recent.value = [];
    reset();
    connect();
}

export function start() {
    connect();
    setInterval(() => {
        if (connection.value !== 'live' && !document.hidden) {
            reset();
        }
    }, RELOAD);
}
