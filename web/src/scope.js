/*
 * Which account and region calls act in.  None chosen: those of the server,
 * and no credential scope is sent.  A choice is in the credential scope of
 * an Authorization header, where the API looks for both; it is kept in the
 * browser and in the URL's query (?account=&region=), which wins.
 */

import { signal, effect, computed } from '@preact/signals';

const KEY = 'kecs.scope';

function stored() {
    try {
        return JSON.parse(localStorage.getItem(KEY)) ?? {};
    } catch {
        return {};
    }
}

const asked = new URLSearchParams(location.search);
const before = stored();

export const account = signal(asked.get('account') ?? before.account ?? '');
export const region = signal(asked.get('region') ?? before.region ?? '');

/* What the server's answers have shown, for a reader who chose nothing. */

export const seen = signal({ account: '', region: '' });

export const shown = computed(() => ({
    account: account.value || seen.value.account,
    region: region.value || seen.value.region,
}));

effect(() => {
    const value = { account: account.value, region: region.value };

    localStorage.setItem(KEY, JSON.stringify(value));
});

/* An ARN of an answer tells the defaults. */

export function learn(arn) {
    const [, , , region, account] = arn.split(':');

    if (account && region && (seen.value.account !== account
                              || seen.value.region !== region))
    {
        seen.value = { account, region };
    }
}

export function authorization() {
    if (!account.value && !region.value) {
        return null;
    }

    const key = account.value || 'kecs';
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const where = region.value || seen.value.region || 'us-east-1';

    return `AWS4-HMAC-SHA256 Credential=${key}/${day}/${where}/ecs/`
        + 'aws4_request, SignedHeaders=host, Signature=' + '0'.repeat(64);
}
