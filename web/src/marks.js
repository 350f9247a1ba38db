/* Rows of a table that are marked, and what can be done with all of them. */

import { useMemo, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { Button } from './widgets.js';
import { Icon } from './icons.js';

export function useMarks(shown, rowKey) {
    const [keys, setKeys] = useState(() => new Set());
    const last = useRef(null);
    const chosen = useMemo(() => keys.size === 0 ? []
        : shown.filter(row => keys.has(rowKey(row))), [shown, keys]);

    return useMemo(() => {
        const toggle = (row, upTo) => {
            const at = shown.findIndex(r => rowKey(r) === last.current);
            const to = shown.indexOf(row);
            const some = upTo && at >= 0
                ? shown.slice(Math.min(at, to), Math.max(at, to) + 1) : [row];
            const on = !keys.has(rowKey(row));
            const next = new Set(keys);

            some.forEach(r => next[on ? 'add' : 'delete'](rowKey(r)));
            last.current = rowKey(row);
            setKeys(next);
        };

        const clear = () => {
            setKeys(new Set());
            return chosen.length > 0;
        };

        return {
            chosen,
            has: row => keys.has(rowKey(row)),
            toggle,
            clear,
            all: () => chosen.length === shown.length ? clear()
                : setKeys(new Set(shown.map(rowKey))),
        };
    }, [shown, keys, chosen]);
}

export function Bulk({ marks, actions }) {
    const { chosen, clear } = marks;

    return html`<div class="bulk" role="toolbar" aria-label=${t('marked',
            chosen.length)}>
        <span role="status">${t('marked', chosen.length)}</span>
        ${actions.filter(a => !a.single || chosen.length === 1).map(a => html`
            <${Button} icon=${a.icon} label=${a.label} keys=${a.key}
                kind=${a.danger ? 'danger-quiet' : ''}
                onClick=${() => a.run(chosen)} />`)}
        <button type="button" class="quiet" onClick=${clear}
            title="${t('unmark')}  [Esc]" aria-label=${t('unmark')}>
            <${Icon} name="close" /></button></div>`;
}
