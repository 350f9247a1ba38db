/* A service: deployments, tasks, events, configuration, revisions. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href, query } from '../router.js';
import { offerKeys } from '../keys.js';
import { matcher } from '../filter.js';
import { FilterBox } from '../table.js';
import { Age, Button, Copy, Facts, Heading, Json, Meter, Missing,
         Panel,
         Status, Tabs, When } from '../widgets.js';
import { definitionName } from '../arn.js';
import { services } from '../resources.js';
import { useCollection } from '../store.js';
import { deleteServices, editTags, forceDeployments, scaleServices,
         updateService } from '../actions.js';
import { Deployments } from './deployments.js';
import { Metrics } from './metrics.js';
import { Revisions } from './revisions.js';
import { TaskTable } from './tasktable.js';
import { TagList } from './tags.js';
import { primary } from './servicetable.js';

const definitionLink = arn => {
    const [family, revision] = definitionName(arn).split(':');

    return html`<a class="mono" href=${href('task-definitions', family,
        revision)}>${family}:${revision}</a>`;
};

function ServiceEvents({ service }) {
    const match = matcher(query.value.get('q'));
    const events = service.events.filter(e => match(e.message));

    return html`<${FilterBox} label=${t('filter')} />
        <div class="scrolls" tabindex="0"><ol class="messages">${
            events.map(e => html`<li key=${e.id}>
                <span class="when"><${When} at=${e.createdAt} /></span>
                <span>${e.message}</span></li>`)}</ol>
            ${events.length === 0 && html`<p class="empty">${
                t('noEvents')}</p>`}</div>`;
}

function Configuration({ cluster, service: s }) {
    const config = s.deploymentConfiguration ?? {};
    const network = s.networkConfiguration?.awsvpcConfiguration;
    const again = () => services(cluster).touch(s.serviceArn);

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('configuration')}><${Facts} items=${[
            [t('arn'), html`<code>${s.serviceArn}</code>
                <${Copy} text=${s.serviceArn} />`],
            [t('definition'), definitionLink(s.taskDefinition)],
            [t('scheduling'), s.schedulingStrategy],
            [t('type'), s.launchType ?? s.capacityProviderStrategy?.map(
                p => `${p.capacityProvider} ${p.weight}:${p.base}`)
                .join(', ')],
            [t('created'), html`<${When} at=${s.createdAt} />`],
            [t('createdBy'), s.createdBy],
        ]} /></${Panel}>
        <${Panel} title=${t('rollout')}><${Facts} items=${[
            [t('strategy'), config.strategy],
            [t('controller'), s.deploymentController?.type],
            [t('minimumHealthy'), `${config.minimumHealthyPercent} %`],
            [t('maximumPercent'), `${config.maximumPercent} %`],
            [t('circuitBreaker'), t(config.deploymentCircuitBreaker?.enable
                ? 'on' : 'off')],
            [t('automaticRollback'), t(config.deploymentCircuitBreaker
                ?.rollback ? 'on' : 'off')],
        ]} /></${Panel}>
        ${network && html`<${Panel} title=${t('network')}><${Facts} items=${[
            [t('subnets'), network.subnets?.join(', ')],
            [t('securityGroups'), network.securityGroups?.join(', ')],
            [t('publicAddress'), network.assignPublicIp],
        ]} /></${Panel}>`}
        <${Panel} title=${t('tags')} actions=${html`<${Button} icon="tag"
            keys="T" label=${t('editTags')} onClick=${() => editTags(
                s.serviceArn, s.tags, again)} />`}>
            <${TagList} tags=${s.tags} /></${Panel}>
        <${Panel} title="JSON" class="wide"><${Json} value=${s} /></${Panel}>
    </div>`;
}

function Inside({ cluster, service, tab }) {
    switch (tab) {
    case 'tasks':
        return html`<${TaskTable} cluster=${cluster}
            service=${service.serviceName} />`;
    case 'events':
        return html`<${ServiceEvents} service=${service} />`;
    case 'configuration':
        return html`<${Configuration} cluster=${cluster}
            service=${service} />`;
    case 'metrics':
        return html`<${Metrics} cluster=${cluster} service=${service} />`;
    case 'revisions':
        return html`<${Revisions} cluster=${cluster} service=${service} />`;
    default:
        return html`<${Deployments} cluster=${cluster}
            service=${service} />`;
    }
}

function useKeys(cluster, s) {
    useLayoutEffect(() => s && offerKeys({
        s: () => scaleServices(cluster, [s]),
        u: () => updateService(cluster, s),
        f: () => forceDeployments(cluster, [s]),
        D: () => deleteServices(cluster, [s]),
        T: () => editTags(s.serviceArn, s.tags,
            () => services(cluster).touch(s.serviceArn)),
    }), [cluster, s]);
}

function Summary({ service: s }) {
    const d = primary(s);

    return html`<div class="summary">
        <${Meter} value=${s.runningCount} of=${s.desiredCount}
            pending=${s.pendingCount} />
        <span>${definitionLink(s.taskDefinition)}</span>
        ${d?.rolloutState && html`<${Status} value=${d.rolloutState} />`}
        <span class="dim">${t('deployed')} <${Age} ago
            at=${d?.createdAt} /></span></div>`;
}

export function Service({ cluster, name, tab }) {
    const { items } = useCollection(services(cluster));
    const s = items.value.find(x => x.serviceName === name);

    useKeys(cluster, s);

    if (!s) {
        return html`<${Missing} from=${services(cluster)}
            what=${t('service')} id=${name} />`;
    }

    return html`<${Heading} title=${name} crumbs=${[
                [t('clusters'), '#/'],
                [cluster, href('clusters', cluster)],
                [t('services'), href('clusters', cluster, 'services')]]}
            status=${html`<${Status} value=${s.status} />`}
            facts=${html`<${Summary} service=${s} />`}>
            <${Button} icon="scale" label=${t('scale')} keys="s"
                onClick=${() => scaleServices(cluster, [s])} />
            <${Button} icon="edit" label=${t('update')} keys="u"
                onClick=${() => updateService(cluster, s)} />
            <${Button} icon="refresh" label=${t('forceDeployment')} keys="f"
                onClick=${() => forceDeployments(cluster, [s])} />
            <${Button} icon="trash" label=${t('delete')} keys="D"
                kind="danger-quiet"
                onClick=${() => deleteServices(cluster, [s])} />
        </${Heading}>
        <${Tabs} base=${['clusters', cluster, 'services', name]}
            current=${tab} tabs=${[
                ['', t('deployments'), s.deployments.length],
                ['tasks', t('tasks'), s.runningCount + s.pendingCount],
                ['events', t('events'), s.events.length],
                ['metrics', t('metrics')],
                ['revisions', t('revisions')],
                ['configuration', t('configuration')],
            ]} />
        <${Inside} cluster=${cluster} service=${s} tab=${tab} />`;
}
