/*
 * Calls of the ECS API, in the folder above the UI's own: /ui/ calls /.
 */

import { signal } from '@preact/signals';
import { authorization, learn } from './scope.js';

export const endpoint = new URL('..', document.baseURI);

/*
 * The log position that what is shown reflects at least: the lowest of all
 * answers since it was null, when there was none.
 */

export const sequence = signal(null);

export class ApiError extends Error {
    constructor(status, body) {
        super(body?.message ?? body?.Message ?? `HTTP ${status}`);
        this.name = (body?.__type ?? '').split('#').pop() || 'Error';
        this.status = status;
    }
}

function headers(target) {
    const h = {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AmazonEC2ContainerServiceV20141113.${target}`,
    };
    const scope = authorization();

    if (scope) {
        h.authorization = scope;
    }

    return h;
}

async function body(r) {
    try {
        return await r.json();
    } catch {
        return null;
    }
}

function note(position) {
    if (position !== null) {
        sequence.value = Math.min(sequence.value ?? Infinity, position);
    }
}

export async function call(operation, input = {}) {
    const r = await fetch(endpoint, {
        method: 'POST',
        headers: headers(operation),
        body: JSON.stringify(input),
        cache: 'no-store',
    });
    const answer = await body(r);

    if (!r.ok || answer === null) {
        throw new ApiError(r.status, answer);
    }

    note(r.headers.get('x-kecs-sequence'));

    return answer;
}

/* All pages of a list, joined. */

export async function pages(operation, member, input = {}) {
    const all = [];
    let nextToken;

    do {
        const page = await call(operation, { ...input, nextToken });

        all.push(...page[member]);
        nextToken = page.nextToken;
    } while (nextToken);

    if (typeof all[0] === 'string' && all[0].startsWith('arn:')) {
        learn(all[0]);
    }

    return all;
}

/* Describes many, `size` a call, four calls at a time. */

export async function batches(items, size, one) {
    const chunks = [];
    const results = [];

    for (let i = 0; i < items.length; i += size) {
        chunks.push(items.slice(i, i + size));
    }

    const worker = async () => {
        for (let chunk; (chunk = chunks.shift()); ) {
            results.push(...await one(chunk));
        }
    };

    await Promise.all([worker(), worker(), worker(), worker()]);

    return results;
}
