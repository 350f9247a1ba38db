/*
 * Events of one resource from before the page was opened, out of the same
 * log that the stream follows, as far back as it is worth reading.  Where
 * there is no stream, or the log no longer reaches back, there are none.
 */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { endpoint, sequence } from './api.js';
import { opened, parsed, recent } from './live.js';
import { messages } from './sse.js';

const BACK = 20000;
const QUIET = 600;
const LONGEST = 5000;

/* The stream goes on for ever: what is old has come when it falls quiet. */

async function collect(body, stop) {
    const found = [];
    let timer = setTimeout(stop, QUIET);

    try {
        for await (const message of messages(body)) {
            clearTimeout(timer);
            timer = setTimeout(stop, QUIET);

            if (message.event === 'message' && message.data) {
                found.push(parsed(message));
            }
        }
    } catch {
        /* stopped, here or by the other side: this is what there is */
    }

    clearTimeout(timer);

    return found;
}

async function earlier(arn, kind) {
    const url = new URL('events', endpoint);
    const control = new AbortController();
    const stop = () => control.abort();
    const end = setTimeout(stop, LONGEST);

    url.search = new URLSearchParams({ arn, kind,
        since: Math.max(0, (sequence.peek() ?? 0) - BACK) });

    try {
        const r = await opened(url, {}, control.signal);

        return r.ok ? await collect(r.body, stop) : [];
    } catch {
        return [];
    } finally {
        clearTimeout(end);
        stop();
    }
}

/* All events of a resource that can be had, the oldest first; live. */

export function useHistory(arn, kind) {
    const [before, setBefore] = useState([]);

    useEffect(() => {
        let here = true;

        setBefore([]);
        earlier(arn, kind).then(found => here && setBefore(found));
        return () => (here = false);
    }, [arn, kind]);

    return useMemo(() => {
        const kinds = kind.split(',');
        const own = recent.value.filter(e => kinds.includes(e.kecs.kind)
            && e.resources.includes(arn));
        const all = new Map([...before, ...own].map(e => [e.sequence, e]));

        return [...all.values()].sort((a, b) => a.sequence - b.sequence);
    }, [before, recent.value, arn, kind]);
}
