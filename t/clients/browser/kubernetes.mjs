/*
 * The web UI on a real cluster, with kubectl as the judge: a rolling
 * deployment, a task whose image cannot be pulled, one without a place, and
 * what is done about them; see kit.mjs.  KECS_KUBECTL is the command, as
 * JSON.
 */

import { execFileSync } from 'node:child_process';
import { accessible, api, appears, at, button, confirm, dialog, is, ok, page,
         rows, run, shot, until } from './kit.mjs';

const command = JSON.parse(process.env.KECS_KUBECTL);
const panel = page.locator('.panel');
const callout = page.locator('.callout');
const SHELL = { entryPoint: ['sh', '-c'], stopTimeout: 2, memory: 32,
                image: 'kecs.test/busybox:1' };

function kubectl(...args) {
    return execFileSync(command[0], [...command.slice(1), ...args],
                        { encoding: 'utf8' });
}

const get = (...args) => JSON.parse(kubectl('get', '-o', 'json', ...args));
const podName = id => `ecs-${id}`;
const pods = (...args) => get('pods', ...args).items
    .filter(p => !p.metadata.deletionTimestamp);
const revisions = () => pods('-l', 'ecs/service=web')
    .map(p => p.metadata.labels['ecs/revision']).join(' ');

const define = (family, container) => api('RegisterTaskDefinition',
    { family, containerDefinitions: [{ name: 'app', ...SHELL,
                                       ...container }] });

async function start(taskDefinition, more = {}) {
    const { tasks } = await api('RunTask', { cluster: 'demo', taskDefinition,
                                             ...more });

    return tasks[0].taskArn.split('/').pop();
}

const taskOf = async id => (await api('DescribeTasks',
    { cluster: 'demo', tasks: [id] })).tasks[0];

async function prepared() {
    const sleep = 'trap "exit 0" TERM; sleep 600 & wait';

    await define('web', { command: [sleep] });
    await define('web', { command: [`: new; ${sleep}`] });
    await api('RegisterTaskDefinition', { family: 'far', cpu: '256',
        memory: '512', networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        containerDefinitions: [{ name: 'app', ...SHELL, command: [sleep] }] });
    await define('bad', { image: 'kecs.test/not-there:9' });
    await api('CreateService', { cluster: 'demo', serviceName: 'web',
        taskDefinition: 'web:1', desiredCount: 2 });
}

/* What the view says of a pod is what the cluster says. */

async function kubernetes() {
    await at('/clusters/demo/services/web');
    await appears(page.locator('.heading .meter'), '2/2', 'a service runs');
    await at('/clusters/demo/tasks');
    await rows.first().getByRole('link').first().click();
    await page.locator('.tabs').getByText('Kubernetes').click();
    await appears(panel, 'Running', 'a task has a pod that is Running');

    const name = await page.locator('.facts code').first().innerText();
    const pod = get('pod', name);
    const shown = await page.locator('.panels').innerText();

    for (const [what, value] of [
        ['its namespace', pod.metadata.namespace],
        ['its node', pod.spec.nodeName],
        ['its address', pod.status.podIP],
        ['the quality of its service', pod.status.qosClass],
        ['its manifest', `"uid": "${pod.metadata.uid}"`],
    ]) {
        ok(shown.includes(value), `${what} is that of kubectl`);
    }

    ok(!shown.includes('managedFields'), 'without managedFields');

    const events = get('events', '--field-selector',
                       `involvedObject.name=${name}`).items;

    ok(events.length > 2 && events.every(e => shown.includes(e.message)),
       'all its events are told');
    ok(shown.includes('kubelet'), 'and its node');
    await accessible(page, 'kubernetes');
}

/* A rolling deployment: both revisions, then the new one alone. */

async function deployment() {
    await at('/clusters/demo/services/web');
    await page.locator('.rollout').first().waitFor();
    await page.keyboard.press('u');
    await dialog.getByLabel('Task definition').fill('web:2');
    await confirm('Update');
    await appears(page.locator('.rollout'), 'web:2', 'a deployment begins');
    await appears(page.locator('.heading .summary'), 'COMPLETED',
                  'and comes to its end by itself');
    await until('the pods to be new', () => revisions() === '2 2');
    ok(true, 'kubectl: the pods are those of the new revision');
    await shot(page, 'deployed');
}

/* Its image cannot be pulled. */

