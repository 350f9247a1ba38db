/*
 * A table of any length: only the rows in sight are in the document.  Sort
 * and filter are in the address (?sort=name, ?sort=-name, ?q=); j, k, Enter
 * and the like come from keys.js, which moves the focus among the rows'
 * first links.  Rows can be marked where there are actions on many: what is
 * marked and no longer shown does not count.
 */

import { useEffect, useLayoutEffect, useMemo, useRef, useState }
    from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { query, setQuery, go } from './router.js';
import { matcher } from './filter.js';
import { offerKeys, offerRows } from './keys.js';
import { Bulk, useMarks } from './marks.js';
import { Icon } from './icons.js';

const ROW = 34;
const SPARE = 12;

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b) {
    if (a === b) {
        return 0;
    }

    if (a == null || b == null) {
        return a == null ? -1 : 1;
    }

    return typeof a === 'number' && typeof b === 'number' ? a - b
        : collator.compare(a, b);
}

/* The rows that pass the filter, in order. */

export function arrange(rows, columns, filter, sort) {
    const match = matcher(filter);
    const key = sort.replace('-', '');
    const column = columns.find(c => c.key === key) ?? columns[0];
    const sign = sort.startsWith('-') ? -1 : 1;
    const text = row => columns.map(c => c.text?.(row) ?? c.value(row))
        .join(' ');
    const found = filter ? rows.filter(row => match(text(row))) : rows;
    const keyed = found.map(row => [column.value(row), row]);

    return keyed.sort(([a], [b]) => sign * compare(a, b))
        .map(([, row]) => row);
}

function Heading({ column, sort }) {
    const active = sort.replace('-', '') === column.key;
    const falling = sort.startsWith('-');
    const next = active && !falling ? `-${column.key}` : column.key;

    return html`<th scope="col" class=${column.class}
        aria-sort=${active ? falling ? 'descending' : 'ascending' : 'none'}>
        <button type="button" onClick=${() => setQuery({ sort: next })}>
            ${column.label}
            <span class="sort">${active
                && html`<${Icon} name=${falling ? 'down' : 'up'} />`}</span>
        </button></th>`;
}

function useWindow(count) {
    const ref = useRef();
    const [top, setTop] = useState(0);
    const [height, setHeight] = useState(800);

    useEffect(() => {
        const box = ref.current;
        const watcher = new ResizeObserver(
            () => setHeight(box.clientHeight));
        const scrolled = () => setTop(box.scrollTop);

        watcher.observe(box);
        box.addEventListener('scroll', scrolled, { passive: true });

        return () => {
            watcher.disconnect();
            box.removeEventListener('scroll', scrolled);
        };
    }, []);

    const first = Math.max(0, Math.floor(top / ROW) - SPARE);
    const last = Math.min(count, Math.ceil((top + height) / ROW) + SPARE);

    return { ref, first: Math.min(first, Math.max(0, last)), last };
}

/* The cursor follows the focus; moving it may take a row into sight first. */

function useCursor(shown, box, link, marks) {
    const wanted = useRef(-1);

    const focus = () => {
        const row = box.current?.querySelector(
            `tr[aria-rowindex="${wanted.current + 2}"]`);

        if (row) {
            wanted.current = -1;
            (row.querySelector('a') ?? row.querySelector('button, input')
                ?? row).focus({ preventScroll: true });
        }
    };

    useLayoutEffect(() => {
        if (wanted.current >= 0) {
            focus();
        }
    });

    const move = (index) => {
        const n = Math.max(0, Math.min(shown.length - 1, index));
        const head = 36;
        const el = box.current;

        if (n * ROW < el.scrollTop) {
            el.scrollTop = n * ROW;
        } else if ((n + 1) * ROW + head > el.scrollTop + el.clientHeight) {
            el.scrollTop = (n + 1) * ROW + head - el.clientHeight;
        }

        wanted.current = n;
        focus();
    };

    const current = () => {
        const row = document.activeElement?.closest?.('tr[aria-rowindex]');

        return row && box.current?.contains(row)
            ? Number(row.getAttribute('aria-rowindex')) - 2 : -1;
    };

    useLayoutEffect(() => offerRows({
        step: by => shown.length && move(current() + by),
        end: last => shown.length && move(last ? shown.length - 1 : 0),
        row: () => shown[current()],
        mark: () => {
            if (marks && current() >= 0) {
                marks.toggle(shown[current()]);
                move(current() + 1);
            }
        },
        all: () => marks?.all(),
        clear: () => marks?.clear(),
    }), [shown, link, marks]);
}

