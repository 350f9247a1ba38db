/* The frame: top bar, navigation, the view of the address. */

import { useEffect } from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { path, pathKey } from './router.js';
import { cycle, language, theme, LANGUAGES, THEMES } from './prefs.js';
import { connection, restart } from './live.js';
import { account, region, shown } from './scope.js';
import { ask, Dialogs } from './dialog.js';
import { Toasts } from './toast.js';
import { Palette, open as paletteOpen } from './palette.js';
import { Help, showHelp } from './help.js';
import { Icon } from './icons.js';
import { viewOf } from './views/index.js';

const PLACES = [
    ['clusters', '#/', 'clusters'],
    ['definitions', '#/task-definitions', 'task-definitions'],
    ['events', '#/events', 'events'],
];

function chooseScope() {
    ask({
        title: t('scope'),
        text: t('scopeText'),
        button: t('use'),
        fields: [
            { name: 'account', label: t('account'), value: account.value,
              hint: t('scopeAccountHint') },
            { name: 'region', label: t('region'), value: region.value },
        ],
        calls: v => {
            if (v.account && !/^\d{12}$/.test(v.account)) {
                throw new Error(t('accountWrong'));
            }

            return [['ListClusters', { maxResults: 1 }]];
        },
        done: (_, v) => {
            account.value = v.account;
            region.value = v.region;
            restart();
        },
    });
}

function Connection() {
    return html`<span class="connection" data-state=${connection.value}
        role="status" title=${t(`${connection.value}Title`)}>
        <i aria-hidden="true"></i><span>${t(connection.value)}</span></span>`;
}

function TopBar() {
    const { account: a, region: r } = shown.value;

    return html`<header class="topbar">
        <a class="brand" href="#/" aria-label="kecs"><img src="icon.svg"
            alt="" width="22" height="22" />kecs</a>
        <button type="button" class="searchbox"
            onClick=${() => (paletteOpen.value = true)}>
            <${Icon} name="search" /><span>${t('search')}</span>
            <kbd>:</kbd></button>
        <${Connection} />
        <button type="button" class="quiet scope" onClick=${chooseScope}
            title=${t('scope')}><span>${r || t('region')}</span>
            <small>${a}</small></button>
        <button type="button" class="quiet"
            onClick=${() => cycle(language, LANGUAGES)}
            title=${t('nextLanguage')} aria-label=${t('nextLanguage')}>
            <${Icon} name="globe" /></button>
        <button type="button" class="quiet"
            onClick=${() => cycle(theme, THEMES)}
            title=${`${t('nextTheme')}: ${t(theme.value)}`}
            aria-label=${`${t('nextTheme')}: ${t(theme.value)}`}>
            <${Icon} name="theme" /></button>
        <button type="button" class="quiet" onClick=${showHelp}
            title="${t('help')} [?]" aria-label=${t('help')}>
            <${Icon} name="help" /></button>
    </header>`;
}

function Navigation() {
    const here = path.value[0] ?? 'clusters';

    return html`<nav class="places" aria-label=${t('navigation')}>${
        PLACES.map(([key, to, part]) => html`<a href=${to}
            aria-current=${here === part ? 'page' : null}>
            <${Icon} name=${key} /><span>${t(key)}</span></a>`)}</nav>`;
}

/* Keeps a mistake of one view from taking the frame with it. */

function useFocusOnChange() {
    useEffect(() => {
        const main = document.querySelector('main');

        if (document.activeElement === document.body) {
            main.focus({ preventScroll: true });
        }
    }, [pathKey.value]);
}

export function App() {
    const [View, props] = viewOf(path.value);

    useFocusOnChange();

    return html`<a class="skip" href="#main" onClick=${e => {
            e.preventDefault();
            document.querySelector('main').focus();
        }}>${t('skip')}</a>
        <${TopBar} />
        <${Navigation} />
        <main id="main" tabindex="-1" key=${language.value}>
            <${View} key=${JSON.stringify(props)} ...${props} /></main>
        <${Palette} /><${Help} /><${Dialogs} /><${Toasts} />`;
}
