/* Starts the UI. */

import { render, h } from 'preact';
import { App } from './app.js';
import { start } from './live.js';
import { listen, onKey } from './keys.js';
import { open } from './palette.js';
import { showHelp } from './help.js';

onKey(':', () => (open.value = true));
onKey('?', showHelp);
listen();
start();
render(h(App), document.getElementById('app'));
