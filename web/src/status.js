/*
 * The tone of a status word: ok, busy, warn, bad or idle.  Tones are colour
 * and shape, never colour alone.
 */

const TONES = {
    ok: ['ACTIVE', 'RUNNING', 'HEALTHY', 'COMPLETED', 'SUCCESSFUL', 'PRIMARY',
         'CONNECTED', 'UPDATE_COMPLETE', 'ATTACHED'],
    busy: ['PROVISIONING', 'PENDING', 'ACTIVATING', 'IN_PROGRESS',
           'REGISTERING', 'ROLLBACK_IN_PROGRESS', 'ROLLBACK_REQUESTED',
           'UPDATE_IN_PROGRESS', 'CREATING', 'DELETE_IN_PROGRESS',
           'STOP_REQUESTED'],
    warn: ['DRAINING', 'DEACTIVATING', 'STOPPING', 'DEPROVISIONING',
           'ROLLBACK_SUCCESSFUL', 'DEREGISTERING', 'DELETE_REQUESTED'],
    bad: ['FAILED', 'UNHEALTHY', 'ROLLBACK_FAILED', 'REGISTRATION_FAILED',
          'IMPAIRED', 'DISCONNECTED', 'DELETE_FAILED', 'UPDATE_FAILED'],
};

const toneOf = new Map(Object.entries(TONES)
    .flatMap(([tone, words]) => words.map(word => [word, tone])));

export function tone(status) {
    return toneOf.get(status) ?? 'idle';
}

/* A stopped task that did not end well, or that did. */

export function taskFailed(task) {
    return task.lastStatus === 'STOPPED'
        && (task.stopCode === 'TaskFailedToStart'
            || task.containers?.some(c => c.exitCode > 0
                && c.exitCode !== 143));
}
