/* Differences of two JSON values, line by line; pure. */

/* Text with the keys of objects in order, so that only values differ. */

export function ordered(value) {
    const sort = v => Array.isArray(v) ? v.map(sort)
        : v && typeof v === 'object'
            ? Object.fromEntries(Object.keys(v).sort()
                .map(key => [key, sort(v[key])]))
            : v;

    return JSON.stringify(sort(value), null, 2) ?? '';
}

/* Lengths of the longest common subsequence of all tails. */

function lengths(a, b) {
    const width = b.length + 1;
    const table = new Uint32Array((a.length + 1) * width);

    for (let i = a.length - 1; i >= 0; i--) {
        for (let j = b.length - 1; j >= 0; j--) {
            table[i * width + j] = a[i] === b[j]
                ? table[(i + 1) * width + j + 1] + 1
                : Math.max(table[(i + 1) * width + j],
                           table[i * width + j + 1]);
        }
    }

    return (i, j) => table[i * width + j];
}

/* ['same' | 'removed' | 'added', line] in order. */

function steps(a, b) {
    const longest = lengths(a, b);
    const out = [];
    let i = 0;
    let j = 0;

    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
            out.push(['same', a[i++]]);
            j++;
        } else if (j >= b.length
                   || (i < a.length && longest(i + 1, j)
                       >= longest(i, j + 1)))
        {
            out.push(['removed', a[i++]]);
        } else {
            out.push(['added', b[j++]]);
        }
    }

    return out;
}

/* Removed and added lines that stand together become pairs. */

function paired(removed, added) {
    const rows = [];

    for (let i = 0; i < Math.max(removed.length, added.length); i++) {
        rows.push({ left: removed[i], right: added[i],
                    kind: removed[i] === undefined ? 'added'
                        : added[i] === undefined ? 'removed'
                        : 'changed' });
    }

    return rows;
}

/* Rows for two columns: { left, right, kind }. */

export function sideBySide(left, right) {
    const rows = [];
    let removed = [];
    let added = [];

    const flush = () => {
        rows.push(...paired(removed, added));
        removed = [];
        added = [];
    };

    for (const [kind, line] of steps(left.split('\n'), right.split('\n'))) {
        if (kind === 'same') {
            flush();
            rows.push({ left: line, right: line, kind });
        } else {
            (kind === 'removed' ? removed : added).push(line);
        }
    }

    flush();

    return rows;
}

/* Only what changed, with some lines around; null stands for a gap. */

export function folded(rows, around = 3) {
    const near = rows.map((_, i) => rows.slice(Math.max(0, i - around),
        i + around + 1).some(r => r.kind !== 'same'));
    const out = [];

    rows.forEach((row, i) => {
        if (near[i]) {
            out.push(row);
        } else if (out.at(-1) !== null) {
            out.push(null);
        }
    });

    return out;
}
