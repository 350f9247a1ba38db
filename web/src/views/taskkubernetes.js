/*
 * A task as Kubernetes has it: why it is pending, its pod, node, events and
 * manifest.  Asked for when the task's view is opened, when the task has
 * changed, and by a button.
 */

import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { Age, Button, Copy, Facts, Failure, Json, Panel, Status, When,
         useAnswer } from '../widgets.js';
import { runtimeOf } from '../runtime.js';

const LATER = 1500;

/*
 * Anew with each version of the task, and once more a moment later: an answer
 * may be a second old, and events of a pod come behind the pod.
 */

function useRuntime(task) {
    const answer = useAnswer(() => runtimeOf(task.taskArn),
                             [task.taskArn, task.version]);
    const again = useRef();

    again.current = answer.again;
    useEffect(() => {
        const timer = setTimeout(() => again.current(), LATER);

        return () => clearTimeout(timer);
    }, [task.taskArn, task.version]);

    return answer;
}

/* Columns: [heading, cell, class]. */

function Rows({ label, columns, items }) {
    return html`<div class="plain" tabindex="0" role="group"
        aria-label=${label}><table><thead><tr>${columns.map(([head]) => html`
            <th scope="col">${head}</th>`)}</tr></thead>
        <tbody>${items.map(item => html`<tr>${columns.map(
            ([, cell, name]) => html`<td class=${name}>${cell(item)}</td>`)}
        </tr>`)}</tbody></table></div>`;
}

function Pending({ pending }) {
    if (!pending) {
        return null;
    }

    const { reasons, message } = pending;

    return html`<div class="callout" data-tone="busy">
        ${reasons.length === 0 && html`<p>${t('pending.unknown')}</p>`}
        ${reasons.map(r => html`<p><b>${r}</b>${t(`pending.${r}`)}</p>`)}
        ${message && html`<p class="mono">${message}</p>`}</div>`;
}

function Refused({ refused }) {
    return refused.map(({ part, status, message }) => html`
        <div class="callout" data-tone="warn">
            <p><b>${status || t('noAnswer')}</b>${t(`refused.${part}`)}</p>
            ${message && html`<p class="mono">${message}</p>`}</div>`);
}

const yes = value => value ? t('yes') : t('no');

function Conditions({ of, name }) {
    return html`<h3>${t('conditions')}</h3><${Rows}
        label=${t('conditionsOf', name)} items=${of} columns=${[
            [t('type'), c => c.type],
            [t('status'), c => html`<${Status} value=${c.status}
                as=${c.status === 'True' ? 'ok' : 'idle'} />`],
            [t('reason'), c => html`${c.reason} ${c.message
                && html`<span class="dim">${c.message}</span>`}`, 'long'],
            [t('since'), c => html`<${Age} at=${c.since} />`],
        ]} />`;
}

function State({ state }) {
    return state
        ? html`<${Status} value=${state.is} as=${state.is === 'running' ? 'ok'
              : state.is === 'waiting' ? 'busy'
              : state.exitCode ? 'bad' : 'idle'} />
              ${state.reason} ${state.exitCode != null
                  && `(${state.exitCode})`}`
        : '–';
}

function Containers({ of }) {
    return html`<h3>${t('containers')}</h3><${Rows}
        label=${t('containers')} items=${of} columns=${[
            [t('name'), c => html`<code>${c.name}</code>${
                c.kind !== 'container' && html` <span class="dim">${c.kind}
                </span>`}`],
            [t('state'), c => html`<${State} state=${c.state} />`],
            [t('ready'), c => yes(c.ready)],
            [t('restarts'), c => c.restarts],
        ]} />`;
}

