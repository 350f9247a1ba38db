/*
 * What the runtime knows of a task beyond the API: the reconciler tells it,
 * behind a location below the UI's own folder (docs/operations.md).
 */

import { ApiError } from './api.js';
import { shortName } from './arn.js';

const MISSING = {
    __type: 'ServiceUnavailable',
    message: 'This server has no location for what the runtime knows;'
        + ' conf/location.conf shows one.',
};

export async function runtimeOf(arn) {
    const [, , , region, account] = arn.split(':');
    const url = new URL(`runtime/v1/tasks/${shortName(arn)}`,
                        document.baseURI);

    url.searchParams.set('account', account);
    url.searchParams.set('region', region);

    const r = await fetch(url, { cache: 'no-store' });
    const json = r.headers.get('content-type')?.includes('json');

    if (!r.ok || !json) {
        throw new ApiError(r.status, json ? await r.json() : MISSING);
    }

    return r.json();
}
