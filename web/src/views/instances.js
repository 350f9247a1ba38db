/* Container instances of a cluster, with what they have left. */

import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { FilterBox, Table } from '../table.js';
import { Age, Loaded, Status, Usage } from '../widgets.js';
import { shortName } from '../arn.js';
import { agentOf, hostName, usage } from '../host.js';
import { gib } from '../format.js';
import { instances } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';
import { setInstanceStates } from '../actions.js';

const use = (name, print) => instance => html`<${Usage}
    ...${usage([instance], name)} print=${print} />`;

const left = name => instance => {
    const { used, total } = usage([instance], name);

    return total - used;
};

function columns() {
    return [
        { key: 'host', label: t('host'), class: 'mono id',
          value: hostName },
        { key: 'instance', label: t('instance'), class: 'mono optional',
          value: i => shortName(i.containerInstanceArn),
          cell: i => html`<span title=${shortName(i.containerInstanceArn)}>
              ${shortName(i.containerInstanceArn).slice(0, 12)}</span>` },
        { key: 'status', label: t('status'), value: i => i.status,
          cell: i => html`<${Status} value=${i.status} />` },
        { key: 'agent', label: t('agent'),
          value: agentOf,
          cell: i => html`<${Status} value=${agentOf(i)} />` },
        { key: 'tasks', label: t('tasks'), class: 'number',
          value: i => i.runningTasksCount + i.pendingTasksCount },
        { key: 'cpu', label: t('cpu'), value: left('CPU'),
          cell: use('CPU') },
        { key: 'memory', label: t('memory'), value: left('MEMORY'),
          cell: use('MEMORY', gib) },
        { key: 'zone', label: t('zone'), class: 'optional', value: i =>
            i.attributes?.find(a => a.name === 'ecs.availability-zone')
                ?.value },
        { key: 'age', label: t('age'), class: 'number',
          value: i => -i.registeredAt,
          cell: i => html`<${Age} at=${i.registeredAt} />` },
    ];
}

export function InstanceTable({ cluster }) {
    const all = useCollection(instances(cluster));
    const head = useMemo(columns, [language.value]);

    const actions = useMemo(() => [
        { key: 'x', icon: 'drain', label: t('drain'), danger: true,
          run: list => setInstanceStates(cluster, list, 'DRAINING') },
        { key: 'A', icon: 'play', label: t('activate'),
          run: list => setInstanceStates(cluster, list, 'ACTIVE') },
    ], [cluster, language.value]);

    return html`<${Loaded} from=${all}>
        <${FilterBox} label=${t('filter')} />
        <${Table} rows=${all.items.value} columns=${head}
            label=${t('instances')} actions=${actions} empty=${t('noInstances')}
            rowKey=${i => i.containerInstanceArn}
            link=${i => href('clusters', cluster, 'instances',
                             shortName(i.containerInstanceArn))} />
        </${Loaded}>`;
}
