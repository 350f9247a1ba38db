/* A task: the trace of its life, why it is so, containers, network, JSON. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { offerKeys } from '../keys.js';
import { Age, Button, Copy, Facts, Heading, Json, Missing, Panel, Status,
         Tabs } from '../widgets.js';
import { definitionName, serviceOf, shortName } from '../arn.js';
import { cpu, memory } from '../format.js';
import { taskFailed } from '../status.js';
import { tasks } from '../resources.js';
import { useCollection } from '../store.js';
import { editTags, runTask, stopTasks } from '../actions.js';
import { TagList } from './tags.js';
import { Kubernetes } from './taskkubernetes.js';
import { Trace } from './tasktrace.js';

function Container({ container: c }) {
    return html`<${Panel} title=${c.name} actions=${html`<${Status}
        value=${c.lastStatus}
        as=${c.exitCode > 0 && c.exitCode !== 143 ? 'bad' : undefined} />`}>
        <${Facts} items=${[
            [t('image'), html`<code>${c.image}</code>`],
            c.imageDigest && [t('digest'), html`<code>${
                c.imageDigest.slice(0, 19)}…</code>
                <${Copy} text=${c.imageDigest} />`],
            c.exitCode != null && [t('exitCode'), c.exitCode],
            c.reason && [t('reason'), c.reason],
            c.healthStatus && [t('health'), html`<${Status}
                value=${c.healthStatus} />`],
            [t('cpu'), cpu(c.cpu)],
            [t('memory'), memory(c.memory ?? c.memoryReservation)],
            c.networkBindings?.length > 0 && [t('ports'),
                c.networkBindings.map(b => `${b.hostPort ?? b.hostPortRange}`
                    + ` → ${b.containerPort ?? b.containerPortRange}`
                    + `/${b.protocol}`).join(', ')],
            c.networkInterfaces?.length > 0 && [t('address'),
                c.networkInterfaces.map(n => n.privateIpv4Address)
                    .join(', ')],
            c.runtimeId && [t('runtimeId'), html`<code>${c.runtimeId}</code>`],
        ]} /></${Panel}>`;
}

function Overview({ cluster, task }) {
    const network = task.attachments?.flatMap(a => a.details ?? []) ?? [];
    const [family, revision] = definitionName(task.taskDefinitionArn)
        .split(':');
    const service = serviceOf(task.group);
    const instance = shortName(task.containerInstanceArn);

    return html`<div class="panels" tabindex="0">
        <${Trace} cluster=${cluster} task=${task} />
        ${task.containers.map(c => html`<${Container} key=${c.name}
            container=${c} />`)}
        <${Panel} title=${t('placement')}><${Facts} items=${[
            [t('definition'), html`<a class="mono" href=${href(
                'task-definitions', family, revision)}>${family}:${
                revision}</a>`],
            [t('group'), service ? html`<a href=${href('clusters', cluster,
                'services', service)}>${task.group}</a>` : task.group],
            [t('startedBy'), task.startedBy],
            [t('type'), task.launchType ?? task.capacityProviderName],
            [t('instance'), instance && html`<a class="mono" href=${href(
                'clusters', cluster, 'instances', instance)}>${instance}
                </a>`],
            [t('zone'), task.availabilityZone],
            [t('cpu'), cpu(task.cpu)], [t('memory'), memory(task.memory)],
            [t('connectivity'), task.connectivity && html`<${Status}
                value=${task.connectivity} />`],
        ]} /></${Panel}>
        ${network.length > 0 && html`<${Panel} title=${t('network')}>
            <${Facts} items=${network.map(d => [d.name, d.value])} />
        </${Panel}>`}
        <${Panel} title=${t('tags')}><${TagList} tags=${task.tags} />
        </${Panel}></div>`;
}

function Raw({ task }) {
    return html`<div class="panels" tabindex="0"><${Panel} title="JSON"
        class="wide"><${Json} value=${task} /></${Panel}></div>`;
}

const TABS = [['', 'overview', Overview],
              ['kubernetes', 'Kubernetes', Kubernetes], ['json', 'JSON', Raw]];

export function Task({ cluster, id, tab }) {
    const all = tasks(cluster);
    const { items } = useCollection(all);
    const task = items.value.find(x => shortName(x.taskArn) === id);
    const stop = () => stopTasks(cluster, [task]);
    const tag = () => editTags(task.taskArn, task.tags,
                               () => all.touch(task.taskArn));

    useLayoutEffect(() => task && offerKeys({ x: stop, T: tag }), [task]);

    if (!task) {
        return html`<${Missing} from=${all} what=${t('task')} id=${id} />`;
    }

    const again = definitionName(task.taskDefinitionArn);
    const [, , Inside] = TABS.find(([key]) => key === tab) ?? TABS[0];

    return html`<${Heading} title=${id.slice(0, 12)} crumbs=${[
                [t('clusters'), '#/'],
                [cluster, href('clusters', cluster)],
                [t('tasks'), href('clusters', cluster, 'tasks')]]}
            status=${html`<${Status} value=${task.lastStatus}
                as=${taskFailed(task) ? 'bad' : undefined} />`}
            facts=${html`<div class="summary"><code>${id}</code>
                <${Copy} text=${task.taskArn} label=${t('copyArn')} />
                <span class="dim">${t('created')} <${Age} ago
                    at=${task.createdAt} /></span></div>`}>
            <${Button} icon="play" label=${t('runAgain')}
                onClick=${() => runTask(cluster, again)} />
            <${Button} icon="tag" label=${t('editTags')} keys="T"
                onClick=${tag} />
            <${Button} icon="stop" label=${t('stop')} keys="x"
                kind="danger-quiet" disabled=${task.lastStatus === 'STOPPED'}
                onClick=${stop} />
        </${Heading}>
        <${Tabs} base=${['clusters', cluster, 'tasks', id]} current=${tab}
            tabs=${TABS.map(([key, label]) => [key, t(label)])} />
        <${Inside} cluster=${cluster} task=${task} />`;
}
