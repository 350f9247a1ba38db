/* The aws command that does what a call does; pure. */

const kebab = name => name.replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1-$2').toLowerCase();

const PLAIN = /^[\w@%+=:,./-]+$/;

const quote = text => PLAIN.test(text) ? text
    : `'${text.replaceAll('\'', '\'\\\'\'')}'`;

function value(v) {
    if (Array.isArray(v) && v.length
        && v.every(e => typeof e !== 'object'))
    {
        return v.map(e => quote(String(e))).join(' ');
    }

    return quote(typeof v === 'object' ? JSON.stringify(v) : String(v));
}

function option([name, v]) {
    const flag = kebab(name);

    if (typeof v === 'boolean') {
        return v ? `--${flag}` : `--no-${flag}`;
    }

    return `--${flag} ${value(v)}`;
}

export function awsCommand(operation, input = {}) {
    const given = Object.entries(input).filter(([, v]) => v != null);

    return [`aws ecs ${kebab(operation)}`, ...given.map(option)]
        .join(' \\\n    ');
}
