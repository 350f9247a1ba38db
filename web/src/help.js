/* The keys, on '?'. */

import { signal } from '@preact/signals';
import { html } from './html.js';
import { t } from './i18n.js';
import { Modal } from './dialog.js';
import { Icon } from './icons.js';

const open = signal(false);

const KEYS = [
    [':', 'keyPalette'], ['/', 'keyFilter'], ['j k', 'keyMove'],
    ['g g / G', 'keyEnds'], ['Enter', 'keyOpen'], ['Esc', 'keyUp'],
    ['g c', 'clusters'], ['g d', 'definitions'], ['g e', 'events'],
    ['Space', 'keyMark'], ['a', 'keyMarkAll'], ['[ ]', 'keyTabs'],
    ['r', 'keyRun'], ['n', 'keyNew'], ['s', 'keyScale'], ['u', 'keyUpdate'],
    ['f', 'keyForce'], ['x', 'keyStop'], ['D', 'keyDelete'], ['T', 'keyTag'],
    ['?', 'help'],
];

export function showHelp() {
    open.value = true;
}

export function Help() {
    const close = () => (open.value = false);

    return open.value && html`<${Modal} label=${t('help')} onClose=${close}
        class="help">
        <header><h2>${t('keyboard')}</h2>
            <button type="button" class="quiet" onClick=${close}
                aria-label=${t('close')}><${Icon} name="close" /></button>
        </header>
        <dl class="inside keys">${KEYS.map(([keys, what]) => html`<div>
            <dt>${keys.split(' ').map(k =>
                k === '/' && keys !== '/' ? '/ ' : html`<kbd>${k}</kbd> `)}</dt>
            <dd>${t(what)}</dd></div>`)}</dl>
        <p class="inside dim">${t('filterHelp')}</p></${Modal}>`;
}
