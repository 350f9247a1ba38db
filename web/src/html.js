/* Templates: htm bound to preact, and what views need of both. */

import { h } from 'preact';
import htm from 'htm/mini';

export const html = htm.bind(h);
