/* Numbers and times for people; pure. */

export function number(n, locale) {
    return n == null ? '–' : n.toLocaleString(locale);
}

/* Seconds as "850 ms", "4.2 s", "3 m 20 s", "5 h 2 m", "3 d 4 h". */

export function duration(seconds) {
    if (seconds == null || Number.isNaN(seconds)) {
        return '–';
    }

    const s = Math.max(0, seconds);

    if (s < 0.9995) {
        return `${Math.round(s * 1000)} ms`;
    }

    if (s < 59.95) {
        return `${s < 10 ? +s.toFixed(1) : Math.round(s)} s`;
    }

    const whole = Math.round(s);
    const units = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
    const first = units.findIndex(([size]) => whole >= size);
    const [size, unit] = units[first];
    const [nextSize, nextUnit] = units[first + 1];
    const rest = Math.floor(whole % size / nextSize);

    return `${Math.floor(whole / size)} ${unit}`
        + (rest ? ` ${rest} ${nextUnit}` : '');
}

/* How long ago, in one unit: "now", "12s", "5m", "3h", "8d". */

export function age(seconds) {
    if (seconds == null || Number.isNaN(seconds)) {
        return '–';
    }

    const s = Math.max(0, Math.floor(seconds));

    return s < 60 ? `${s}s`
        : s < 3600 ? `${Math.floor(s / 60)}m`
        : s < 86400 ? `${Math.floor(s / 3600)}h`
        : `${Math.floor(s / 86400)}d`;
}

/* The API's seconds since 1970, or an RFC 3339 text, as a Date. */

export function dateOf(value) {
    return value == null ? null
        : new Date(typeof value === 'number' ? value * 1000 : value);
}

export function dateTime(value, locale, zone) {
    const d = dateOf(value);

    return d ? d.toLocaleString(locale, {
        timeZone: zone, year: 'numeric', month: 'short', day: 'numeric',
        hour: '2-digit', minute: '2-digit', second: '2-digit',
        hourCycle: 'h23', timeZoneName: 'short',
    }) : '–';
}

export function timeOfDay(value, locale, zone, parts = {}) {
    const d = dateOf(value);

    return d ? d.toLocaleTimeString(locale, {
        timeZone: zone, hour: '2-digit', minute: '2-digit',
        second: '2-digit', hourCycle: 'h23', ...parts,
    }) : '–';
}

/* MiB as "512 MiB", "2 GiB"; CPU units as "256", "1 vCPU". */

export function memory(mib) {
    const n = Number(mib);

    return !mib ? '–' : n >= 1024 && n % 512 === 0 ? `${n / 1024} GiB`
        : `${n} MiB`;
}

export function cpu(units) {
    const n = Number(units);

    return !units ? '–' : n >= 1024 && n % 256 === 0 ? `${n / 1024} vCPU`
        : `${n}`;
}

/* Amounts that stand side by side: GiB with two digits at most; units. */

export function gib(mib) {
    return `${+(Number(mib) / 1024).toFixed(2)} GiB`;
}
