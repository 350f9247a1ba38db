/* What can be done, each as a dialog that shows the equal aws command. */

import { ask } from './dialog.js';
import { t } from './i18n.js';
import { go, href } from './router.js';
import { definitionName, familyOf, shortName } from './arn.js';
import { hostName } from './host.js';
import { clusters, families, instances, services, tasks }
    from './resources.js';

const familyNames = () => families.items.value.map(f => f.family);

/* Tags as lines "key=value". */

const tagText = tags => (tags ?? []).map(x => `${x.key}=${x.value ?? ''}`)
    .join('\n');

function tagsOf(text) {
    return text.split('\n').map(line => line.trim()).filter(Boolean)
        .map(line => {
            const at = line.indexOf('=');

            return at === -1 ? { key: line, value: '' }
                : { key: line.slice(0, at).trim(),
                    value: line.slice(at + 1).trim() };
        });
}

export function createCluster() {
    ask({
        title: t('createCluster'),
        fields: [{ name: 'name', label: t('name'), required: true }],
        calls: v => v.name
            ? [['CreateCluster', { clusterName: v.name }]] : [],
        done: ([{ cluster }]) => {
            clusters.touch(cluster.clusterArn);
            go(href('clusters', cluster.clusterName).slice(1));
        },
    });
}

export function deleteCluster(name) {
    ask({
        title: t('deleteCluster', name),
        text: t('deleteClusterText'),
        danger: true,
        typed: name,
        button: t('delete'),
        calls: () => [['DeleteCluster', { cluster: name }]],
        done: ([{ cluster }]) => {
            clusters.touch(cluster.clusterArn);
            go('/');
        },
    });
}

export function runTask(cluster, definition = '') {
    const names = clusters.items.value.map(c => c.clusterName);

    families.load();
    ask({
        title: t('runTask'),
        fields: [
            { name: 'cluster', label: t('cluster'),
              value: cluster || names[0],
              options: names },
            { name: 'definition', label: t('definition'), value: definition,
              hint: t('definitionHint'), options: familyNames() },
            { name: 'count', label: t('count'), type: 'number', min: 1,
              value: '1' },
            { name: 'startedBy', label: t('startedBy') },
            { name: 'container', label: t('overrideContainer') },
            { name: 'command', label: t('overrideCommand'),
              hint: t('overrideHint') },
        ],
        calls: v => v.definition && v.cluster ? [['RunTask', {
            cluster: v.cluster,
            taskDefinition: v.definition,
            count: Number(v.count),
            startedBy: v.startedBy || undefined,
            overrides: v.container ? { containerOverrides: [{
                name: v.container,
                command: v.command ? JSON.parse(v.command) : undefined,
            }] } : undefined,
        }]] : [],
        done: ([answer], v) => {
            const started = answer.tasks.map(x => x.taskArn);

            started.forEach(tasks(v.cluster).touch);

            if (started.length === 1) {
                go(href('clusters', v.cluster, 'tasks',
                        shortName(started[0])).slice(1));
            }

            return t('tasksStarted', started.length);
        },
    });
}

/* One by its name, several by their number. */

const titled = (one, several, names) => names.length === 1
    ? t(one, names[0]) : t(several, names.length);

export function stopTasks(cluster, chosen) {
    const arns = chosen.map(x => x.taskArn);

    ask({
        title: titled('stopTask', 'stopTasks',
                      arns.map(arn => shortName(arn).slice(0, 8))),
        items: chosen.map(x => `${shortName(x.taskArn)}  ${x.group}`),
        danger: true,
        button: t('stop'),
        fields: [{ name: 'reason', label: t('reason') }],
        calls: v => arns.map(arn => ['StopTask', {
            cluster, task: shortName(arn), reason: v.reason || undefined,
        }]),
        done: () => arns.forEach(tasks(cluster).touch),
    });
}

export function createService(cluster) {
    families.load();
    ask({
        title: t('createService'),
        fields: [
            { name: 'name', label: t('name'), required: true },
            { name: 'definition', label: t('definition'),
              hint: t('definitionHint'), options: familyNames() },
            { name: 'count', label: t('desired'), type: 'number', min: 0,
              value: '1' },
            { name: 'breaker', label: t('circuitBreaker'), type: 'check',
              value: true },
        ],
        calls: v => v.name && v.definition ? [['CreateService', {
            cluster,
            serviceName: v.name,
            taskDefinition: v.definition,
            desiredCount: Number(v.count),
            deploymentConfiguration: v.breaker ? breaker(true) : undefined,
        }]] : [],
        done: ([{ service }]) => {
            services(cluster).touch(service.serviceArn);
            go(href('clusters', cluster, 'services',
                    service.serviceName).slice(1));
        },
    });
}

