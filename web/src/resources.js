/* The collections of the API's resources. */

import { batches, call, pages } from './api.js';
import { collection, perKey } from './store.js';
import { serviceOf } from './arn.js';

const FULL = { include: ['TAGS'] };

const arns = (event, kind, cluster) => event.about
    .filter(n => n.kind === kind && (!cluster || n.cluster === cluster))
    .map(n => n.arn);

const clusterArn = ({ arn, cluster }) =>
    `${arn.split(':').slice(0, 5).join(':')}:cluster/${cluster}`;

/* Whatever happens in a cluster may change its counts. */

export const clusters = collection({
    size: 100,
    id: c => c.clusterArn,
    list: () => pages('ListClusters', 'clusterArns'),
    describe: async clusters => (await call('DescribeClusters', {
        clusters, include: ['STATISTICS', 'SETTINGS', 'CONFIGURATIONS',
                            'ATTACHMENTS', 'TAGS'],
    })).clusters,
    keep: c => c.status !== 'INACTIVE',
    ids: event => [...new Set(event.about.filter(n => n.cluster)
        .map(clusterArn))],
});

const serviceArn = (n, name) =>
    `${n.arn.split(':').slice(0, 5).join(':')}:service/${n.cluster}/${name}`;

/* A service changes with its tasks; its deployments have its ARN. */

function servicesNamed(event, cluster) {
    const name = serviceOf(event.detail?.group);
    const found = arns(event, 'service', cluster);

    if (name) {
        found.push(...event.about
            .filter(n => n.kind === 'task' && n.cluster === cluster)
            .map(n => serviceArn(n, name)));
    }

    return found;
}

export const services = perKey(cluster => collection({
    size: 10,
    id: s => s.serviceArn,
    list: () => pages('ListServices', 'serviceArns',
                      { cluster, maxResults: 100 }),
    describe: async services => (await call('DescribeServices',
        { cluster, services, ...FULL })).services,
    keep: s => s.status !== 'INACTIVE',
    ids: event => servicesNamed(event, cluster),
}));

/* The deployments of one service, the newest first. */

export const deployments = perKey((cluster, service) => collection({
    size: 20,
    id: d => d.serviceDeploymentArn,
    list: async () => (await pages('ListServiceDeployments',
        'serviceDeployments', { cluster, service }))
        .map(d => d.serviceDeploymentArn),
    describe: async serviceDeploymentArns => (await call(
        'DescribeServiceDeployments', { serviceDeploymentArns }))
        .serviceDeployments,
    ids: event => arns(event, 'service-deployment', cluster)
        .filter(arn => arn.split('/')[2] === service),
    whole: event => servicesNamed(event, cluster)
        .some(arn => arn.endsWith(`/${service}`)),
}));

/* The ARNs of a service's revisions, as its deployments name them. */

export function revisionArns(history, service) {
    return [...new Set([
        ...(service.currentServiceRevisions ?? []).map(r => r.arn),
        ...history.flatMap(d => [d.targetServiceRevision?.arn,
            ...(d.sourceServiceRevisions ?? []).map(r => r.arn)]),
    ].filter(Boolean))];
}

/* Revisions of services by their ARNs; they never change. */

export async function revisions(arns) {
    const found = await batches(arns, 20, async serviceRevisionArns =>
        (await call('DescribeServiceRevisions', { serviceRevisionArns }))
            .serviceRevisions);

    return found.sort((a, b) => b.createdAt - a.createdAt);
}

export async function definition(taskDefinition) {
    const answer = await call('DescribeTaskDefinition',
                              { taskDefinition, ...FULL });

    return { ...answer.taskDefinition, tags: answer.tags ?? [] };
}

/* Live tasks and those that stopped lately. */

export const tasks = perKey(cluster => collection({
    size: 100,
    id: task => task.taskArn,
    list: async () => (await Promise.all(['RUNNING', 'STOPPED'].map(
        desiredStatus => pages('ListTasks', 'taskArns',
                               { cluster, desiredStatus })))).flat(),
    describe: async tasks => (await call('DescribeTasks',
        { cluster, tasks, ...FULL })).tasks,
    ids: event => arns(event, 'task', cluster),
}));

export const instances = perKey(cluster => collection({
    size: 100,
    id: i => i.containerInstanceArn,
    list: () => pages('ListContainerInstances', 'containerInstanceArns',
                      { cluster }),
    describe: async containerInstances => (await call(
        'DescribeContainerInstances',
        { cluster, containerInstances, ...FULL })).containerInstances,
    keep: i => i.status !== 'INACTIVE',
    ids: event => [
        ...arns(event, 'container-instance', cluster),
        ...(event.detail?.containerInstanceArn
            && event.about.some(n => n.cluster === cluster)
            ? [event.detail.containerInstanceArn] : []),
    ],
}));

export const families = collection({
    size: 1000,
    id: f => f.family,
    list: () => pages('ListTaskDefinitionFamilies', 'families',
                      { status: 'ACTIVE' }),
    describe: async names => names.map(family => ({ family })),
    whole: event => event.about.some(n => n.kind === 'task-definition'),
});
