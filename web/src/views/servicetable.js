/* The services of a cluster. */

import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { FilterBox, Table } from '../table.js';
import { Age, Loaded, Meter, Status } from '../widgets.js';
import { definitionName } from '../arn.js';
import { services } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';
import { deleteServices, forceDeployments, scaleServices, updateService }
    from '../actions.js';

export const primary = s => s.deployments?.find(d => d.status === 'PRIMARY');

function columns() {
    return [
        { key: 'name', label: t('name'), value: s => s.serviceName },
        { key: 'status', label: t('status'), value: s => s.status,
          cell: s => html`<${Status} value=${s.status} />` },
        { key: 'tasks', label: t('tasks'), value: s => s.runningCount,
          cell: s => html`<${Meter} value=${s.runningCount}
              of=${s.desiredCount} pending=${s.pendingCount} />` },
        { key: 'rollout', label: t('rollout'),
          value: s => primary(s)?.rolloutState ?? '',
          cell: s => primary(s)?.rolloutState
              ? html`<${Status} value=${primary(s).rolloutState}
                    title=${primary(s).rolloutStateReason} />` : '–' },
        { key: 'definition', label: t('definition'), class: 'mono',
          value: s => definitionName(s.taskDefinition) },
        { key: 'type', label: t('type'), class: 'optional',
          value: s => s.launchType ?? s.capacityProviderStrategy
              ?.map(p => p.capacityProvider).join(', ') ?? '–' },
        { key: 'deployed', label: t('deployed'), class: 'number',
          value: s => -(primary(s)?.createdAt ?? 0),
          cell: s => html`<${Age} at=${primary(s)?.createdAt} />` },
    ];
}

export function ServiceTable({ cluster }) {
    const all = useCollection(services(cluster));
    const head = useMemo(columns, [language.value]);

    const actions = useMemo(() => [
        { key: 's', icon: 'scale', label: t('scale'),
          run: list => scaleServices(cluster, list) },
        { key: 'u', icon: 'edit', label: t('update'), single: true,
          run: ([s]) => updateService(cluster, s) },
        { key: 'f', icon: 'refresh', label: t('forceDeployment'),
          run: list => forceDeployments(cluster, list) },
        { key: 'x', icon: 'trash', label: t('delete'), danger: true,
          run: list => deleteServices(cluster, list) },
    ], [cluster, language.value]);

    return html`<${Loaded} from=${all}>
        <${FilterBox} label=${t('filter')} />
        <${Table} rows=${all.items.value} columns=${head}
            label=${t('services')} actions=${actions} rowKey=${s => s.serviceArn}
            empty=${t('noServices')}
            link=${s => href('clusters', cluster, 'services',
                             s.serviceName)} />
        </${Loaded}>`;
}