async function failing() {
    await at('/clusters/demo');
    await button('Run task').click();
    await dialog.getByLabel('Task definition').fill('bad');
    await confirm('Run task');
    await at('/clusters/demo/tasks?show=all&q=family:bad');
    await rows.first().getByRole('link').first().click();
    await appears(callout, 'CannotPullContainerError',
                  'the trace of its life has the error of the pull');
    await accessible(page, 'failed pull');

    const id = (await page.locator('.summary code').first().innerText());

    await page.locator('.tabs').getByText('Kubernetes').click();
    await appears(panel, 'Failed to pull image',
                  'its events say why, the pod being there or not');

    const messages = get('events', '--field-selector',
        `involvedObject.name=${podName(id)}`).items.map(e => e.message);
    const shown = await page.locator('.panels').innerText();

    ok(messages.some(m => m.startsWith('Failed to pull image')
        && shown.includes(m)), 'in the words of kubectl');
    await until('the task to end', async () =>
        (await taskOf(id)).lastStatus === 'STOPPED');
    await appears(panel, 'The pod is gone', 'when the pod is gone');
    await appears(panel, 'Failed to pull image', 'its events are left');
    await accessible(page, 'events of a pod that is gone');
}

/* No node takes it; then one does, and the view follows. */

async function pending() {
    const nodes = get('nodes').items.map(n => n.metadata.name);

    kubectl('cordon', ...nodes);

    const id = await start('far', { launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration:
            { subnets: ['subnet-1'] } } });

    await at(`/clusters/demo/tasks/${id}/kubernetes`);
    await appears(callout, 'INSTANCE', 'why it has no place, as ECS says it');
    await appears(callout, 'unschedulable', 'and as Kubernetes does');
    await accessible(page, 'pending');
    kubectl('uncordon', ...nodes);
    await appears(panel, 'Running', 'with a place it runs, which is seen');
    await callout.waitFor({ state: 'detached' });
    ok(true, 'and it is pending no more');
    await page.keyboard.press('x');
    await dialog.getByLabel('Reason').fill('a test');
    await confirm('Stop');
    await appears(page.locator('.heading .status'), 'STOPPED',
                  'it is stopped here');
    await until('its pod to go', () =>
        !pods().some(p => p.metadata.name === podName(id)));
    ok(true, 'kubectl: its pod is gone');
}

/* What may not be read is named, and the rest is shown. */

async function refused() {
    const [{ metadata }] = pods('-l', 'ecs/service=web');
    const role = get('role', 'kecs');

    role.rules = role.rules.filter(r => !r.resources.includes('events'));
    kubectl('patch', 'role', 'kecs', '--type=merge', '-p',
            JSON.stringify({ rules: role.rules }));
    await at(`/clusters/demo/tasks/${metadata.name.slice(4)}/kubernetes`);

    const asOf = () => button('Read again').click();

    await until('the right to be gone', async () => {
        await asOf();
        return callout.filter({ hasText: 'Events cannot be read' }).count();
    });
    await appears(callout, 'is forbidden', 'without the right to events');
    await appears(panel, 'Running', 'the pod is shown');
    await accessible(page, 'events refused');
    kubectl('apply', '-f', 'k8s/rbac.yaml');
}

/* Acting: a forced deployment, a failing one, and back. */

async function acting() {
    const before = pods('-l', 'ecs/service=web').map(p => p.metadata.uid);

    await at('/clusters/demo/services/web');
    await page.locator('.rollout').first().waitFor();
    await page.keyboard.press('f');
    await confirm('Force new deployment');
    await until('other pods', () => {
        const now = pods('-l', 'ecs/service=web').map(p => p.metadata.uid);

        return now.length === 2 && !now.some(uid => before.includes(uid));
    });
    ok(true, 'kubectl: a forced deployment has new pods');
    await appears(page.locator('.heading .summary'), 'COMPLETED',
                  'and is complete');

    await page.keyboard.press('u');
    await dialog.getByLabel('Task definition').fill('bad');
    await dialog.getByLabel('Circuit breaker').uncheck();
    await confirm('Update');
    await appears(page.locator('.rollout .bad'), 'failed',
                  'a deployment that cannot start is seen to fail');
    await page.locator('.timeline').getByRole('button',
        { name: 'Roll back' }).first().click();
    await confirm('Roll back');
    await appears(page.locator('.timeline .status'), 'ROLLBACK_SUCCESSFUL',
                  'it is rolled back');
    await until('the pods to be those before', () => revisions() === '2 2');
    is(pods('-l', 'ecs/service=web').filter(
        p => p.status.phase === 'Running').length, 2,
       'kubectl: two pods run, of the revision before');
}

await run([prepared, kubernetes, deployment, failing, pending, refused,
           acting]);
