/* Tags, read only. */

import { html } from '../html.js';
import { t } from '../i18n.js';

export function TagList({ tags }) {
    return tags?.length
        ? html`<ul class="tags">${tags.map(x => html`<li><b>${x.key}</b>
              <span>${x.value}</span></li>`)}</ul>`
        : html`<p class="dim">${t('noTags')}</p>`;
}
