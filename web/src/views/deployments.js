/*
 * The deployments of a service: those under way with their progress, and
 * the history, each from its source to its target revision.
 */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { Age, Button, Facts, Loaded, Panel, Status, When }
    from '../widgets.js';
import { definitionName, shortName } from '../arn.js';
import { dateOf, duration } from '../format.js';
import { now } from '../clock.js';
import { deployments } from '../resources.js';
import { useCollection } from '../store.js';
import { tone } from '../status.js';
import { deployDefinition, rollbackDeployment } from '../actions.js';

/* One bar for one deployment of DescribeServices. */

function Rollout({ deployment: d, most }) {
    const share = n => ({ width: `${100 * n / most}%` });
    const done = d.rolloutState ?? d.status;

    return html`<li class="rollout" data-tone=${tone(done)}>
        <div class="who"><b>${d.status}</b>
            <span class="mono">${definitionName(d.taskDefinition)}</span>
            ${d.rolloutState && html`<${Status} value=${d.rolloutState} />`}
            <span class="dim"><${Age} ago at=${d.createdAt} /></span></div>
        <div class="bar" role="img" aria-label=${t('progressOf',
            d.runningCount, d.desiredCount, d.pendingCount, d.failedTasks)}>
            <b class="running" style=${share(d.runningCount)}></b>
            <b class="pending" style=${share(d.pendingCount)}></b>
            <i style=${{ left: `${100 * d.desiredCount / most}%` }}></i>
        </div>
        <div class="figures"><span><b>${d.runningCount}</b>
            ${t('running')}</span><span><b>${d.pendingCount}</b>
            ${t('pending')}</span><span><b>${d.desiredCount}</b>
            ${t('desired')}</span>${d.failedTasks > 0 && html`<span
                class="bad"><b>${d.failedTasks}</b> ${t('failed')}</span>`}
        </div>
        ${d.rolloutStateReason && html`<p class="dim">${
            d.rolloutStateReason}</p>`}</li>`;
}

function Breaker({ state, config }) {
    if (!config?.enable) {
        return t('off');
    }

    return html`${state ? html`<${Status} value=${state.status} />
        ${state.threshold > 0 && html` <span>${t('failuresOf',
            state.failureCount, state.threshold)}</span>`}` : t('on')}
        ${config.rollback && html` <span class="dim">${
            t('withRollback')}</span>`}`;
}

const ACTIVE = ['PENDING', 'IN_PROGRESS'];

function Entry({ cluster, service, deployment: d }) {
    const from = dateOf(d.startedAt ?? d.createdAt) / 1000;
    const end = dateOf(d.finishedAt ?? d.stoppedAt);
    const took = (end ? end / 1000 : now.value) - from;
    const target = d.targetServiceRevision;

    return html`<li class="entry" data-tone=${tone(d.status)}>
        <i class="dot" aria-hidden="true"></i>
        <div class="line"><${Status} value=${d.status} />
            <span class="dim"><${When} at=${d.createdAt} /></span>
            <span class="took">${duration(took)}</span>
            ${ACTIVE.includes(d.status) && html`<${Button} icon="rollback"
                label=${t('rollback')} onClick=${() =>
                    rollbackDeployment(cluster, service, d)} />`}</div>
        <div class="flow mono">${(d.sourceServiceRevisions ?? []).map(r =>
            html`<span>${shortName(r.arn)}</span>`)}
            <span aria-hidden="true">→</span>
            <b>${shortName(target?.arn ?? '')}</b></div>
        <${Facts} items=${[
            d.statusReason && [t('reason'), d.statusReason],
            target && [t('tasks'), t('runningOf', target.runningTaskCount,
                                     target.requestedTaskCount)],
            d.lifecycleStage && [t('stage'), html`<span class="mono">${
                d.lifecycleStage}</span>`],
            [t('circuitBreaker'), html`<${Breaker}
                state=${d.deploymentCircuitBreaker}
                config=${d.deploymentConfiguration
                    ?.deploymentCircuitBreaker} />`],
            d.rollback && [t('rollback'), d.rollback.reason],
        ]} /></li>`;
}

/* Definitions of earlier deployments, to go back to. */

function Earlier({ cluster, service }) {
    const older = service.deployments
        .filter(d => d.taskDefinition !== service.taskDefinition)
        .map(d => d.taskDefinition);

    return [...new Set(older)].map(arn => html`<${Button} icon="rollback"
        label=${t('backTo', definitionName(arn))}
        onClick=${() => deployDefinition(cluster, service, arn)} />`);
}

export function Deployments({ cluster, service }) {
    const history = useCollection(deployments(cluster, service.serviceName));
    const most = Math.max(1, ...service.deployments.map(
        d => Math.max(d.desiredCount, d.runningCount + d.pendingCount)));
    const entries = [...history.items.value].sort(
        (a, b) => b.createdAt - a.createdAt);

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('now')} class="wide" actions=${html`<${Earlier}
            cluster=${cluster} service=${service} />`}>
            <ul class="rollouts" aria-live="polite">${
                service.deployments.map(d => html`<${Rollout} key=${d.id}
                    deployment=${d} most=${most} />`)}</ul></${Panel}>
        <${Panel} title=${t('history')} class="wide">
            <${Loaded} from=${history}><ol class="timeline">${
                entries.map(d => html`<${Entry} cluster=${cluster}
                    key=${d.serviceDeploymentArn} service=${service}
                    deployment=${d} />`)}</ol>
            ${entries.length === 0 && html`<p class="dim">${
                t('noDeployments')}</p>`}</${Loaded}></${Panel}></div>`;
}
