/* The services of a cluster. */

import { useLayoutEffect, useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { offerKeys } from '../keys.js';
import { FilterBox, Table } from '../table.js';
import { Age, Loaded, Meter, Status } from '../widgets.js';
import { definitionName } from '../arn.js';
import { services } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';
import { forceDeployment, scaleService, updateService, deleteService }
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

    useLayoutEffect(() => {
        const on = f => row => row && f(cluster, row);

        return offerKeys({ s: on(scaleService), u: on(updateService),
            f: on(forceDeployment), x: on(deleteService) });
    }, [cluster]);

    return html`<${Loaded} from=${all}>
        <${FilterBox} label=${t('filter')} />
        <${Table} rows=${all.items.value} columns=${head}
            label=${t('services')} rowKey=${s => s.serviceArn}
            empty=${t('noServices')}
            link=${s => href('clusters', cluster, 'services',
                             s.serviceName)} />
        </${Loaded}>`;
}
