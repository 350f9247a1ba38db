/*
 * The deployments of a service: those under way with their progress, and
 * the history, each from its source to its target revision.
 */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { Age, Button, Facts, Loaded, Panel, Status, When, useAnswer }
    from '../widgets.js';
import { definitionName, shortName } from '../arn.js';
import { dateOf, dateTime, duration } from '../format.js';
import { now } from '../clock.js';
import { deployments, revisionArns, revisions } from '../resources.js';
import { useCollection } from '../store.js';
import { tone } from '../status.js';
import { language } from '../prefs.js';
import { continueDeployment, deployDefinition, rollbackDeployment }
    from '../actions.js';

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

/* A PAUSE hook that somebody is to answer. */

function Hook({ cluster, service, deployment, hook }) {
    const act = action => () => continueDeployment(cluster, service,
                                                   deployment, hook, action);

    return html`<div class="hook"><p><b>${t('waitsAt',
            deployment.lifecycleStage)}</b> <span class="dim">${t(
            hook.timeoutAction === 'CONTINUE' ? 'continuesAt'
                : 'rollsBackAt', dateTime(hook.expiresAt, language.value))}
        </span></p>
        <${Button} icon="play" label=${t('continue')} kind="primary"
            onClick=${act('CONTINUE')} />
        <${Button} icon="rollback" label=${t('rollback')}
            onClick=${act('ROLLBACK')} /></div>`;
}

/* A revision by its task definition, as far as it is known. */

function Revision({ arn, names }) {
    const id = shortName(arn);

    return names.get(arn) ? html`<span title=${id}>${names.get(arn)}
        <small>…${id.slice(-6)}</small></span>` : html`<span>${id}</span>`;
}

function Flow({ deployment: d, names }) {
    const target = d.targetServiceRevision?.arn ?? '';

    return html`<div class="flow mono">${(d.sourceServiceRevisions ?? [])
            .map(r => html`<${Revision} arn=${r.arn} names=${names} />`)}
        <span aria-hidden="true">→</span>
        <b><${Revision} arn=${target} names=${names} /></b></div>`;
}

const weight = r => r?.requestedProductionTrafficWeight;

function Entry({ cluster, service, deployment: d, names }) {
    const from = dateOf(d.startedAt ?? d.createdAt) / 1000;
    const end = dateOf(d.finishedAt ?? d.stoppedAt);
    const took = (end ? end / 1000 : now.value) - from;
    const target = d.targetServiceRevision;
    const active = ACTIVE.includes(d.status);
    const waits = active ? (d.lifecycleHookDetails ?? []).filter(
        h => h.status === 'AWAITING_ACTION') : [];

    return html`<li class="entry" data-tone=${tone(d.status)}>
        <i class="dot" aria-hidden="true"></i>
        <div class="line"><${Status} value=${d.status} />
            <span class="dim"><${When} at=${d.createdAt} /></span>
            <span class="took">${duration(took)}</span>
            ${active && waits.length === 0 && html`<${Button} icon="rollback" label=${t('rollback')}
                    onClick=${() => rollbackDeployment(cluster, service,
                                                       d)} />`}</div>
        <${Flow} deployment=${d} names=${names} />
        ${waits.map(hook => html`<${Hook} cluster=${cluster} hook=${hook}
            service=${service} deployment=${d} />`)}
        <${Facts} items=${[
            d.statusReason && [t('reason'), d.statusReason],
            target && [t('tasks'), t('runningOf', target.runningTaskCount,
                                     target.requestedTaskCount)],
            weight(target) != null && [t('traffic'), `${weight(target)} %`],
            d.lifecycleStage && [t('stage'), html`<span class="mono">${
                d.lifecycleStage}</span>`],
            [t('circuitBreaker'), html`<${Breaker}
                state=${d.deploymentCircuitBreaker}
                config=${d.deploymentConfiguration
                    ?.deploymentCircuitBreaker} />`],
            d.rollback && [t('rollback'), d.rollback.reason],
        ]} /></li>`;
}

/* What revisions run: their task definitions by their ARNs. */

function useNames(history, service) {
    const arns = revisionArns(history, service);
    const { value } = useAnswer(() => revisions(arns), [arns.join()]);

    return new Map((value ?? []).map(r => [r.serviceRevisionArn,
        definitionName(r.taskDefinition)]));
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
    const names = useNames(history.items.value, service);
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
                    deployment=${d} names=${names} />`)}</ol>
            ${entries.length === 0 && html`<p class="dim">${
                t('noDeployments')}</p>`}</${Loaded}></${Panel}></div>`;
}