const breaker = on => ({
    deploymentCircuitBreaker: { enable: on, rollback: on },
});

const touched = (cluster, ...list) => () => list.forEach(
    s => services(cluster).touch(s.serviceArn));

const namesOf = list => list.map(s => s.serviceName);

export function scaleServices(cluster, list) {
    const names = namesOf(list);

    ask({
        title: titled('scaleService', 'scaleServices', names),
        items: names,
        button: t('scale'),
        fields: [{ name: 'count', label: t('desired'), type: 'number',
                   min: 0, value: String(list[0].desiredCount) }],
        calls: v => v.count === '' ? [] : names.map(service => [
            'UpdateService', { cluster, service,
                               desiredCount: Number(v.count) }]),
        done: touched(cluster, ...list),
    });
}

export function updateService(cluster, s) {
    const config = s.deploymentConfiguration ?? {};
    const on = !!config.deploymentCircuitBreaker?.enable;

    ask({
        title: t('updateService', s.serviceName),
        button: t('update'),
        fields: [
            { name: 'definition', label: t('definition'),
              value: definitionName(s.taskDefinition),
              hint: t('definitionHint'),
              options: [familyOf(s.taskDefinition)] },
            { name: 'count', label: t('desired'), type: 'number', min: 0,
              value: String(s.desiredCount) },
            { name: 'minimum', label: t('minimumHealthy'), type: 'number',
              min: 0, value: String(config.minimumHealthyPercent ?? 100) },
            { name: 'maximum', label: t('maximumPercent'), type: 'number',
              min: 0, value: String(config.maximumPercent ?? 200) },
            { name: 'breaker', label: t('circuitBreaker'), type: 'check',
              value: on },
            { name: 'force', label: t('forceDeployment'), type: 'check',
              value: false },
        ],
        calls: v => [['UpdateService', {
            cluster,
            service: s.serviceName,
            taskDefinition: v.definition
                === definitionName(s.taskDefinition)
                ? undefined : v.definition,
            desiredCount: Number(v.count) === s.desiredCount
                ? undefined : Number(v.count),
            deploymentConfiguration: changedConfig(v, config, on),
            forceNewDeployment: v.force || undefined,
        }]],
        done: touched(cluster, s),
    });
}

function changedConfig(v, config, on) {
    const minimum = Number(v.minimum);
    const maximum = Number(v.maximum);

    if (minimum === (config.minimumHealthyPercent ?? 100)
        && maximum === (config.maximumPercent ?? 200) && v.breaker === on)
    {
        return undefined;
    }

    return { minimumHealthyPercent: minimum, maximumPercent: maximum,
             ...breaker(v.breaker) };
}

export function forceDeployments(cluster, list) {
    const names = namesOf(list);

    ask({
        title: titled('forceService', 'forceServices', names),
        text: t('forceText'),
        items: names,
        button: t('forceDeployment'),
        calls: () => names.map(service => ['UpdateService', { cluster,
            service, forceNewDeployment: true }]),
        done: touched(cluster, ...list),
    });
}

/* Back to what ran before: the deployment under way, or another revision. */

export function rollbackDeployment(cluster, s, deployment) {
    ask({
        title: t('rollbackService', s.serviceName),
        text: t('rollbackText'),
        danger: true,
        button: t('rollback'),
        calls: () => [['StopServiceDeployment', {
            serviceDeploymentArn: deployment.serviceDeploymentArn,
            stopType: 'ROLLBACK',
        }]],
        done: touched(cluster, s),
    });
}

/* What waits at a PAUSE hook goes on, or back. */

export function continueDeployment(cluster, s, deployment, hook, action) {
    const back = action === 'ROLLBACK';

    ask({
        title: t(back ? 'rollbackService' : 'continueService',
                 s.serviceName),
        text: t(back ? 'rollbackText' : 'continueText',
                deployment.lifecycleStage),
        danger: back,
        button: t(back ? 'rollback' : 'continue'),
        calls: () => [['ContinueServiceDeployment', {
            serviceDeploymentArn: deployment.serviceDeploymentArn,
            hookId: hook.hookId,
            action,
        }]],
        done: touched(cluster, s),
    });
}

