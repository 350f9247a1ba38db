/* A task: the trace of its life, why it is so, containers, network, JSON. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { offerKeys } from '../keys.js';
import { Age, Button, Copy, Facts, Failure, Heading, Json, Panel, Status,
         Tabs } from '../widgets.js';
import { definitionName, shortName } from '../arn.js';
import { cpu, dateTime, duration, memory, timeOfDay } from '../format.js';
import { moments, reason, spans, ticks } from '../trace.js';
import { taskFailed } from '../status.js';
import { now } from '../clock.js';
import { language } from '../prefs.js';
import { tasks } from '../resources.js';
import { useCollection } from '../store.js';
import { editTags, runTask, stopTasks } from '../actions.js';
import { TagList } from './tags.js';

const TONE = { waiting: 'idle', pulling: 'busy', starting: 'busy',
               running: 'ok', stopping: 'warn' };

function Bars({ list }) {
    const from = list[0].from;
    const length = Math.max(0.001, list.at(-1).to - from);
    const at = seconds => `${100 * seconds / length}%`;

    return html`<div class="trace">
        <div class="axis" aria-hidden="true">${ticks(length).map(s => html`
            <span style=${{ left: at(s) }}>${s ? duration(s) : '0'}</span>`)}
        </div>
        <ol>${list.map(s => html`<li key=${s.key} data-tone=${TONE[s.key]}
            class=${s.open ? 'open' : ''}>
            <span class="name">${t(`phase.${s.key}`)}</span>
            <span class="lane"><b style=${{ left: at(s.from - from),
                width: `max(3px, ${at(s.to - s.from)})` }}></b></span>
            <span class="took">${duration(s.to - s.from)}</span></li>`)}
        </ol></div>`;
}

function Moments({ task }) {
    const all = moments(task);

    return html`<ol class="moments">${all.map((m, i) => html`<li>
        <time title=${dateTime(m.at, language.value)}>${
            timeOfDay(m.at, language.value, undefined,
                      { fractionalSecondDigits: 3 })}</time>
        <b>${t(`moment.${m.key}`)}</b>
        <span class="dim">${i > 0
            ? `+${duration(m.at - all[i - 1].at)}` : ''}</span></li>`)}
    </ol>`;
}

function Why({ task }) {
    const key = reason(task);
    const reasons = [task.stoppedReason,
        ...task.containers.filter(c => c.reason)
            .map(c => `${c.name}: ${c.reason}`)].filter(Boolean);

    if (!key && reasons.length === 0) {
        return null;
    }

    return html`<div class="callout" data-tone=${taskFailed(task) ? 'bad'
        : task.lastStatus === 'STOPPED' ? 'idle' : 'busy'}>
        ${key && html`<p><b>${task.stopCode ?? task.lastStatus}</b>
            ${t(key)}</p>`}
        ${reasons.map(r => html`<p class="mono">${r}</p>`)}</div>`;
}

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
    const list = spans(task, now.value);
    const network = task.attachments?.flatMap(a => a.details ?? []) ?? [];
    const [family, revision] = definitionName(task.taskDefinitionArn)
        .split(':');
    const service = task.group?.startsWith('service:')
        && task.group.slice(8);

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('trace')} class="wide">
            <${Why} task=${task} />
            <${Bars} list=${list} /><${Moments} task=${task} /></${Panel}>
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
            [t('instance'), task.containerInstanceArn && html`<code>${
                shortName(task.containerInstanceArn)}</code>`],
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

export function Task({ cluster, id, tab }) {
    const all = tasks(cluster);
    const { items, state, error } = useCollection(all);
    const task = items.value.find(x => shortName(x.taskArn) === id);
    const stop = () => stopTasks(cluster, [task.taskArn]);
    const tag = () => editTags(task.taskArn, task.tags,
                               () => all.touch(task.taskArn));

    useLayoutEffect(() => task && offerKeys({ x: stop, T: tag }), [task]);

    if (!task) {
        return state.value === 'ready'
            ? html`<${Failure} error=${{ name: t('task'),
                  message: t('notThere', id) }} />`
            : error.value ? html`<${Failure} error=${error.value} />` : null;
    }

    const again = definitionName(task.taskDefinitionArn);

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
            tabs=${[['', t('overview')], ['json', 'JSON']]} />
        ${tab === 'json'
            ? html`<div class="panels" tabindex="0">
                  <${Panel} title="JSON" class="wide"><${Json} value=${task} /></${Panel}></div>`
            : html`<${Overview} cluster=${cluster} task=${task} />`}`;
}
