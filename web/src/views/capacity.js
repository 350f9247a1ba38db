/* What a cluster has room for: its instances, capacity providers, strategy. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { call } from '../api.js';
import { Facts, Failure, Loaded, Panel, Status, Usage, useAnswer }
    from '../widgets.js';
import { shortName } from '../arn.js';
import { gib } from '../format.js';
import { hostName, usage } from '../host.js';
import { instances } from '../resources.js';
import { useCollection } from '../store.js';

const RESOURCES = [['cpu', 'CPU', String], ['memory', 'MEMORY', gib],
                   ['gpu', 'GPU', String]];

function Share({ strategy }) {
    const total = strategy.reduce((n, s) => n + (s.weight ?? 0), 0) || 1;

    return html`<ul class="shares">${strategy.map(s => html`<li>
        <b>${s.capacityProvider}</b>
        <span>${t('weightBase', s.weight ?? 0, s.base ?? 0)}</span>
        <span class="track" aria-hidden="true"><b style=${{
            width: `${100 * (s.weight ?? 0) / total}%` }}></b></span>
        </li>`)}</ul>`;
}

export function Usages({ of }) {
    return html`<ul class="usages">${RESOURCES.map(([key, name, print]) => {
        const { used, total } = usage(of, name);

        return total > 0 && html`<li><span>${t(key)}</span>
            <${Usage} used=${used} total=${total} print=${print} />
            <small>${t('left', print(total - used))}</small></li>`;
    })}</ul>`;
}

const toneOf = i => !i.agentConnected ? 'bad'
    : i.status === 'ACTIVE' ? 'ok' : 'warn';

function Host({ cluster, instance: i }) {
    const tasks = i.runningTasksCount + i.pendingTasksCount;
    const share = name => {
        const { used, total } = usage([i], name);

        return total ? Math.round(100 * used / total) : 0;
    };

    return html`<li><a href=${href('clusters', cluster, 'instances',
            shortName(i.containerInstanceArn))}>
        <span class="who mono"><i data-tone=${toneOf(i)}
            aria-hidden="true"></i><span>${hostName(i)}</span>
            <small title=${t('tasks')}>${tasks}</small></span>
        ${[['cpu', 'CPU'], ['memory', 'MEMORY']].map(([key, name]) => html`
            <span class="track" data-tone=${share(name) > 90 ? 'warn' : 'ok'}
                role="img" aria-label="${t(key)} ${share(name)} %"
                title="${t(key)} ${share(name)} %"><b style=${{
                    width: `${share(name)}%` }}></b></span>`)}</a></li>`;
}

function Hosts({ cluster }) {
    const all = useCollection(instances(cluster));
    const list = all.items.value;
    const open = list.filter(i => i.status === 'ACTIVE' && i.agentConnected);
    const sorted = [...list].sort((a, b) =>
        hostName(a).localeCompare(hostName(b)));

    return html`<${Panel} title=${t('instances')} class="wide"
        actions=${list.length > 0 && html`<span class="dim">${t('takeTasks',
            open.length, list.length)}</span>`}>
        <${Loaded} from=${all}>${list.length
            ? html`<${Usages} of=${open} />
                  <ul class="hosts">${sorted.map(i => html`<${Host}
                      key=${i.containerInstanceArn} cluster=${cluster}
                      instance=${i} />`)}</ul>`
            : html`<p class="dim">${t('noInstancesYet')}</p>`}
        </${Loaded}></${Panel}>`;
}

function Provider({ provider: p }) {
    const group = p.autoScalingGroupProvider;
    const scaling = group?.managedScaling;

    return html`<${Panel} title=${p.name} actions=${html`<${Status}
        value=${p.status} />`}><${Facts} items=${[
        [t('type'), p.type],
        p.updateStatus && [t('update'), html`<${Status}
            value=${p.updateStatus} />`],
        group && [t('autoScalingGroup'), html`<code>${
            shortName(group.autoScalingGroupArn)}</code>`],
        scaling && [t('managedScaling'), html`<${Status}
            value=${scaling.status} /> ${scaling.targetCapacity} %`],
        group && [t('terminationProtection'),
                  group.managedTerminationProtection],
    ]} /></${Panel}>`;
}

export function Capacity({ cluster }) {
    const names = cluster.capacityProviders ?? [];
    const { value, error, again } = useAnswer(() => names.length
        ? call('DescribeCapacityProviders', { capacityProviders: names })
        : Promise.resolve({ capacityProviders: [] }), [names.join()]);
    const strategy = cluster.defaultCapacityProviderStrategy ?? [];

    return html`<div class="panels" tabindex="0">
        <${Hosts} cluster=${cluster.clusterName} />
        <${Panel} title=${t('defaultStrategy')}>${strategy.length
            ? html`<${Share} strategy=${strategy} />`
            : html`<p class="dim">${t('noStrategy')}</p>`}</${Panel}>
        ${error && html`<${Failure} error=${error} retry=${again} />`}
        ${names.length === 0 && html`<${Panel}
            title=${t('capacityProviders')}><p class="dim">${
            t('noProviders')}</p></${Panel}>`}
        ${value?.capacityProviders.map(p => html`<${Provider} key=${p.name}
            provider=${p} />`)}</div>`;
}
