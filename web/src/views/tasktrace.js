/* The trace of a task's life: why it is where it is, phases, moments. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { href } from '../router.js';
import { Age, Panel, useAnswer } from '../widgets.js';
import { dateTime, duration, timeOfDay } from '../format.js';
import { moments, reason, spans, ticks, withHealth } from '../trace.js';
import { serviceOf } from '../arn.js';
import { taskFailed } from '../status.js';
import { now } from '../clock.js';
import { language } from '../prefs.js';
import { useHistory } from '../history.js';
import { call } from '../api.js';

const TONE = { waiting: 'idle', pulling: 'busy', starting: 'busy',
               health: 'ok', running: 'ok', stopping: 'warn' };

function Bars({ list }) {
    const from = list[0].from;
    const length = Math.max(0.001, list.at(-1).to - from);
    const at = seconds => `${100 * seconds / length}%`;

    return html`<div class="trace">
        <div class="axis" aria-hidden="true">${ticks(length).map(s => html`
            <span style=${{ left: at(s) }}>${s ? duration(s) : '0'}</span>`)}
        </div>
        <ol>${list.map(s => html`<li key=${s.key} data-tone=${TONE[s.key]}
            class="${s.key} ${s.open ? 'open' : ''}">
            <span class="name">${t(`phase.${s.key}`)}</span>
            <span class="lane"><b style=${{ left: at(s.from - from),
                width: `max(3px, ${at(s.to - s.from)})` }}></b></span>
            <span class="took">${duration(s.key === 'health'
                ? Math.round(s.to - s.from) || 1 : s.to - s.from)}</span>
            </li>`)}
        </ol></div>`;
}

const clockOf = m => timeOfDay(m.at, language.value, undefined,
    m.about ? {} : { fractionalSecondDigits: 3 });

function Moments({ task }) {
    const all = moments(task);

    return html`<ol class="moments">${all.map((m, i) => html`<li>
        <time title=${dateTime(m.at, language.value)}>${clockOf(m)}</time>
        <b>${t(`moment.${m.key}`)}</b>
        <span class="dim">${i > 0 && !m.about && !all[i - 1].about
            ? `+${duration(m.at - all[i - 1].at)}` : ''}</span></li>`)}
    </ol>`;
}

/* What its service has said lately of placing tasks, while one waits. */

function Placing({ cluster, service, since }) {
    const { value } = useAnswer(() => call('DescribeServices',
        { cluster, services: [service] }), [cluster, service]);
    const said = value?.services[0]?.events.find(
        e => e.createdAt >= since && /unable to place/.test(e.message));

    return said && html`<p class="mono">${said.message}</p>
        <p><a href=${href('clusters', cluster, 'services', service,
            'events')}>${t('events')} · ${service}</a></p>`;
}

function Why({ cluster, task }) {
    const key = reason(task);
    const service = serviceOf(task.group);
    const reasons = [task.stoppedReason,
        ...task.containers.filter(c => c.reason)
            .map(c => `${c.name}: ${c.reason}`)].filter(Boolean);

    if (!key && reasons.length === 0) {
        return null;
    }

    return html`<div class="callout" data-tone=${taskFailed(task) ? 'bad'
        : task.lastStatus === 'STOPPED' ? 'idle' : 'busy'}>
        ${key && html`<p><b>${task.stopCode ?? task.lastStatus}</b>
            ${t(key)} ${!task.stopCode && html`<span class="dim"><${Age} ago
                at=${task.createdAt} /></span>`}</p>`}
        ${reasons.map(r => html`<p class="mono">${r}</p>`)}
        ${key === 'why.unplaced' && service && html`<${Placing}
            cluster=${cluster} service=${service}
            since=${task.createdAt} />`}</div>`;
}

export function Trace({ cluster, task }) {
    const events = useHistory(task.taskArn, 'task');
    const whole = withHealth(task, events);

    return html`<${Panel} title=${t('trace')} class="wide">
        <${Why} cluster=${cluster} task=${task} />
        <${Bars} list=${spans(whole, now.value)} />
        <${Moments} task=${whole} /></${Panel}>`;
}
