/*
 * The palette: one box that finds clusters, services, tasks and task
 * definitions, and commands (":").  Opened by ':', Ctrl-K and the search
 * field of the top bar.
 */

import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { go, href } from './router.js';
import { cycle, language, theme, LANGUAGES, THEMES } from './prefs.js';
import { score } from './filter.js';
import { Modal } from './dialog.js';
import { pages } from './api.js';
import { useAnswer } from './widgets.js';
import { clusters, families, services, tasks } from './resources.js';
import { shortName } from './arn.js';
import { showHelp } from './help.js';

export const open = signal(false);

const MOST = 12;
const MOST_CLUSTERS = 20;

const to = (...parts) => () => go(href(...parts).slice(1));

const PARTS = [['services', 'svc'], ['tasks'], ['instances', 'hosts'],
               ['capacity'], ['events'], ['settings']];

function commands() {
    return [
        [t('clusters'), ['clusters', 'cl'], to()],
        [t('definitions'), ['task-definitions', 'td'],
         to('task-definitions')],
        [t('events'), ['events', 'ev'], to('events')],
        [t('nextTheme'), ['theme'], () => cycle(theme, THEMES)],
        [t('nextLanguage'), ['language'],
         () => cycle(language, LANGUAGES)],
        [t('help'), ['help', '?'], showHelp],
        ...clusters.items.value.flatMap(({ clusterName: name }) =>
            PARTS.map(([part, ...words]) => [`${t(part)} · ${name}`,
                [`${part} ${name}`, ...words], to('clusters', name, part)])),
    ].map(([label, words, run]) => ({ label, run, kind: t('command'),
        detail: `:${words[0]}`, words: `${label} ${words.join(' ')}` }));
}

function things(listed) {
    const known = clusters.items.value.map(c => c.clusterName);
    const found = known.map(name => ({ label: name, kind: t('cluster'),
        words: name, run: to('clusters', name) }));

    for (const name of known.slice(0, MOST_CLUSTERS)) {
        for (const s of services(name).items.value) {
            found.push({ label: s.serviceName, kind: t('service'),
                detail: name, words: `${s.serviceName} ${name}`,
                run: to('clusters', name, 'services', s.serviceName) });
        }

        for (const x of tasks(name).items.value) {
            const id = shortName(x.taskArn);

            found.push({ label: id, kind: t('task'), detail:
                `${x.group} · ${x.lastStatus}`, words: `${id} ${x.group}`,
                run: to('clusters', name, 'tasks', id) });
        }
    }

    for (const [kind, name, arn] of listed) {
        const id = shortName(arn);
        const part = kind === 'task' ? 'tasks' : 'instances';

        if (kind !== 'task' || !tasks(name).byId.value.has(arn)) {
            found.push({ label: id, kind: t(kind), detail: name, words: id,
                         run: to('clusters', name, part, id) });
        }
    }

    for (const { family } of families.items.value) {
        found.push({ label: family, kind: t('definition'), words: family,
            run: to('task-definitions', family) });
    }

    return found;
}

function find(typed, listed) {
    const word = typed.replace(/^:/, '').trim();
    const all = typed.startsWith(':') ? commands()
        : [...things(listed), ...commands()];

    if (!word) {
        return all.slice(0, MOST);
    }

    return all.map(item => [score(word, item.words), item])
        .filter(([points]) => points > 0)
        .sort(([a], [b]) => b - a)
        .slice(0, MOST)
        .map(([, item]) => item);
}

/* What is searched is loaded while the palette is open. */

function useThings() {
    const names = clusters.items.value.slice(0, MOST_CLUSTERS)
        .map(c => c.clusterName).join('\n');

    useEffect(() => {
        const release = [clusters.retain(), families.retain()];

        return () => release.forEach(f => f());
    }, []);

    useEffect(() => {
        const release = names.split('\n').filter(Boolean)
            .flatMap(n => [services(n).retain()]);

        return () => release.forEach(f => f());
    }, [names]);
}

/* Tasks and instances by their ids, asked for when something is typed. */

async function ids(name) {
    const [running, hosts] = await Promise.all([
        pages('ListTasks', 'taskArns', { cluster: name }),
        pages('ListContainerInstances', 'containerInstanceArns',
              { cluster: name }),
    ]);

    return [...running.map(arn => ['task', name, arn]),
            ...hosts.map(arn => ['instance', name, arn])];
}

function useListed(wanted) {
    const { value } = useAnswer(async () => wanted
        ? (await Promise.all(clusters.items.peek().slice(0, MOST_CLUSTERS)
            .map(c => ids(c.clusterName)))).flat()
        : [], [wanted]);

    return value ?? [];
}

function Box() {
    const [typed, setTyped] = useState('');
    const [at, setAt] = useState(0);
    const close = () => (open.value = false);

    useThings();

    const found = find(typed, useListed(typed.length >= 3));
    const index = Math.min(at, found.length - 1);

    const choose = item => {
        close();
        item?.run();
    };

    const key = e => {
        const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];

        if (step) {
            setAt((index + step + found.length) % (found.length || 1));
        } else if (e.key === 'Enter') {
            choose(found[index]);
        } else {
            return;
        }

        e.preventDefault();
    };

    return html`<${Modal} label=${t('search')} onClose=${close}
        class="palette">
        <input type="text" role="combobox" aria-label=${t('search')}
            aria-expanded="true" aria-controls="found" autofocus
            aria-activedescendant=${found.length ? `found-${index}` : null}
            placeholder=${t('searchHint')} value=${typed} spellcheck=${false}
            autocomplete="off" onKeyDown=${key}
            onInput=${e => { setTyped(e.target.value); setAt(0); }} />
        <ul id="found" role="listbox" aria-label=${t('found')}>${
            found.map((item, i) => html`<li id="found-${i}" role="option"
                aria-selected=${i === index} onClick=${() => choose(item)}
                onMouseMove=${() => setAt(i)}>
                <span class="kind">${item.kind}</span>
                <span class="label">${item.label}</span>
                <span class="detail">${item.detail}</span></li>`)}
        </ul>
        ${found.length === 0 && html`<p class="empty">${t('noMatch')}</p>`}
    </${Modal}>`;
}

export function Palette() {
    return open.value && html`<${Box} />`;
}
