/* What ARNs say. */

/* arn:aws:ecs:REGION:ACCOUNT:task/demo/id -> { kind, cluster, name } */

export function parseArn(arn) {
    const [kind, ...rest] = arn.split(':').slice(5).join(':').split('/');

    return {
        kind,
        cluster: kind === 'cluster' ? rest[0]
            : rest.length > 1 ? rest[0] : undefined,
        name: rest.at(-1),
    };
}

/* The last part of an ARN, or what is no ARN. */

export function shortName(arn) {
    return arn ? arn.split('/').pop() : '';
}

/* "family:revision" of a task definition. */

export const definitionName = shortName;

export function familyOf(arn) {
    return definitionName(arn).split(':')[0];
}

/* The service of a task's group; nothing when it has none. */

export function serviceOf(group) {
    return group?.startsWith('service:') ? group.slice(8) : undefined;
}