function Pod({ pod, over }) {
    if (!pod) {
        return html`<${Panel} title=${t('pod')}>
            <p>${t(over ? 'podGone' : 'podNone')}</p></${Panel}>`;
    }

    return html`<${Panel} title=${t('pod')} class="wide"
            actions=${html`<${Status} value=${pod.deletingAt
                ? 'Terminating' : pod.phase} as=${pod.deletingAt ? 'warn'
                : { Running: 'ok', Failed: 'bad', Pending: 'busy' }[
                    pod.phase]} />`}>
        <${Facts} items=${[
            [t('name'), html`<code>${pod.name}</code>
                <${Copy} text=${pod.name} />`],
            [t('namespace'), pod.namespace],
            pod.reason && [t('reason'), `${pod.reason} ${pod.message ?? ''}`],
            [t('podNode'), pod.node],
            [t('address'), pod.podIPs.join(', ')],
            [t('hostAddress'), pod.hostIP],
            [t('qos'), pod.qosClass],
            pod.priorityClass && [t('priorityClass'), pod.priorityClass],
            [t('restarts'), pod.restarts],
            [t('created'), html`<${When} at=${pod.createdAt} />`],
        ]} />
        <${Containers} of=${pod.containers} />
        <${Conditions} of=${pod.conditions} name=${pod.name} />
    </${Panel}>`;
}

function Node({ node }) {
    return html`<${Panel} title=${t('podNode')} class="wide"
            actions=${html`<${Status} value=${node.ready ? 'Ready'
                : 'NotReady'} as=${node.ready ? 'ok' : 'bad'} />`}>
        <${Facts} items=${[
            [t('name'), html`<code>${node.name}</code>`],
            [t('zone'), node.zone],
            node.instanceType && [t('instanceType'), node.instanceType],
            [t('cordoned'), yes(node.cordoned)],
            node.taints.length > 0 && [t('taints'), node.taints.join(', ')],
            ['kubelet', node.kubelet],
            [t('runtimeVersion'), node.containerRuntime],
            [t('platform'), `${node.operatingSystem ?? '–'}/${
                node.architecture ?? '–'}`],
        ]} /><${Conditions} of=${node.conditions} name=${node.name} />
    </${Panel}>`;
}

function Events({ events }) {
    return html`<${Panel} title=${t('podEvents')} class="wide">${
        events.length === 0 ? html`<p>${t('noPodEvents')}</p>`
        : html`<${Rows} label=${t('podEvents')} items=${[...events].reverse()}
            columns=${[
                [t('when'), e => html`<${When} at=${e.lastAt} />`],
                [t('type'), e => html`<${Status} value=${e.type}
                    as=${e.type === 'Normal' ? 'idle' : 'warn'} />`],
                [t('reason'), e => e.reason],
                [t('count'), e => e.count],
                [t('message'), e => html`${e.message} <span class="dim">${
                    e.source}</span>`, 'long'],
            ]} />`}</${Panel}>`;
}

function Inside({ task, known }) {
    if (known.runtime !== 'kubernetes') {
        return html`<${Panel} title="Kubernetes" class="wide">
            <p>${t('podSimulated')}</p></${Panel}>`;
    }

    return html`${!known.ready && html`<div class="callout wide"
            data-tone="warn"><p>${known.why}</p></div>`}
        ${(known.pending || known.refused.length > 0) && html`
            <div class="wide"><${Pending} pending=${known.pending} />
                <${Refused} refused=${known.refused} /></div>`}
        <${Pod} pod=${known.pod} over=${task.lastStatus === 'STOPPED'} />
        ${known.events && html`<${Events} events=${known.events} />`}
        ${known.node && html`<${Node} node=${known.node} />`}
        ${known.manifest && html`<${Panel} title=${t('manifest')}
            class="wide"><${Json} value=${known.manifest} /></${Panel}>`}`;
}

export function Kubernetes({ task }) {
    const { value, error, again } = useRuntime(task);

    return html`<div class="panels" tabindex="0">
        <div class="wide asof"><${Button} icon="refresh"
            label=${t('readAgain')} onClick=${again} />
            ${value && html`<span class="dim">${t('readAt')} <${When}
                at=${value.readAt} /></span>`}</div>
        ${error && html`<div class="wide"><${Failure} error=${error}
            retry=${again} /></div>`}
        ${value && html`<${Inside} task=${task} known=${value} />`}</div>`;
}
