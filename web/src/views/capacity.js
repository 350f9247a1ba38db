/* Capacity providers of a cluster and its default strategy. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { call } from '../api.js';
import { Facts, Failure, Panel, Status, useAnswer } from '../widgets.js';

function Share({ strategy }) {
    const total = strategy.reduce((n, s) => n + (s.weight ?? 0), 0) || 1;

    return html`<ul class="shares">${strategy.map(s => html`<li>
        <b>${s.capacityProvider}</b>
        <span>${t('weightBase', s.weight ?? 0, s.base ?? 0)}</span>
        <span class="track" aria-hidden="true"><b style=${{
            width: `${100 * (s.weight ?? 0) / total}%` }}></b></span>
        </li>`)}</ul>`;
}

export function Capacity({ cluster }) {
    const names = cluster.capacityProviders ?? [];
    const { value, error, again } = useAnswer(() => names.length
        ? call('DescribeCapacityProviders', { capacityProviders: names })
        : Promise.resolve({ capacityProviders: [] }), [names.join()]);
    const strategy = cluster.defaultCapacityProviderStrategy ?? [];

    if (error) {
        return html`<${Failure} error=${error} retry=${again} />`;
    }

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('defaultStrategy')}>${strategy.length
            ? html`<${Share} strategy=${strategy} />`
            : html`<p class="dim">${t('noStrategy')}</p>`}</${Panel}>
        ${names.length === 0 && html`<${Panel}
            title=${t('capacityProviders')}><p class="dim">${
            t('noProviders')}</p></${Panel}>`}
        ${value?.capacityProviders.map(p => html`<${Panel} title=${p.name}>
            <${Facts} items=${[
                [t('status'), html`<${Status} value=${p.status} />`],
                [t('type'), p.type],
                p.updateStatus && [t('update'), html`<${Status}
                    value=${p.updateStatus} />`],
            ]} /></${Panel}>`)}</div>`;
}