export function deployDefinition(cluster, s, definition) {
    ask({
        title: t('deployDefinition', definitionName(definition)),
        text: t('deployDefinitionText', s.serviceName),
        button: t('deploy'),
        calls: () => [['UpdateService', { cluster, service: s.serviceName,
            taskDefinition: definitionName(definition) }]],
        done: touched(cluster, s),
    });
}

export function deleteServices(cluster, list) {
    const names = namesOf(list);

    ask({
        title: titled('deleteService', 'deleteServices', names),
        text: t('deleteServiceText',
                list.reduce((n, s) => n + s.runningCount, 0)),
        items: names,
        danger: true,
        typed: names.length === 1 ? names[0] : String(names.length),
        button: t('delete'),
        calls: () => names.map(service => ['DeleteService', { cluster,
            service, force: true }]),
        done: () => {
            touched(cluster, ...list)();
            go(href('clusters', cluster, 'services').slice(1));
        },
    });
}

/* Adds, changes and removes what the edited lines differ in. */

export function editTags(arn, tags, after) {
    const before = new Map((tags ?? []).map(x => [x.key, x.value]));

    ask({
        title: t('editTags'),
        button: t('save'),
        fields: [{ name: 'tags', label: t('tags'), type: 'text', rows: 6,
                   value: tagText(tags), hint: t('tagsHint') }],
        calls: v => {
            const wanted = tagsOf(v.tags);
            const keys = new Set(wanted.map(x => x.key));
            const add = wanted.filter(x => before.get(x.key) !== x.value);
            const drop = [...before.keys()].filter(k => !keys.has(k));

            return [
                add.length && ['TagResource', { resourceArn: arn,
                                                tags: add }],
                drop.length && ['UntagResource', { resourceArn: arn,
                                                   tagKeys: drop }],
            ].filter(Boolean);
        },
        done: () => after?.(),
    });
}

/* UpdateContainerInstancesState takes ten at a time. */

const tens = list => Array.from({ length: Math.ceil(list.length / 10) },
    (_, i) => list.slice(10 * i, 10 * i + 10));

export function setInstanceStates(cluster, chosen, status) {
    const drain = status === 'DRAINING';
    const arns = chosen.map(i => i.containerInstanceArn);
    const names = chosen.map(hostName);

    ask({
        title: drain ? titled('drainInstance', 'drainInstances', names)
            : titled('activateInstance', 'activateInstances', names),
        items: chosen.map(i => `${hostName(i)}  ${
            shortName(i.containerInstanceArn)}`),
        text: t(drain ? 'drainText' : 'activateText'),
        button: t(drain ? 'drain' : 'activate'),
        danger: drain,
        calls: () => tens(arns).map(some => ['UpdateContainerInstancesState',
            { cluster, containerInstances: some.map(shortName), status }]),
        done: () => arns.forEach(instances(cluster).touch),
    });
}

export function deregisterInstance(cluster, i) {
    ask({
        title: t('deregisterInstance', hostName(i)),
        text: t('deregisterInstanceText', i.runningTasksCount),
        danger: true,
        typed: hostName(i),
        button: t('deregister'),
        calls: () => [['DeregisterContainerInstance', { cluster,
            containerInstance: shortName(i.containerInstanceArn),
            force: i.runningTasksCount > 0 || undefined }]],
        done: () => {
            instances(cluster).touch(i.containerInstanceArn);
            go(href('clusters', cluster, 'instances').slice(1));
        },
    });
}

/* A new revision, from an edited copy. */

export function registerDefinition(copy) {
    ask({
        title: t('registerDefinition'),
        button: t('register'),
        fields: [{ name: 'json', label: t('definitionJson'), type: 'text',
                   rows: 18, value: JSON.stringify(copy ?? EXAMPLE, null, 2),
        }],
        calls: v => [['RegisterTaskDefinition', JSON.parse(v.json)]],
        done: ([{ taskDefinition: d }]) => {
            families.load();
            go(href('task-definitions', d.family,
                    String(d.revision)).slice(1));
            return t('registered', `${d.family}:${d.revision}`);
        },
    });
}

const EXAMPLE = {
    family: 'web',
    containerDefinitions: [{
        name: 'web', image: 'nginx:alpine', cpu: 128, memory: 128,
        essential: true, portMappings: [{ containerPort: 80 }],
    }],
};

export function deregisterDefinition(name, after) {
    ask({
        title: t('deregisterDefinition', name),
        text: t('deregisterText'),
        danger: true,
        button: t('deregister'),
        calls: () => [['DeregisterTaskDefinition',
                       { taskDefinition: name }]],
        done: () => {
            families.load();
            after?.();
        },
    });
}

