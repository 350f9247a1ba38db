/* Families of task definitions, their revisions, differences and JSON. */

import { useLayoutEffect } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n.js';
import { go, href, query, setQuery } from '../router.js';
import { offerKeys } from '../keys.js';
import { FilterBox, Table } from '../table.js';
import { Button, Copy, Facts, Failure, Heading, Json, Loaded, Panel, Status,
         When, useAnswer } from '../widgets.js';
import { pages } from '../api.js';
import { definitionName } from '../arn.js';
import { editable } from '../definition.js';
import { cpu, memory } from '../format.js';
import { definition, families } from '../resources.js';
import { useCollection } from '../store.js';
import { deregisterDefinition, editTags, registerDefinition, runTask }
    from '../actions.js';
import { Compare } from './compare.js';
import { TagList } from './tags.js';

export function Definitions() {
    const all = useCollection(families);

    useLayoutEffect(() => offerKeys({ n: () => registerDefinition() }), []);

    return html`<${Heading} title=${t('definitions')} crumbs=${[]}>
            <${Button} icon="plus" kind="primary" keys="n"
                label=${t('registerDefinition')}
                onClick=${() => registerDefinition()} /></${Heading}>
        <${Loaded} from=${all}>
            <${FilterBox} label=${t('filter')} />
            <${Table} rows=${all.items.value} label=${t('definitions')}
                columns=${[{ key: 'family', label: t('family'),
                             value: f => f.family }]}
                rowKey=${f => f.family} empty=${t('noDefinitions')}
                link=${f => href('task-definitions', f.family)} />
        </${Loaded}>`;
}

function Containers({ list }) {
    return list.map(c => html`<${Panel} title=${c.name}><${Facts} items=${[
        [t('image'), html`<code>${c.image}</code>`],
        [t('essential'), t(c.essential === false ? 'no' : 'yes')],
        [t('cpu'), cpu(c.cpu)],
        [t('memory'), memory(c.memory ?? c.memoryReservation)],
        [t('ports'), c.portMappings?.map(p => `${p.containerPort}/${
            p.protocol ?? 'tcp'}`).join(', ')],
        [t('command'), c.command?.length > 0
            && html`<code>${c.command.join(' ')}</code>`],
        [t('environment'), c.environment?.length > 0
            && html`<code>${c.environment.map(e => e.name).join(', ')}
            </code>`],
    ]} /></${Panel}>`);
}

function Difference({ family, one, other }) {
    const { value, error } = useAnswer(() => Promise.all([other, one].map(
        r => definition(`${family}:${r}`))), [family, one, other]);

    return error ? html`<${Failure} error=${error} />`
        : value && html`<${Compare} left=${editable(value[0])}
              right=${editable(value[1])}
              names=${[`${family}:${other}`, `${family}:${one}`]} />`;
}

function Revisions({ family, all, shown }) {
    const other = query.value.get('compare');

    return html`<${Panel} title=${t('revisions')}>
        <ul class="list revisions">${all.map(r => html`<li key=${r}
            class=${r === shown ? 'current' : ''}>
            <a class="mono" aria-current=${r === shown ? 'true' : null}
                href=${href('task-definitions', family, r)}>${family}:${r}
            </a>
            ${r !== shown && html`<button type="button" class="quiet"
                aria-pressed=${r === other}
                title=${t('compareWith', `${family}:${r}`)}
                aria-label=${t('compareWith', `${family}:${r}`)}
                onClick=${() => setQuery({ compare: r === other ? '' : r })}
                >${t('compare')}</button>`}</li>`)}</ul></${Panel}>`;
}

function Shown({ family, all, full, again }) {
    const shown = String(full.revision);
    const other = query.value.get('compare');

    return html`<div class="panels" tabindex="0">
        <${Panel} title=${t('definition')} actions=${html`<${Status}
            value=${full.status} />`}><${Facts} items=${[
            [t('arn'), html`<code>${full.taskDefinitionArn}</code>
                <${Copy} text=${full.taskDefinitionArn} />`],
            [t('registered', ''), html`<${When}
                at=${full.registeredAt} />`],
            [t('networkMode'), full.networkMode],
            [t('compatibilities'), full.compatibilities?.join(', ')],
            [t('cpu'), cpu(full.cpu)], [t('memory'), memory(full.memory)],
            [t('taskRole'), full.taskRoleArn],
        ]} /></${Panel}>
        <${Revisions} family=${family} all=${all} shown=${shown} />
        ${other && html`<${Panel} title=${t('difference')} class="wide">
            <${Difference} family=${family} one=${shown} other=${other} />
            </${Panel}>`}
        <${Containers} list=${full.containerDefinitions} />
        <${Panel} title=${t('tags')} actions=${html`<${Button} icon="tag"
            label=${t('editTags')} onClick=${() => editTags(
                full.taskDefinitionArn, full.tags, again)} />`}>
            <${TagList} tags=${full.tags} /></${Panel}>
        <${Panel} title="JSON" class="wide"><${Json}
            value=${editable(full)} /></${Panel}></div>`;
}

async function load(family, revision) {
    const arns = await pages('ListTaskDefinitions', 'taskDefinitionArns',
                             { familyPrefix: family, sort: 'DESC' });
    const all = arns.map(arn => definitionName(arn))
        .filter(name => name.split(':')[0] === family)
        .map(name => name.split(':')[1]);
    const full = await definition(revision ? `${family}:${revision}`
                                           : family);

    return { all, full };
}

export function Definition({ family, revision }) {
    const { value, error, again } = useAnswer(() => load(family, revision),
        [family, revision, families.byId.value]);
    const name = value && `${family}:${value.full.revision}`;
    const copy = () => registerDefinition(editable(value.full));
    const drop = () => deregisterDefinition(name,
        () => go(href('task-definitions', family).slice(1)));

    useLayoutEffect(() => value && offerKeys({
        r: () => runTask('', name), n: copy, D: drop,
    }), [value]);

    if (!value) {
        return error && html`<${Failure} error=${error} retry=${again} />`;
    }

    return html`<${Heading} title=${name} crumbs=${[
                [t('definitions'), '#/task-definitions']]}
            status=${html`<${Status} value=${value.full.status} />`}>
            <${Button} icon="edit" label=${t('newRevision')} keys="n"
                kind="primary" onClick=${copy} />
            <${Button} icon="play" label=${t('runTask')} keys="r"
                onClick=${() => runTask('', name)} />
            <${Button} icon="trash" label=${t('deregister')} keys="D"
                kind="danger-quiet" onClick=${drop} /></${Heading}>
        <${Shown} family=${family} all=${value.all} full=${value.full}
            again=${again} />`;
}
