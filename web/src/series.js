/*
 * What tasks tell over time: how many ran and waited, what began and ended,
 * how long starting took.  Pure, from the times that the API gives; a moment
 * of which nothing is known is null.
 */

import { taskFailed } from './status.js';

export const RANGES = { '15m': 900, '1h': 3600, '6h': 21600, '1d': 86400,
                        '7d': 604800 };

/* When a task ceased to run; nothing while it does. */

export const ended = task =>
    task.stoppingAt ?? task.executionStoppedAt ?? task.stoppedAt;

/* [moment, change] of a number, summed up at the moments x. */

function summed(changes, x) {
    const sorted = changes.sort(([a], [b]) => a - b);
    let at = 0;
    let value = 0;

    return x.map(moment => {
        while (at < sorted.length && sorted[at][0] <= moment) {
            value += sorted[at++][1];
        }

        return value;
    });
}

/* The value that was last told, at the moments x. */

function lastTold(told, x) {
    let at = -1;

    return x.map(moment => {
        while (at + 1 < told.length && told[at + 1][0] <= moment) {
            at++;
        }

        return at < 0 ? null : told[at][1];
    });
}

/*
 * [x, running, pending, desired], a value at each change; `told` are pairs of
 * moment and desired count, in order.
 */

export function counts(tasks, told, from, to) {
    const running = [];
    const pending = [];

    for (const task of tasks) {
        const end = ended(task);

        pending.push([task.createdAt, 1]);

        if (task.startedAt != null) {
            pending.push([task.startedAt, -1]);
            running.push([task.startedAt, 1]);
        } else if (end != null) {
            pending.push([end, -1]);
        }

        if (task.startedAt != null && end != null) {
            running.push([Math.max(end, task.startedAt), -1]);
        }
    }

    const moments = [...running, ...pending, ...told].map(([at]) => at)
        .filter(at => at > from && at < to);
    const x = [...new Set([from, ...moments, to])].sort((a, b) => a - b);

    return [x, summed(running, x), summed(pending, x), lastTold(told, x)];
}

const STEPS = [5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21600];

/* [x, started, stopped, failed]: how many in each interval. */

export function starts(tasks, from, to) {
    const step = STEPS.find(s => (to - from) / s <= 90) ?? STEPS.at(-1);
    const first = Math.floor(from / step) * step;
    const n = Math.floor((to - first) / step) + 1;
    const rows = Array.from({ length: 3 }, () => new Array(n).fill(0));

    const add = (row, at) => {
        if (at != null && at >= first && at <= to) {
            rows[row][Math.floor((at - first) / step)]++;
        }
    };

    for (const task of tasks) {
        add(0, task.startedAt);
        add(taskFailed(task) ? 2 : 1, ended(task));
    }

    return [Array.from({ length: n }, (_, i) => first + (i + .5) * step),
            ...rows];
}

/* [x, seconds from creation to start, seconds of the pull] of each task. */

export function startTimes(tasks, from, to) {
    const found = tasks.filter(
        task => task.startedAt >= from && task.startedAt <= to)
        .sort((a, b) => a.startedAt - b.startedAt);

    return [
        found.map(task => task.startedAt),
        found.map(task => task.startedAt - task.createdAt),
        found.map(task => task.pullStoppedAt != null
            && task.pullStartedAt != null
            ? task.pullStoppedAt - task.pullStartedAt : null),
    ];
}

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;

    return sorted.length === 0 ? null : sorted.length % 2
        ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
