/* Tasks of a cluster, or those of one service. */

import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href, query } from '../router.js';
import { FilterBox, Table } from '../table.js';
import { Age, Choice, Loaded, Status } from '../widgets.js';
import { definitionName, serviceOf, shortName } from '../arn.js';
import { tasks } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';
import { stopTasks } from '../actions.js';
import { taskFailed } from '../status.js';

function columns(service) {
    return [
        { key: 'task', label: t('task'), class: 'mono id',
          value: x => shortName(x.taskArn) },
        { key: 'status', label: t('status'), value: x => x.lastStatus,
          cell: x => html`<${Status} value=${x.lastStatus}
              as=${taskFailed(x) ? 'bad' : undefined} />${
              x.desiredStatus !== x.lastStatus && html`<span
                  class="desired"> → ${x.desiredStatus}</span>`}` },
        { key: 'health', label: t('health'), value: x => x.healthStatus,
          cell: x => x.healthStatus && x.healthStatus !== 'UNKNOWN'
              ? html`<${Status} value=${x.healthStatus} />` : '–' },
        !service && { key: 'group', label: t('group'),
                      value: x => x.group },
        { key: 'definition', label: t('definition'), class: 'mono',
          value: x => definitionName(x.taskDefinitionArn) },
        { key: 'zone', label: t('zone'), class: 'optional',
          value: x => x.availabilityZone },
        { key: 'age', label: t('age'), class: 'number',
          value: x => -x.createdAt,
          cell: x => html`<${Age} at=${x.createdAt} />` },
        { key: 'why', label: t('why'), class: 'why',
          value: x => x.stoppedReason ?? '' },
    ].filter(Boolean);
}

const FILTERS = {
    live: x => x.lastStatus !== 'STOPPED',
    stopped: x => x.lastStatus === 'STOPPED',
    all: () => true,
};

export function TaskTable({ cluster, service, instance }) {
    const all = useCollection(tasks(cluster));
    const show = query.value.get('show') ?? 'live';
    const own = useMemo(() => all.items.value.filter(x =>
        (!service || serviceOf(x.group) === service)
        && (!instance || x.containerInstanceArn === instance)),
        [all.items.value, service, instance]);
    const rows = useMemo(() => own.filter(FILTERS[show] ?? FILTERS.live),
                         [own, show]);
    const head = useMemo(() => columns(service), [service, language.value]);
    const live = own.filter(FILTERS.live).length;

    const actions = useMemo(() => [
        { key: 'x', icon: 'stop', label: t('stop'), danger: true,
          run: list => stopTasks(cluster, list) },
    ], [cluster, language.value]);

    return html`<${Loaded} from=${all}>
        <${FilterBox} label=${t('filter')}>
            <${Choice} param="show" label=${t('show')} options=${[
                ['live', t('live'), live],
                ['stopped', t('stopped'), own.length - live],
                ['all', t('all'), own.length],
            ]} /></${FilterBox}>
        <${Table} rows=${rows} columns=${head} label=${t('tasks')}
            actions=${show === 'stopped' ? null : actions}
            rowKey=${x => x.taskArn} sort="age" empty=${t('noTasks')}
            link=${x => href('clusters', cluster, 'tasks',
                             shortName(x.taskArn))} />
        </${Loaded}>`;
}
