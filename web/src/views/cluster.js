/* A cluster: services, tasks, instances, capacity, events, settings. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { offerKeys } from '../keys.js';
import { Button, Copy, Facts, Heading, Json, Missing, Panel, Status, Tabs }
    from '../widgets.js';
import { clusters } from '../resources.js';
import { useCollection } from '../store.js';
import { createService, deleteCluster, editTags, runTask }
    from '../actions.js';
import { ServiceTable } from './servicetable.js';
import { TaskTable } from './tasktable.js';
import { InstanceTable } from './instances.js';
import { Capacity } from './capacity.js';
import { EventLog } from './eventlog.js';
import { TagList } from './tags.js';

function Settings({ cluster }) {
    const statistics = (cluster.statistics ?? [])
        .filter(s => s.value !== '0').map(s => [s.name, s.value]);

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('configuration')}>
            <${Facts} items=${[
                [t('arn'), html`<code>${cluster.clusterArn}</code>
                    <${Copy} text=${cluster.clusterArn} />`],
                ...cluster.settings.map(s => [s.name, s.value]),
                [t('defaultStrategy'),
                 cluster.defaultCapacityProviderStrategy.map(s =>
                     `${s.capacityProvider} ${s.weight}:${s.base}`)
                     .join(', ')],
                ...statistics,
            ]} /></${Panel}>
        <${Panel} title=${t('tags')} actions=${html`<${Button} icon="tag"
            label=${t('editTags')} keys="T" onClick=${() => editTags(
                cluster.clusterArn, cluster.tags,
                () => clusters.touch(cluster.clusterArn))} />`}>
            <${TagList} tags=${cluster.tags} /></${Panel}>
        <${Panel} title="JSON" class="wide"><${Json} value=${cluster} />
        </${Panel}></div>`;
}

function Inside({ cluster, tab }) {
    const name = cluster.clusterName;

    switch (tab) {
    case 'tasks':
        return html`<${TaskTable} cluster=${name} />`;
    case 'instances':
        return html`<${InstanceTable} cluster=${name} />`;
    case 'capacity':
        return html`<${Capacity} cluster=${cluster} />`;
    case 'events':
        return html`<${EventLog} cluster=${name} />`;
    case 'settings':
        return html`<${Settings} cluster=${cluster} />`;
    default:
        return html`<${ServiceTable} cluster=${name} />`;
    }
}

function useKeys(cluster) {
    useLayoutEffect(() => cluster && offerKeys({
        r: () => runTask(cluster.clusterName),
        n: () => createService(cluster.clusterName),
        D: row => row || deleteCluster(cluster.clusterName),
        T: () => editTags(cluster.clusterArn, cluster.tags,
            () => clusters.touch(cluster.clusterArn)),
    }), [cluster]);
}

export function Cluster({ name, tab }) {
    const { items } = useCollection(clusters);
    const cluster = items.value.find(c => c.clusterName === name);

    useKeys(cluster);

    if (!cluster) {
        return html`<${Missing} from=${clusters} what=${t('cluster')}
            id=${name} />`;
    }

    const tabs = [
        ['services', t('services'), cluster.activeServicesCount],
        ['tasks', t('tasks'),
         cluster.runningTasksCount + cluster.pendingTasksCount],
        ['instances', t('instances'),
         cluster.registeredContainerInstancesCount],
        ['capacity', t('capacity')],
        ['events', t('events')],
        ['settings', t('settings')],
    ];

    return html`<${Heading} title=${name}
            crumbs=${[[t('clusters'), '#/']]}
            status=${html`<${Status} value=${cluster.status} />`}>
            <${Button} icon="play" label=${t('runTask')} keys="r"
                kind="primary" onClick=${() => runTask(name)} />
            <${Button} icon="plus" label=${t('createService')} keys="n"
                onClick=${() => createService(name)} />
            <${Button} icon="trash" label=${t('delete')} keys="D"
                kind="danger-quiet" onClick=${() => deleteCluster(name)} />
        </${Heading}>
        <${Tabs} base=${['clusters', name]} tabs=${tabs} current=${tab} />
        <${Inside} cluster=${cluster} tab=${tab} />`;
}

