/* The revisions of a service, two of them side by side. */

import { html } from '../html.js';
import { t } from '../i18n.js';
import { query, setQuery } from '../router.js';
import { Failure, Loaded, Panel, When, useAnswer } from '../widgets.js';
import { definitionName, shortName } from '../arn.js';
import { editable } from '../definition.js';
import { definition, deployments, revisionArns, revisions } from '../resources.js';
import { useCollection } from '../store.js';
import { Compare } from './compare.js';

/* A revision together with what its task definition says. */

async function whole(revision) {
    const full = await definition(revision.taskDefinition);
    const { serviceRevisionArn, createdAt, ...rest } = revision;

    return { ...rest, definition: editable(full) };
}

function Difference({ older, newer }) {
    const { value, error } = useAnswer(
        () => Promise.all([whole(older), whole(newer)]),
        [older.serviceRevisionArn, newer.serviceRevisionArn]);

    if (error) {
        return html`<${Failure} error=${error} />`;
    }

    return value && html`<${Compare} left=${value[0]} right=${value[1]}
        names=${[older, newer].map(r => `${shortName(r.serviceRevisionArn)}`
            + ` · ${definitionName(r.taskDefinition)}`)} />`;
}

function Pick({ name, label, all, chosen }) {
    return html`<label class="pick">${label}
        <select onChange=${e => setQuery({ [name]: e.target.value })}>${
            all.map(r => {
                const id = shortName(r.serviceRevisionArn);

                return html`<option value=${id} selected=${r === chosen}>${
                    `${id} · ${definitionName(r.taskDefinition)}`}</option>`;
            })}</select></label>`;
}

function Known({ all }) {
    const find = (name, otherwise) => all.find(r =>
        shortName(r.serviceRevisionArn) === query.value.get(name))
        ?? all[otherwise] ?? all[0];
    const older = find('a', 1);
    const newer = find('b', 0);

    return html`<${Panel} title=${t('revisions')} class="wide"
        actions=${html`<${Pick} name="a" label=${t('from')} all=${all}
            chosen=${older} /><${Pick} name="b" label=${t('to')} all=${all}
            chosen=${newer} />`}>
        <ul class="list">${all.map(r => html`<li><span class="mono">${
            shortName(r.serviceRevisionArn)}</span>
            <b class="mono">${definitionName(r.taskDefinition)}</b>
            <span class="dim"><${When} at=${r.createdAt} /></span></li>`)}
        </ul></${Panel}>
        ${all.length > 1 && html`<${Panel} title=${t('difference')}
            class="wide"><${Difference} older=${older} newer=${newer} />
        </${Panel}>`}`;
}

export function Revisions({ cluster, service }) {
    const history = useCollection(deployments(cluster, service.serviceName));
    const arns = revisionArns(history.items.value, service);
    const { value, error } = useAnswer(() => revisions(arns),
                                       [arns.join()]);

    return html`<${Loaded} from=${history}><div class="panels" tabindex="0">
        ${error && html`<${Failure} error=${error} />`}
        ${value?.length > 0 && html`<${Known} all=${value} />`}
    </div></${Loaded}>`;
}
