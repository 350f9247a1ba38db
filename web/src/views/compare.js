/* Two JSON values side by side. */

import { useMemo } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { query, setQuery } from '../router.js';
import { folded, ordered, sideBySide } from '../diff.js';

const MARK = { removed: ['−', ''], added: ['', '+'], changed: ['−', '+'],
               same: ['', ''] };

function Line({ row }) {
    return row === null
        ? html`<tr class="gap"><td colspan="4">⋯</td></tr>`
        : html`<tr class=${row.kind}>
              <td class="mark">${MARK[row.kind][0]}</td>
              <td class="left">${row.left}</td>
              <td class="mark">${MARK[row.kind][1]}</td>
              <td class="right">${row.right}</td></tr>`;
}

export function Compare({ left, right, names }) {
    const whole = query.value.get('whole') === '1';
    const rows = useMemo(() => sideBySide(ordered(left), ordered(right)),
                         [left, right]);
    const same = rows.every(r => r.kind === 'same');

    return html`<div class="compare">
        <label class="check"><input type="checkbox" checked=${whole}
            onChange=${e => setQuery(
                { whole: e.target.checked ? '1' : '' })} />
            ${t('unchangedLines')}</label>
        ${same && html`<p class="dim">${t('noDifference')}</p>`}
        <div class="scroll" tabindex="0" role="region"
            aria-label=${names.join(' – ')}><table>
            <colgroup><col class="marks" /><col /><col class="marks" /><col />
            </colgroup>
            <thead><tr><th colspan="2" scope="col">${names[0]}</th>
                <th colspan="2" scope="col">${names[1]}</th></tr></thead>
            <tbody>${(whole ? rows : folded(rows)).map((row, i) => html`
                <${Line} key=${i} row=${row} />`)}</tbody>
        </table></div></div>`;
}
