/* What container instances have and what of it is taken; pure. */

const amount = (list, name) =>
    list?.find(r => r.name === name)?.integerValue ?? 0;

/* { used, total } of a resource, over one or many instances. */

export function usage(instances, name) {
    const total = instances.reduce(
        (n, i) => n + amount(i.registeredResources, name), 0);
    const left = instances.reduce(
        (n, i) => n + amount(i.remainingResources, name), 0);

    return { used: total - left, total };
}

/* Ports that are taken: ECS lists those among the remaining resources. */

export function portsTaken(instance) {
    return ['PORTS', 'PORTS_UDP'].flatMap(name =>
        (instance.remainingResources?.find(r => r.name === name)
            ?.stringSetValue ?? []).map(port =>
            name === 'PORTS' ? port : `${port}/udp`));
}

const CAPABILITY = /^(com\.amazonaws\.ecs|ecs)\.capability\./;

/* Attributes of an instance: capabilities apart, by their short names. */

export function attributesOf(instance) {
    const all = instance.attributes ?? [];

    return {
        named: all.filter(a => !CAPABILITY.test(a.name)),
        capabilities: all.filter(a => CAPABILITY.test(a.name)).map(a =>
            a.name.replace(CAPABILITY, '') + (a.value ? `=${a.value}` : '')),
    };
}

export const agentOf = instance =>
    instance.agentConnected ? 'CONNECTED' : 'DISCONNECTED';

export const hostName = instance =>
    instance.ec2InstanceId || instance.containerInstanceArn.split('/').pop();
