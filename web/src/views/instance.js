/* A container instance: what it has left, its tasks, attributes, actions. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { offerKeys } from '../keys.js';
import { Button, Copy, Facts, Heading, Json, Missing, Panel, Status, Tabs,
         Usage, When } from '../widgets.js';
import { shortName } from '../arn.js';
import { agentOf, attributesOf, hostName, portsTaken, usage }
    from '../host.js';
import { gib } from '../format.js';
import { instances } from '../resources.js';
import { useCollection } from '../store.js';
import { deregisterInstance, editTags, setInstanceStates }
    from '../actions.js';
import { Usages } from './capacity.js';
import { TaskTable } from './tasktable.js';
import { TagList } from './tags.js';

function Resources({ instance: i }) {
    const ports = portsTaken(i);

    return html`<${Panel} title=${t('resources')}>
        <${Usages} of=${[i]} />
        <${Facts} items=${[
            [t('portsTaken'), ports.length > 0 && html`<code>${
                ports.join(', ')}</code>`],
        ]} /></${Panel}>`;
}

function Attributes({ instance }) {
    const { named, capabilities } = attributesOf(instance);

    return html`<${Panel} title=${t('attributes')} class="wide">
        <${Facts} items=${named.map(a => [html`<code>${a.name}</code>`,
            a.value && html`<code>${a.value}</code>`])} />
        ${capabilities.length > 0 && html`<h3>${t('capabilities')}</h3>
            <ul class="tags">${capabilities.map(name => html`<li>
                <span class="mono">${name}</span></li>`)}</ul>`}
        </${Panel}>`;
}

function Overview({ instance: i, tag }) {
    const { agentVersion, dockerVersion } = i.versionInfo ?? {};

    return html`<div class="panels" tabindex="0">
        <${Resources} instance=${i} />
        <${Panel} title=${t('instance')}><${Facts} items=${[
            [t('arn'), html`<code>${i.containerInstanceArn}</code>
                <${Copy} text=${i.containerInstanceArn} />`],
            [t('host'), i.ec2InstanceId && html`<code>${i.ec2InstanceId}
                </code>`],
            [t('registeredAt'), html`<${When} at=${i.registeredAt} />`],
            [t('agent'), html`<${Status} value=${agentOf(i)} />`],
            agentVersion && [t('agentVersion'), agentVersion],
            dockerVersion && [t('runtimeVersion'), dockerVersion],
            i.capacityProviderName && [t('capacityProvider'),
                                       i.capacityProviderName],
            i.statusReason && [t('reason'), i.statusReason],
        ]} /></${Panel}>
        <${Panel} title=${t('tags')} actions=${html`<${Button} icon="tag"
            keys="T" label=${t('editTags')} onClick=${tag} />`}>
            <${TagList} tags=${i.tags} /></${Panel}>
        <${Attributes} instance=${i} /></div>`;
}

function Inside({ cluster, instance, tab, tag }) {
    switch (tab) {
    case 'tasks':
        return html`<${TaskTable} cluster=${cluster}
            instance=${instance.containerInstanceArn} />`;
    case 'json':
        return html`<div class="panels" tabindex="0"><${Panel} title="JSON"
            class="wide"><${Json} value=${instance} /></${Panel}></div>`;
    default:
        return html`<${Overview} instance=${instance} tag=${tag} />`;
    }
}

function Summary({ instance: i }) {
    const part = (name, print) => {
        const { used, total } = usage([i], name);

        return html`<${Usage} used=${used} total=${total} print=${print} />`;
    };

    return html`<div class="summary">
        <span class="dim">${t('cpu')}</span>${part('CPU')}
        <span class="dim">${t('memory')}</span>${part('MEMORY', gib)}
        <code>${shortName(i.containerInstanceArn)}</code></div>`;
}

function actionsOf(cluster, i) {
    const all = instances(cluster);

    return i && {
        state: () => setInstanceStates(cluster, [i],
            i.status === 'ACTIVE' ? 'DRAINING' : 'ACTIVE'),
        tag: () => editTags(i.containerInstanceArn, i.tags,
            () => all.touch(i.containerInstanceArn)),
        drop: () => deregisterInstance(cluster, i),
    };
}

export function Instance({ cluster, id, tab }) {
    const all = useCollection(instances(cluster));
    const i = all.items.value.find(
        x => shortName(x.containerInstanceArn) === id);
    const act = actionsOf(cluster, i);

    useLayoutEffect(() => i && offerKeys({ x: act.state, T: act.tag,
                                           D: act.drop }), [i]);

    if (!i) {
        return html`<${Missing} from=${all} what=${t('instance')}
            id=${id} />`;
    }

    const on = i.status === 'ACTIVE';

    return html`<${Heading} title=${hostName(i)} crumbs=${[
                [t('clusters'), '#/'],
                [cluster, href('clusters', cluster)],
                [t('instances'), href('clusters', cluster, 'instances')]]}
            status=${html`<${Status} value=${i.status} />
                ${!i.agentConnected && html`<${Status}
                    value="DISCONNECTED" />`}`}
            facts=${html`<${Summary} instance=${i} />`}>
            <${Button} icon=${on ? 'drain' : 'play'} keys="x"
                label=${t(on ? 'drain' : 'activate')}
                onClick=${act.state} />
            <${Button} icon="tag" label=${t('editTags')} keys="T"
                onClick=${act.tag} />
            <${Button} icon="trash" label=${t('deregister')} keys="D"
                kind="danger-quiet" onClick=${act.drop} />
        </${Heading}>
        <${Tabs} base=${['clusters', cluster, 'instances', id]}
            current=${tab} tabs=${[
                ['', t('overview')],
                ['tasks', t('tasks'),
                 i.runningTasksCount + i.pendingTasksCount],
                ['json', 'JSON'],
            ]} />
        <${Inside} cluster=${cluster} instance=${i} tab=${tab}
            tag=${act.tag} />`;
}
