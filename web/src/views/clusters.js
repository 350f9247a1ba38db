/* All clusters, with counts that follow events. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { offerKeys } from '../keys.js';
import { FilterBox, Table } from '../table.js';
import { Button, Heading, Loaded, Status, Tiles } from '../widgets.js';
import { clusters } from '../resources.js';
import { useCollection } from '../store.js';
import { createCluster } from '../actions.js';

const sum = (all, name) => all.reduce((n, c) => n + (c[name] ?? 0), 0);

function columns() {
    const count = (key, member) => ({ key, label: t(key), class: 'number',
        value: c => c[member] });

    return [
        { key: 'name', label: t('name'), value: c => c.clusterName },
        { key: 'status', label: t('status'), value: c => c.status,
          cell: c => html`<${Status} value=${c.status} />` },
        count('services', 'activeServicesCount'),
        { ...count('running', 'runningTasksCount'), cell: c => html`
            <span class="count" data-tone=${c.runningTasksCount ? 'ok'
                : 'idle'}>${c.runningTasksCount}</span>` },
        { ...count('pending', 'pendingTasksCount'), cell: c => html`
            <span class="count" data-tone=${c.pendingTasksCount ? 'busy'
                : 'idle'}>${c.pendingTasksCount}</span>` },
        count('instances', 'registeredContainerInstancesCount'),
        { key: 'capacity', label: t('capacityProviders'),
          class: 'optional',
          value: c => c.capacityProviders?.join(', ') || '–' },
    ];
}

export function Clusters() {
    const { items } = useCollection(clusters);
    const all = items.value;

    useLayoutEffect(() => offerKeys({ n: createCluster }), []);

    return html`<${Heading} title=${t('clusters')} crumbs=${[]}>
            <${Button} icon="plus" kind="primary" keys="n"
                label=${t('createCluster')} onClick=${createCluster} />
        </${Heading}>
        <${Loaded} from=${clusters}>
            <${Tiles} items=${[
                [t('clusters'), all.length],
                [t('services'), sum(all, 'activeServicesCount')],
                [t('running'), sum(all, 'runningTasksCount'), 'ok'],
                [t('pending'), sum(all, 'pendingTasksCount'), 'busy'],
                [t('instances'),
                 sum(all, 'registeredContainerInstancesCount')],
            ]} />
            <${FilterBox} label=${t('filter')} />
            <${Table} rows=${all} columns=${columns()} label=${t('clusters')}
                rowKey=${c => c.clusterArn} empty=${t('noClusters')}
                link=${c => href('clusters', c.clusterName)} />
        </${Loaded}>`;
}
