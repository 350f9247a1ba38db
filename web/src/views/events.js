/* The stream of events of the whole account and region. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { Heading } from '../widgets.js';
import { EventLog } from './eventlog.js';

export function Events() {
    return html`<${Heading} title=${t('events')} crumbs=${[]} />
        <${EventLog} />`;
}
