/* Container instances of a cluster, with what they have left. */

import { useLayoutEffect, useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { offerKeys } from '../keys.js';
import { FilterBox, Table } from '../table.js';
import { Age, Loaded, Status } from '../widgets.js';
import { shortName } from '../arn.js';
import { cpu, memory } from '../format.js';
import { instances } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';
import { setInstanceState } from '../actions.js';

const amount = (list, name) =>
    list?.find(r => r.name === name)?.integerValue ?? 0;

function Use({ instance, name, print }) {
    const total = amount(instance.registeredResources, name);
    const used = total - amount(instance.remainingResources, name);

    return html`<span class="meter"><span class="figures">${print(used)}
        <small>/${print(total)}</small></span>
        <span class="track" aria-hidden="true"><b style=${{
            width: `${total ? 100 * used / total : 0}%` }}></b></span>
    </span>`;
}

function columns() {
    return [
        { key: 'instance', label: t('instance'), class: 'mono id',
          value: i => shortName(i.containerInstanceArn) },
        { key: 'host', label: t('host'), class: 'mono',
          value: i => i.ec2InstanceId },
        { key: 'status', label: t('status'), value: i => i.status,
          cell: i => html`<${Status} value=${i.status} />` },
        { key: 'agent', label: t('agent'),
          value: i => i.agentConnected ? 'CONNECTED' : 'DISCONNECTED',
          cell: i => html`<${Status} value=${i.agentConnected
              ? 'CONNECTED' : 'DISCONNECTED'} />` },
        { key: 'tasks', label: t('tasks'), class: 'number',
          value: i => i.runningTasksCount + i.pendingTasksCount },
        { key: 'cpu', label: t('cpu'),
          value: i => amount(i.remainingResources, 'CPU'),
          cell: i => html`<${Use} instance=${i} name="CPU"
              print=${cpu} />` },
        { key: 'memory', label: t('memory'),
          value: i => amount(i.remainingResources, 'MEMORY'),
          cell: i => html`<${Use} instance=${i} name="MEMORY"
              print=${memory} />` },
        { key: 'age', label: t('age'), class: 'number',
          value: i => -i.registeredAt,
          cell: i => html`<${Age} at=${i.registeredAt} />` },
    ];
}

export function InstanceTable({ cluster }) {
    const all = useCollection(instances(cluster));
    const head = useMemo(columns, [language.value]);

    useLayoutEffect(() => offerKeys({
        x: row => row && setInstanceState(cluster,
            row.containerInstanceArn,
            row.status === 'ACTIVE' ? 'DRAINING' : 'ACTIVE'),
    }), [cluster]);

    return html`<${Loaded} from=${all}>
        <${FilterBox} label=${t('filter')} />
        <${Table} rows=${all.items.value} columns=${head}
            label=${t('instances')} empty=${t('noInstances')}
            rowKey=${i => i.containerInstanceArn} />
        </${Loaded}>`;
}
