/* Task definitions as their authors know them; pure. */

/* What RegisterTaskDefinition takes, of what DescribeTaskDefinition gives. */

const GIVEN = ['taskDefinitionArn', 'revision', 'status', 'registeredAt',
               'registeredBy', 'compatibilities', 'requiresAttributes',
               'deregisteredAt', 'deleteRequestedAt'];

export function editable(full) {
    return Object.fromEntries(Object.entries(full).filter(([name, value]) =>
        !GIVEN.includes(name)
        && !(Array.isArray(value) && value.length === 0)));
}
