/* Texts in the reader's language; see messages.js. */

import { language, LANGUAGES } from './prefs.js';
import { messages } from './messages.js';

/* The text of a key, {0} {1} ... filled in. */

export function t(key, ...args) {
    const all = messages[key];
    const text = all?.[LANGUAGES.indexOf(language.value)] ?? all?.[0] ?? key;

    return args.length === 0 ? text
        : text.replace(/\{(\d)\}/g, (_, n) => args[n]);
}
