/*
 * What happened: what the stream has told since the page was opened, and
 * the messages that services keep.
 */

import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { href, query } from '../router.js';
import { FilterBox, Table } from '../table.js';
import { Choice, Status } from '../widgets.js';
import { dateOf, dateTime, timeOfDay } from '../format.js';
import { recent } from '../live.js';
import { services } from '../resources.js';
import { useCollection } from '../store.js';
import { language } from '../prefs.js';

const KIND = {
    'task': 'tasks', 'service': 'services',
    'container-instance': 'instances', 'task-definition': 'definitions',
};

function link(row) {
    if (row.kind === 'tasks') {
        return href('clusters', row.cluster, 'tasks', row.name);
    }

    if (row.kind === 'definitions') {
        return href('task-definitions', ...row.name.split(':'));
    }

    return row.kind === 'services' && row.name
        ? href('clusters', row.cluster, 'services', row.name) : null;
}

function fromStream(event) {
    const [n = {}] = event.about;
    const d = event.detail ?? {};

    return {
        id: event.id ?? event.sequence,
        at: dateOf(event.time) / 1000,
        kind: KIND[n.kind] ?? 'others',
        cluster: n.cluster,
        name: n.name ?? '',
        what: event['detail-type'],
        status: d.lastStatus ?? d.deployment?.rolloutState ?? d.status,
        text: d.message ?? d.stoppedReason ?? d.reason ?? d.group ?? '',
    };
}

const fromService = (s, cluster) => s.events.map(e => ({
    id: e.id, at: e.createdAt, kind: 'services', cluster,
    name: s.serviceName, what: t('serviceMessage'), text: e.message,
}));

/* Messages that services keep and that the stream has not told. */

function messages(list, events, cluster) {
    const told = new Set(events.map(e => e.detail?.id));

    return list.flatMap(s => fromService(s, cluster))
        .filter(r => !told.has(r.id));
}

function columns(withCluster) {
    return [
        { key: 'time', label: t('time'), class: 'mono', value: r => r.at,
          cell: r => html`<time title=${dateTime(r.at, language.value)}>${
              timeOfDay(r.at, language.value)}</time>` },
        withCluster && { key: 'cluster', label: t('cluster'),
                         value: r => r.cluster },
        { key: 'what', label: t('what'), value: r => r.what },
        { key: 'name', label: t('resource'), class: 'mono',
          value: r => r.name, cell: r => link(r)
              ? html`<a href=${link(r)}>${r.name}</a>` : r.name || '–' },
        { key: 'status', label: t('status'), value: r => r.status,
          cell: r => r.status
              ? html`<span class="past"><${Status} value=${r.status} />
              </span>` : '–' },
        { key: 'text', label: t('message'), class: 'text',
          value: r => r.text },
    ].filter(Boolean);
}

function useRows(cluster) {
    const events = recent.value;
    const listed = cluster
        ? useCollection(services(cluster)).items.value : null;

    return useMemo(() => [
        ...events.map(fromStream)
            .filter(r => !cluster || r.cluster === cluster),
        ...messages(listed ?? [], events, cluster),
    ], [events, listed, cluster]);
}

export function EventLog({ cluster }) {
    const all = useRows(cluster);
    const kind = query.value.get('kind') ?? 'all';
    const rows = useMemo(() => kind === 'all' ? all
        : all.filter(r => r.kind === kind), [all, kind]);
    const head = useMemo(() => columns(!cluster),
                         [cluster, language.value]);

    return html`<${FilterBox} label=${t('filter')}>
            <${Choice} param="kind" label=${t('show')} options=${[
                ['all', t('all'), all.length],
                ['services', t('services')],
                ['tasks', t('tasks')],
                ['instances', t('instances')],
            ]} /></${FilterBox}>
        <${Table} rows=${rows} columns=${head} label=${t('events')}
            sort="-time" rowKey=${r => r.id} empty=${t('noEvents')} />`;
}

