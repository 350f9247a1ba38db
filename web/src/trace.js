/* The life of a task as spans of time; pure. */

const ENDS = ['executionStoppedAt', 'stoppingAt', 'stoppedAt'];

/* What only events tell, see withHealth. */

const HEALTH = ['healthyAt', 'unhealthyAt'];

/* Phases that also a task has that stops before anything has begun. */

const AROUND = ['waiting', 'stopping'];

/* The first of these moments that the task has. */

const first = (task, ...names) =>
    names.map(n => task[n]).find(at => at != null);

/*
 * Spans in order: { key, from, to, open }.  An open one goes on; it ends
 * `now`.  A phase that was never reached is not there.
 */

export function spans(task, now) {
    const stopped = task.stoppedAt;
    const end = stopped ?? now;
    const stop = first(task, 'stoppingAt', 'executionStoppedAt',
                       'stoppedAt');
    const out = [];

    const add = (key, from, ...ends) => {
        if (from == null || (from >= stop && !AROUND.includes(key))) {
            return;
        }

        const to = ends.filter(at => at != null && at >= from)
            .reduce((a, b) => Math.min(a, b), Infinity);

        out.push({ key, from, to: to === Infinity ? end : to,
                   open: to === Infinity && stopped == null });
    };

    add('waiting', task.createdAt, task.pullStartedAt, task.startedAt, stop);
    add('pulling', task.pullStartedAt, task.pullStoppedAt, stop);

    add('starting', task.pullStoppedAt, task.startedAt, stop);

    if (first(task, ...HEALTH) != null) {
        add('health', task.startedAt, task.healthyAt, task.unhealthyAt,
            stop);
    }

    add('running', task.startedAt, task.executionStoppedAt, task.stoppingAt,
        stopped);

    const stopping = ENDS.map(n => task[n]).filter(at => at != null);

    if (stopping.length) {
        add('stopping', Math.min(...stopping), stopped);
    }

    return out;
}

/*
 * Moments in order: { key, at, about }.  `about`: to the second only, since
 * it is from an event.
 */

export function moments(task) {
    return ['createdAt', 'connectivityAt', 'pullStartedAt', 'pullStoppedAt',
            'startedAt', ...HEALTH, ...ENDS]
        .filter(key => task[key] != null)
        .map(key => ({ key, at: task[key], about: HEALTH.includes(key) }))
        .sort((a, b) => a.at - b.at);
}

/*
 * The task with healthyAt and unhealthyAt, of which only its events tell:
 * when it first came to be healthy, and when it was that no more.
 */

export function withHealth(task, events) {
    const first = (status, from) => {
        const event = events.find(e => e.detail?.healthStatus === status
            && Date.parse(e.time) / 1000 >= from);

        return event && Math.max(Date.parse(event.time) / 1000,
                                 task.startedAt ?? 0);
    };
    const healthyAt = first('HEALTHY', 0);

    return { ...task, healthyAt,
             unhealthyAt: first('UNHEALTHY', Math.floor(healthyAt ?? 0)) };
}

/* Round moments for an axis of about `count` ticks, from its start. */

export function ticks(length, count = 5) {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600,
                   1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800];
    const step = steps.find(s => length / s <= count) ?? length;

    return Array.from({ length: Math.floor(length / step) + 1 },
                      (_, i) => +(i * step).toFixed(3));
}

/* Why a task is where it is: a key of messages.js, or nothing to say. */

export function reason(task) {
    if (task.stopCode) {
        return `stop.${task.stopCode}`;
    }

    switch (task.lastStatus) {
    case 'PROVISIONING':
        return 'why.provisioning';
    case 'PENDING':
        return task.pullStartedAt == null
            ? task.containerInstanceArn ? 'why.placed' : 'why.unplaced'
            : task.pullStoppedAt == null ? 'why.pulling' : 'why.starting';
    case 'RUNNING':
        return task.desiredStatus === 'STOPPED' ? 'why.stopping' : null;
    case 'DEACTIVATING':
    case 'STOPPING':
    case 'DEPROVISIONING':
        return 'why.stopping';
    default:
        return null;
    }
}
