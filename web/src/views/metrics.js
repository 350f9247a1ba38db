/*
 * A service over time, from what the API tells of its tasks and what the
 * change log tells of its desired count.  Of CPU and memory in use it tells
 * nothing, so that is not shown.
 */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { query } from '../router.js';
import { Choice, Failure, Loaded, Panel, Tiles } from '../widgets.js';
import { serviceOf } from '../arn.js';
import { dateTime, duration, timeOfDay } from '../format.js';
import { RANGES, counts, median, startTimes, starts } from '../series.js';
import { now } from '../clock.js';
import { language, theme } from '../prefs.js';
import { tasks } from '../resources.js';
import { useCollection } from '../store.js';
import { useHistory } from '../history.js';

const bright = matchMedia('(prefers-color-scheme: light)');

const clock = span => at => span > 86400
    ? new Date(at * 1000).toLocaleDateString(language.value,
        { month: 'short', day: 'numeric' })
    : timeOfDay(at, language.value, undefined,
        span > 900 ? { second: undefined } : {});

/* The plot itself, drawn anew when colours or language change. */

function useDrawn(options, data, from, to) {
    const box = useRef();
    const drawn = useRef();
    const [error, setError] = useState(null);
    const [turn, again] = useState(0);

    useEffect(() => {
        const changed = () => again(n => n + 1);

        bright.addEventListener('change', changed);
        return () => bright.removeEventListener('change', changed);
    }, []);

    useEffect(() => {
        let here = true;

        import('../plots.js').then(({ plot }) => {
            if (here && box.current) {
                drawn.current = plot(box.current, options);
                drawn.current.set(data, from, to);
            }
        }, e => here && setError(e));

        return () => {
            here = false;
            drawn.current?.end();
            drawn.current = null;
        };
    }, [theme.value, language.value, turn, to - from]);

    useEffect(() => drawn.current?.set(data, from, to), [data, from, to]);

    return [box, error];
}

function Plot({ title, kind, series, data, from, to, print, whole }) {
    const [at, setAt] = useState(null);
    const time = clock(to - from);
    const [box, error] = useDrawn({ kind, series, time, whole, value: print,
                                    cursor: setAt }, data, from, to);
    const index = at ?? data[0].length - 1;
    const value = i => data[i + 1][index];
    const text = i => value(i) == null ? '–' : print(value(i));

    return html`<${Panel} title=${title} class="wide plot" actions=${html`
        <ul class="legend"><li class="dim">${at == null ? ''
            : dateTime(data[0][index], language.value)}</li>${
            series.map((s, i) => html`<li><i data-colour=${s.colour}
                aria-hidden="true"></i>${s.label}
                <b>${kind === 'step' || at != null ? text(i) : ''}</b>
            </li>`)}</ul>`}>
        ${error ? html`<${Failure} error=${error} />`
            : html`<div class="canvas" ref=${box} role="img"
                  aria-label="${title}: ${series.map((s, i) =>
                      `${s.label} ${text(i)}`).join(', ')}"></div>`}
        </${Panel}>`;
}

const figure = n => String(+n.toFixed(2));

function useSeries(cluster, service, span) {
    const all = tasks(cluster).items.value;
    const events = useHistory(service.serviceArn, 'service');
    const step = Math.max(1, span / 600);
    const to = Math.ceil(now.value / step) * step;
    const from = to - span;

    return useMemo(() => {
        const own = all.filter(
            x => serviceOf(x.group) === service.serviceName);
        const told = events.filter(e => e.detail?.desiredCount != null)
            .map(e => [Date.parse(e.time) / 1000, e.detail.desiredCount]);

        told.push([Math.max(told.at(-1)?.[0] ?? 0, to - step),
                   service.desiredCount]);

        return { from, to, counts: counts(own, told, from, to),
                 starts: starts(own, from, to),
                 times: startTimes(own, from, to) };
    }, [all, events, service, from, to]);
}

const sum = list => list.reduce((a, b) => a + b, 0);

function Shown({ cluster, service, span }) {
    const { from, to, counts: c, starts: s, times } =
        useSeries(cluster, service, span);
    const scale = { from, to };
    const half = median(times[1]);

    return html`<div class="panels" tabindex="0">
        <div class="wide"><${Tiles} items=${[
            [t('running'), service.runningCount, 'ok'],
            [t('pending'), service.pendingCount, 'busy'],
            [t('desired'), service.desiredCount],
            [t('starts'), sum(s[1])], [t('stops'), sum(s[2])],
            [t('failures'), sum(s[3]), sum(s[3]) ? 'bad' : 'idle'],
            [t('medianStart'), duration(half ?? NaN)],
        ]} /></div>
        <${Plot} title=${t('tasks')} kind="step" data=${c} ...${scale}
            print=${figure} whole=${true} series=${[
                { label: t('running'), colour: 'ok', filled: true },
                { label: t('pending'), colour: 'busy' },
                { label: t('desired'), colour: 'dim', dashed: true }]} />
        <${Plot} title=${t('startsAndStops')} kind="bars" data=${s}
            ...${scale} print=${figure} whole=${true} series=${[
                { label: t('starts'), colour: 'ok' },
                { label: t('stops'), colour: 'idle' },
                { label: t('failures'), colour: 'bad' }]} />
        <${Plot} title=${t('timeToStart')} kind="points" data=${times}
            ...${scale} print=${duration} series=${[
                { label: t('fromCreation'), colour: 'accent' },
                { label: t('phase.pulling'), colour: 'warn' }]} />
        <p class="wide dim">${t('metricsOrigin')}</p></div>`;
}

export function Metrics({ cluster, service }) {
    const all = useCollection(tasks(cluster));
    const range = query.value.get('range');

    return html`<div class="filterbar"><${Choice} param="range"
            label=${t('range')} options=${Object.keys(RANGES).map(
                key => [key, key])} /></div>
        <${Loaded} from=${all}><${Shown} cluster=${cluster}
            service=${service} span=${RANGES[range] ?? RANGES['15m']} />
        </${Loaded}>`;
}
