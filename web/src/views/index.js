/* Which view shows an address. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { Clusters } from './clusters.js';
import { Cluster } from './cluster.js';
import { Service } from './service.js';
import { Instance } from './instance.js';
import { Task } from './task.js';
import { Definitions, Definition } from './definitions.js';
import { Events } from './events.js';

function Nowhere() {
    return html`<div class="empty"><h1>${t('nowhere')}</h1>
        <p><a href="#/">${t('clusters')}</a></p></div>`;
}

export function viewOf([place, name, part, id, tab]) {
    if (!place || (place === 'clusters' && !name)) {
        return [Clusters, {}];
    }

    if (place === 'clusters') {
        switch (id && part) {
        case 'services':
            return [Service, { cluster: name, name: id, tab: tab ?? '' }];
        case 'tasks':
            return [Task, { cluster: name, id, tab: tab ?? '' }];
        case 'instances':
            return [Instance, { cluster: name, id, tab: tab ?? '' }];
        default:
            return [Cluster, { name, tab: part ?? 'services' }];
        }
    }

    if (place === 'task-definitions') {
        return name ? [Definition, { family: name, revision: part ?? '' }]
            : [Definitions, {}];
    }

    return place === 'events' ? [Events, {}] : [Nowhere, {}];
}