/* Letters act on what is marked, or else on the row of the cursor. */

function useActions(actions, chosen) {
    useLayoutEffect(() => offerKeys(Object.fromEntries(
        (actions ?? []).filter(a => a.key).map(a => [a.key, row => {
            const rows = chosen.length ? chosen : row ? [row] : [];

            if (rows.length === 1 || (rows.length && !a.single)) {
                a.run(rows);
            }
        }]))), [actions, chosen]);
}

export function FilterBox({ label, param = 'q', children }) {
    return html`<div class="filterbar">
        <label class="filter">
            <${Icon} name="search" />
            <input type="search" data-filter aria-label=${label}
                placeholder=${label} value=${query.value.get(param) ?? ''}
                onInput=${e => setQuery({ [param]: e.target.value })} />
            <kbd>/</kbd>
        </label>
        ${children}</div>`;
}

export function Table(props) {
    const { rows, columns, rowKey, link, label, sort: usual, empty,
            actions } = props;
    const sort = query.value.get('sort') ?? usual ?? columns[0].key;
    const filter = query.value.get('q') ?? '';
    const shown = useMemo(() => arrange(rows, columns, filter, sort),
                          [rows, columns, filter, sort]);
    const { ref, first, last } = useWindow(shown.length);
    const marks = useMarks(shown, rowKey);
    const marking = actions?.length > 0 && marks;
    const width = columns.length + (marking ? 1 : 0);

    useCursor(shown, ref, link, marking);
    useActions(actions, marks.chosen);

    const open = (e, row) => {
        if (link && !e.target.closest('a, button, input, label')
            && !getSelection().toString())
        {
            go(link(row).slice(1));
        }
    };

    const line = (row, i) => html`<tr key=${rowKey(row)}
        aria-rowindex=${first + i + 2} class=${link ? 'opens' : ''}
        aria-selected=${marking ? marks.has(row) : null}
        onClick=${e => open(e, row)}>
        ${marking && html`<td class="mark"><label><input type="checkbox"
            tabindex="-1" aria-label=${t('markRow', columns[0].value(row))}
            checked=${marks.has(row)} onClick=${e => marks.toggle(row,
                e.shiftKey)} /></label></td>`}
        ${columns.map((c, n) => {
            const cell = c.cell ? c.cell(row) : c.value(row) ?? '–';

            return html`<td class=${c.class} data-label=${c.label}>${
                n === 0 && link
                    ? html`<a href=${link(row)}>${cell}</a>` : cell}</td>`;
        })}</tr>`;

    return html`<div class="tablebox" ref=${ref} tabindex="0" role="region"
        aria-label=${label}>
        <table aria-rowcount=${shown.length + 1} aria-label=${label}>
            <thead><tr aria-rowindex="1">${marking && html`<th class="mark"
                scope="col"><label><input type="checkbox"
                    aria-label=${t('markAll')} disabled=${!shown.length}
                    checked=${marks.chosen.length > 0
                        && marks.chosen.length === shown.length}
                    onClick=${marks.all} /></label></th>`}${columns.map(c => html`
                <${Heading} key=${c.key} column=${c} sort=${sort} />`)}
            </tr></thead>
            <tbody>
                ${first > 0 && html`<tr key="above" class="spacer"
                    aria-hidden="true"><td colspan=${width}
                    style=${{ height: `${first * ROW}px` }}></td></tr>`}
                ${shown.slice(first, last).map(line)}
                ${last < shown.length && html`<tr key="below" class="spacer"
                    aria-hidden="true"><td colspan=${width}
                    style=${{ height: `${(shown.length - last) * ROW}px` }}>
                    </td></tr>`}
            </tbody>
        </table>
        ${shown.length === 0 && html`<div class="empty">${
            rows.length ? t('noMatch') : empty ?? t('nothing')}</div>`}
    </div>
    ${marks.chosen.length > 0 && html`<${Bulk} marks=${marks}
        actions=${actions} />`}`;
}
