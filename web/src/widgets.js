/* Small parts that views share. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { language } from './prefs.js';
import { now } from './clock.js';
import { age, dateTime, dateOf } from './format.js';
import { tone } from './status.js';
import { href, query, setQuery } from './router.js';
import { Icon } from './icons.js';
import { toast } from './toast.js';

/* A status: colour, shape and word. */

export function Status({ value, as, title }) {
    return html`<span class="status" data-tone=${as ?? tone(value)}
        title=${title}><i aria-hidden="true"></i>${value ?? '–'}</span>`;
}

/* A moment, as its age; the full time in the reader's zone on hover. */

export function Age({ at, ago }) {
    const d = dateOf(at);

    if (!d) {
        return '–';
    }

    const text = age(now.value - d / 1000);

    return html`<time datetime=${d.toISOString()}
        title=${dateTime(at, language.value)}>${
        ago ? t('ago', text) : text}</time>`;
}

export function When({ at }) {
    const d = dateOf(at);

    return d
        ? html`<time datetime=${d.toISOString()}>${
              dateTime(at, language.value)}</time>`
        : '–';
}

/* Running of desired, as a bar and in figures. */

export function Meter({ value, of, pending = 0 }) {
    const total = Math.max(of, value + pending, 1);
    const share = n => ({ width: `${100 * n / total}%` });

    return html`<span class="meter"
        data-tone=${value === of ? 'ok' : value > of ? 'warn' : 'busy'}>
        <span class="figures">${value}<small>/${of}</small></span>
        <span class="track" aria-hidden="true">
            <b style=${share(value)}></b>
            <b class="pending" style=${share(pending)}></b>
        </span></span>`;
}

/* How much of a resource is taken. */

export function Usage({ used, total, print = String }) {
    const share = total ? used / total : 0;

    return html`<span class="meter usage" data-tone=${share > .9 ? 'warn' : 'ok'}>
        <span class="figures">${print(used).split(' ')[0]}<small>/${
            print(total)}</small></span>
        <span class="track" aria-hidden="true"><b style=${{
            width: `${100 * share}%` }}></b></span></span>`;
}

export function Copy({ text, label }) {
    const copy = async () => {
        await navigator.clipboard.writeText(text);
        toast(t('copied'));
    };

    return html`<button type="button" class="quiet" onClick=${copy}
        title=${label ?? t('copy')} aria-label=${label ?? t('copy')}>
        <${Icon} name="copy" /></button>`;
}

export function Code({ text }) {
    return html`<div class="code"><pre tabindex="0">${text}</pre>
        <${Copy} text=${text} /></div>`;
}

export function Json({ value }) {
    return html`<${Code} text=${JSON.stringify(value, null, 2)} />`;
}

/* Names and values. */

export function Facts({ items }) {
    return html`<dl class="facts">${items.filter(Boolean).map(
        ([name, value]) => html`<div><dt>${name}</dt><dd>${
            value == null || value === '' || value === false ? '–'
                : value}</dd></div>`)}</dl>`;
}

export function Panel({ title, actions, children, class: name = '' }) {
    return html`<section class="panel ${name}" aria-label=${title}>
        <header><h2>${title}</h2>${actions}</header>
        <div class="inside">${children}</div></section>`;
}

/* Figures at the top of a view. */

export function Tiles({ items }) {
    return html`<dl class="tiles">${items.map(([name, value, kind]) => html`
        <div data-tone=${kind}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>`;
}

/* Tabs are the last part of the path. */

export function Tabs({ base, tabs, current }) {
    const box = useRef();

    useEffect(() => {
        const tab = box.current.querySelector('[aria-current]');

        box.current.scrollLeft = tab
            ? tab.offsetLeft - (box.current.clientWidth - tab.offsetWidth) / 2
            : 0;
    }, [current]);

    return html`<nav class="tabs" ref=${box} aria-label=${t('sections')}>${tabs.map(
        ([id, label, count]) => html`<a key=${id}
            href=${href(...base, ...(id ? [id] : []))}
            aria-current=${id === current ? 'page' : null}>${label}${
            count != null && html`<small>${count}</small>`}</a>`)}</nav>`;
}

export function Crumbs({ items }) {
    return html`<nav class="crumbs" aria-label=${t('breadcrumbs')}><ol>${
        items.map(([label, to]) => html`<li>${to
            ? html`<a href=${to}>${label}</a>` : label}</li>`)}</ol></nav>`;
}

export function Heading({ crumbs, title, status, facts, children }) {
    useEffect(() => {
        document.title = `${title} · kecs`;
    }, [title]);

    return html`<header class="heading">
        <${Crumbs} items=${crumbs} />
        <div class="line"><h1>${title}</h1>${status}
            <div class="actions">${children}</div></div>
        ${facts}</header>`;
}

export function Button({ icon, label, onClick, kind = '', keys, disabled }) {
    return html`<button type="button" class=${kind} onClick=${onClick}
        disabled=${disabled} title=${keys ? `${label}  [${keys}]` : null}>
        ${icon && html`<${Icon} name=${icon} />`}<span>${label}</span>
    </button>`;
}

export function Failure({ error, retry }) {
    return html`<div class="failure" role="alert">
        <strong>${error.name}</strong><p>${error.message}</p>
        ${retry && html`<${Button} icon="refresh" label=${t('retry')}
            onClick=${retry} />`}</div>`;
}

/* In place of one thing of a collection: not there (yet), or why not. */

export function Missing({ from, what, id }) {
    const error = from.state.value === 'ready'
        ? { name: what, message: t('notThere', id) } : from.error.value;

    return error && html`<${Failure} error=${error} />`;
}

/* What a collection shows while it is not there. */

export function Loaded({ from, children }) {
    const state = from.state.value;

    if (state === 'failed' && from.error.value) {
        return html`<${Failure} error=${from.error.value}
            retry=${from.load} />`;
    }

    return state === 'idle' || state === 'loading'
        ? html`<div class="loading" role="status"><i></i>${t('loading')}</div>`
        : children;
}

/* One answer for a view; asked anew when `keys` change. */

export function useAnswer(ask, keys) {
    const [state, set] = useState({ value: null, error: null });
    const [turn, again] = useState(0);

    useEffect(() => {
        let here = true;

        ask().then(value => here && set({ value, error: null }),
                   error => here && set({ value: null, error }));
        return () => (here = false);
    }, [...keys, turn]);

    return { ...state, again: () => again(n => n + 1) };
}

/* A choice that is kept in the address. */

export function Choice({ param, label, options }) {
    const value = query.value.get(param) ?? options[0][0];

    return html`<div class="choice" role="group" aria-label=${label}>${
        options.map(([id, text, count]) => html`<button type="button"
            aria-pressed=${id === value}
            onClick=${() => setQuery(
                { [param]: id === options[0][0] ? '' : id })}>${text}${
            count != null && html`<small>${count}</small>`}</button>`)}
    </div>`;
}

