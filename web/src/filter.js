/*
 * The filter of tables, as in k9s: words that must all be in a row, !word
 * that must not, /pattern/ a regular expression.  Pure.
 */

function test(word) {
    if (word.startsWith('!') && word.length > 1) {
        const f = test(word.slice(1));

        return text => !f(text);
    }

    if (word.length > 2 && word.startsWith('/') && word.endsWith('/')) {
        try {
            const pattern = new RegExp(word.slice(1, -1), 'i');

            return text => pattern.test(text);
        } catch {
            return () => false;
        }
    }

    const lower = word.toLowerCase();

    return text => text.toLowerCase().includes(lower);
}

export function matcher(filter) {
    const tests = (filter ?? '').split(/\s+/).filter(Boolean).map(test);

    return text => tests.every(f => f(text));
}

/* How well a text fits what was typed: higher is better, 0 not at all. */

export function score(typed, text) {
    const needle = typed.toLowerCase();
    const hay = text.toLowerCase();
    const at = hay.indexOf(needle);

    if (at !== -1) {
        return 1000 - at - hay.length / 100
            + (at === 0 || /[\W_]/.test(hay[at - 1]) ? 500 : 0);
    }

    let position = -1;
    let gaps = 0;

    for (const c of needle) {
        const next = hay.indexOf(c, position + 1);

        if (next === -1) {
            return 0;
        }

        gaps += next - position - 1;
        position = next;
    }

    return Math.max(1, 400 - gaps * 4);
}
