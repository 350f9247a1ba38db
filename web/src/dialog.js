/*
 * Dialogs.  `ask` opens one that makes a call: its fields, the aws command
 * that is equal to it, and a button.  One is open at a time; the browser's
 * <dialog> keeps the focus in it and gives it back.
 */

import { signal } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { t } from './i18n.js';
import { call } from './api.js';
import { awsCommand } from './cli.js';
import { toast } from './toast.js';
import { Copy } from './widgets.js';
import { Icon } from './icons.js';

const open = signal(null);

/*
 * { title, text, items: names of what it is about,
 *   fields: [{ name, label, type, value, options, hint }],
 *   calls: values => [[operation, input], ...], button, danger,
 *   typed: what has to be typed, done: (answers, values) => note }
 */

export function ask(dialog) {
    open.value = dialog;
}

export function close() {
    open.value = null;
}

export function Modal({ label, onClose, children, class: name = '' }) {
    const ref = useRef();

    useLayoutEffect(() => {
        const dialog = ref.current;

        dialog.showModal();
        return () => dialog.close();
    }, []);

    return html`<dialog ref=${ref} class=${name} aria-label=${label}
        onCancel=${e => { e.preventDefault(); onClose(); }}
        onClick=${e => e.target === ref.current && onClose()}>
        ${children}</dialog>`;
}

function Input({ field, value, set, first }) {
    const common = {
        id: `field-${field.name}`,
        name: field.name,
        value,
        required: field.required,
        autofocus: first,
        onInput: e => set(e.target.value),
    };

    switch (field.type) {
    case 'select':
        return html`<select ...${common}>${field.options.map(
            ([v, text]) => html`<option value=${v}
                selected=${v === value}>${text}</option>`)}</select>`;
    case 'check':
        return html`<input type="checkbox" id=${common.id}
            name=${field.name} checked=${value} autofocus=${first}
            onChange=${e => set(e.target.checked)} />`;
    case 'text':
        return html`<textarea ...${common} spellcheck=${false}
            rows=${field.rows ?? 4}></textarea>`;
    default:
        return html`<input ...${common} type=${field.type ?? 'text'}
            min=${field.min} autocomplete="off" spellcheck=${false}
            list=${field.options && `list-${field.name}`} />
            ${field.options && html`<datalist id="list-${field.name}">${
                field.options.map(v => html`<option value=${v} />`)}
            </datalist>`}`;
    }
}

function Field({ field, value, set, first }) {
    return html`<div class="field ${field.type ?? ''}">
        <label for="field-${field.name}">${field.label}</label>
        <${Input} field=${field} value=${value} set=${set}
            first=${first} />
        ${field.hint && html`<small>${field.hint}</small>`}</div>`;
}

/* The calls of a form, or what is wrong with its values. */

function planned(dialog, values) {
    try {
        return [dialog.calls(values), null];
    } catch (e) {
        return [[], e];
    }
}

async function made([operation, input]) {
    const answer = await call(operation, input);

    if (answer.failures?.length) {
        throw new Error(answer.failures.map(f => [f.arn, f.reason,
            f.detail].filter(Boolean).join(' ')).join('\n'));
    }

    return answer;
}

/*
 * Some at a time; `done` are those that need not be made again, when one
 * fails and the reader tries once more.
 */

const AT_ONCE = 4;

async function run(calls, done, progress) {
    const left = calls.filter(c => !done.has(awsCommand(...c)));
    const work = async () => {
        for (let c; (c = left.shift()); ) {
            try {
                done.set(awsCommand(...c), await made(c));
                progress(done.size);
            } catch (e) {
                left.length = 0;
                throw e;
            }
        }
    };
    const ended = await Promise.allSettled(
        Array.from({ length: AT_ONCE }, work));
    const failed = ended.find(e => e.status === 'rejected');

    if (failed) {
        throw failed.reason;
    }

    return calls.map(c => done.get(awsCommand(...c)));
}

function Form({ dialog }) {
    const [values, setValues] = useState(Object.fromEntries(
        (dialog.fields ?? []).map(f => [f.name, f.value ?? ''])));
    const [typed, setTyped] = useState('');
    const [busy, setBusy] = useState(false);
    const [failed, setFailed] = useState(null);
    const [count, setCount] = useState(0);
    const done = useRef(new Map());
    const [calls, wrong] = planned(dialog, values);
    const ready = !busy && !wrong && calls.length > 0
        && (!dialog.typed || typed === dialog.typed);

    const submit = async e => {
        e.preventDefault();

        if (!ready) {
            return;
        }

        setBusy(true);
        setFailed(null);

        try {
            const note = dialog.done?.(
                await run(calls, done.current, setCount), values);

            close();
            toast(note ?? t('done'));
        } catch (error) {
            setFailed(error);
            setBusy(false);
        }
    };

    const bare = !dialog.fields && !dialog.typed;
    const command = calls.map(c => awsCommand(...c)).join('\n');

    return html`<form onSubmit=${submit}>
        <header><h2>${dialog.title}</h2>
            <button type="button" class="quiet" onClick=${close}
                aria-label=${t('close')}><${Icon} name="close" /></button>
        </header>
        <div class="inside">
            ${dialog.text && html`<p>${dialog.text}</p>`}
            ${dialog.items?.length > 1 && html`<ul class="chosen mono"
                tabindex="0" aria-label=${t('chosen')}>${dialog.items.map(
                    name => html`<li>${name}</li>`)}</ul>`}
            ${dialog.fields?.map((f, i) => html`<${Field} key=${f.name}
                field=${f} first=${i === 0} value=${values[f.name]}
                set=${v => setValues(all => ({ ...all, [f.name]: v }))} />`)}
            ${dialog.typed && html`<${Field} first=${!dialog.fields}
                field=${{ name: 'typed', label: t('typeName', dialog.typed) }}
                value=${typed} set=${setTyped} />`}
            ${(failed ?? wrong) && html`<div class="failure" role="alert">
                <strong>${(failed ?? wrong).name}</strong>
                <p>${(failed ?? wrong).message}</p></div>`}
            ${command && html`<div class="code command">
                <pre tabindex="0" aria-label=${t('command')}>${command}</pre>
                <${Copy} text=${command} label=${t('copyCommand')} /></div>`}
        </div>
        <footer>
            <button type="button" onClick=${close} autofocus=${bare
                && dialog.danger}>${t('cancel')}</button>
            <button type="submit" disabled=${!ready} autofocus=${bare
                && !dialog.danger}
                class=${dialog.danger ? 'danger' : 'primary'}>${
                busy ? calls.length > 1 ? `${count} / ${calls.length}`
                    : t('working') : dialog.button ?? dialog.title}</button>
        </footer></form>`;
}

export function Dialogs() {
    return open.value && html`<${Modal} key=${open.value.title}
        label=${open.value.title} onClose=${close}>
        <${Form} dialog=${open.value} /></${Modal}>`;
}
