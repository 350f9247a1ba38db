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
import { taskFailed } from '../status.js';

const KIND = {
    'task': 'tasks', 'service': 'services', 'service-action': 'services',
    'deployment': 'deployments', 'service-deployment': 'deployments',
    'container-instance': 'instances',
    'task-definition': 'definitions',
};

/* Where the page of a resource is, by the kind of its ARN. */

const PLACE = { 'task': 'tasks', 'service': 'services',
                'container-instance': 'instances' };

function link(row) {
    if (!row.name) {
        return null;
    }

    if (row.about === 'task-definition') {
        return href('task-definitions', ...row.name.split(':'));
    }

    return PLACE[row.about]
        ? href('clusters', row.cluster, PLACE[row.about], row.name) : null;
}

const PROBLEM = /unable|unhealthy|failed|failure|impaired/i;

function isProblem(event, detail) {
    return detail.eventType === 'ERROR' || detail.eventType === 'WARN'
        || detail.deployment?.rolloutState === 'FAILED'
        || detail.healthStatus === 'UNHEALTHY'
        || detail.agentConnected === false
        || (event.kecs.kind === 'task' && taskFailed(detail))
        || (event.kecs.kind === 'service-action'
            && PROBLEM.test(detail.message));
}

const fromGap = event => ({
    id: event.id, at: dateOf(event.time) / 1000, kind: 'all', name: '',
    what: t('gap'), text: t('goneText'), problem: true,
});

function fromStream(event) {
    if (event.gap) {
        return fromGap(event);
    }

    const [n = {}] = event.about;
    const d = event.detail ?? {};

    return {
        id: event.id ?? event.sequence,
        at: dateOf(event.time) / 1000,
        kind: KIND[event.kecs.kind] ?? 'others',
        about: n.kind,
        cluster: n.cluster,
        name: n.name ?? '',
        what: event['detail-type'],
        status: d.lastStatus ?? d.deployment?.rolloutState ?? d.status,
        text: d.message ?? d.stoppedReason ?? d.statusReason ?? d.reason
            ?? d.group ?? '',
        problem: isProblem(event, d),
    };
}

const fromService = (s, cluster) => s.events.map(e => ({
    id: e.id, at: e.createdAt, kind: 'services', about: 'service', cluster,
    name: s.serviceName, what: t('serviceMessage'), text: e.message,
    problem: PROBLEM.test(e.message),
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
            .filter(r => !cluster || r.cluster === cluster
                || r.kind === 'all'),
        ...messages(listed ?? [], events, cluster),
    ], [events, listed, cluster]);
}

export function EventLog({ cluster }) {
    const all = useRows(cluster);
    const kind = query.value.get('kind') ?? 'all';
    const only = query.value.get('only') === 'problems';
    const rows = useMemo(() => all.filter(r =>
        (kind === 'all' || r.kind === 'all' || r.kind === kind)
        && (!only || r.problem)), [all, kind, only]);
    const head = useMemo(() => columns(!cluster),
                         [cluster, language.value]);

    return html`<${FilterBox} label=${t('filter')}>
            <${Choice} param="kind" label=${t('show')} options=${[
                ['all', t('all'), all.length],
                ['services', t('services')],
                ['deployments', t('deployments')],
                ['tasks', t('tasks')],
                ['instances', t('instances')],
            ]} />
            <${Choice} param="only" label=${t('problems')} options=${[
                ['any', t('any')], ['problems', t('problems')],
            ]} /></${FilterBox}>
        <${Table} rows=${rows} columns=${head} label=${t('events')}
            sort="-time" rowKey=${r => r.id} empty=${t('noEvents')} />`;
}

