/*
 * Events, as the server sends them: Server-Sent Events
 * with the envelope of Amazon EventBridge, `id` the position in the change
 * log.  The first connection starts where the first answer was read, so
 * nothing is missed between them; a later one resumes.  A position that the
 * server no longer has ("gone") makes everything load again.  Where there is
 * no stream (a proxy that cuts it, say), all is loaded again every few
 * seconds, which the reader is told.
 */

import { signal } from '@preact/signals';
import { endpoint, sequence } from './api.js';
import { authorization } from './scope.js';
import { parseArn } from './arn.js';
import { messages } from './sse.js';

export const connection = signal('connecting');
export const recent = signal([]);

const KEEP = 2000;
const RELOAD = 5000;
const RETRY = 30000;
const FIRST = 250;
const STABLE = 10000;
const listeners = new Set();
const resets = new Set();
let running = null;
let position = 0;
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

/* ARNs that an event names, parsed. */

function named(event) {
    const arns = new Set(event.resources ?? []);
    const detail = event.detail ?? {};

    for (const [name, value] of Object.entries(detail)) {
        if (name.endsWith('Arn') && typeof value === 'string') {
            arns.add(value);
        }
    }

    return [...arns].filter(arn => arn.startsWith('arn:'))
        .map(arn => ({ arn, ...parseArn(arn) }));
}

function show() {
    recent.value = [...queue.reverse(), ...recent.value].slice(0, KEEP);
    queue = [];
}

function take(message) {
    const event = JSON.parse(message.data);

    if (message.id) {
        position = message.id;
    }

    event.sequence = message.id;
    event.named = named(event);
    queue.push(event);

    if (queue.length === 1) {
        requestAnimationFrame(show);
    }

    listeners.forEach(f => f(event));
}

function address() {
    const url = new URL('events', endpoint);
    const since = position || sequence.value;

    if (since) {
        url.searchParams.set('since', since);
    }

    return url;
}

function headers() {
    const scope = authorization();

    return { accept: 'text/event-stream',
             ...(position && { 'last-event-id': String(position) }),
             ...(scope && { authorization: scope }) };
}

/* Too old a position: all is read anew, then followed from there. */

function gone() {
    position = 0;
    sequence.value = 0;
    reset();
}

function heard(message) {
    if (message.event === 'gone') {
        gone();
        return false;
    }

    if (message.data) {
        take(message);
    }

    return true;
}

/* Reads one connection to its end; true when it was a stream. */

async function read(signal) {
    const r = await fetch(address(), { headers: headers(), signal,
                                       cache: 'no-store' });

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

async function follow(signal) {
    let failures = 0;

    while (!signal.aborted) {
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
            : Math.min(RETRY, FIRST * 2 ** failures));
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
    sequence.value = 0;
    recent.value = [];
    reset();
    connect();
}

export function start() {
    const stop = sequence.subscribe(value => {
        if (value > 0) {
            queueMicrotask(() => stop());
            connect();
        }
    });

    setInterval(() => {
        if (connection.value !== 'live' && !document.hidden) {
            reset();
        }
    }, RELOAD);
}
