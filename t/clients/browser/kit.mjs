/*
 * The web UI in a real browser, as TAP: what the programs here share.
 *
 *     PROGRAM.mjs URL CHROMIUM [FOLDER of screenshots]
 *
 * Every view is looked at by axe-core, and nothing may be refused by the
 * Content-Security-Policy, fail, or be said on the console.
 */

import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const [direct, executablePath, shots] = process.argv.slice(2);

/* The browser comes through here, so that connections can be broken. */

export const line = { up: true, open: new Set() };
const relay = net.createServer(socket => {
    const { hostname, port } = new URL(direct);
    const other = line.up ? net.connect(port, hostname) : null;

    line.open.add(socket);
    socket.on('close', () => { line.open.delete(socket); other?.destroy(); });
    socket.on('error', () => socket.destroy());

    if (!other) {
        socket.destroy();
        return;
    }

    other.on('error', () => socket.destroy());
    other.on('close', () => socket.destroy());
    socket.pipe(other);
    other.pipe(socket);
});

await new Promise(f => relay.listen(0, '127.0.0.1', f));

export const base = `http://127.0.0.1:${relay.address().port}/`;

export function breakLine() {
    line.up = false;
    line.open.forEach(socket => socket.destroy());
}

export const axe = fs.readFileSync(
    createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const ui = new URL('ui/', base).href;
export const said = [];

/* What a test brings about on purpose is not the page's fault. */

export const forgive = pattern => said.splice(0, said.length,
    ...said.filter(text => !pattern.test(text)));

let n = 0;

export function ok(good, name) {
    console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${name}`);
    return good;
}

export function is(got, want, name) {
    if (!ok(got === want, name)) {
        console.log(`# got ${JSON.stringify(got)}, `
            + `wanted ${JSON.stringify(want)}`);
    }
}

export async function api(operation, input = {}) {
    const r = await fetch(direct, {
        method: 'POST',
        headers: {
            'content-type': 'application/x-amz-json-1.1',
            'x-amz-target':
                `AmazonEC2ContainerServiceV20141113.${operation}`,
        },
        body: JSON.stringify(input),
    });
    const answer = await r.json();

    if (!r.ok) {
        throw new Error(`${operation}: ${answer.message}`);
    }

    return answer;
}

/*
 * What the page may never do.  Chromium gives up requests when a network
 * interface of the machine comes or goes, as those of clusters do; the page
 * asks again, and that it does is seen by what it shows.
 */

const MOVED = 'net::ERR_NETWORK_CHANGED';

export function watch(page) {
    page.on('console', m => {
        if (['error', 'warning'].includes(m.type())
            && !m.text().includes(MOVED))
        {
            said.push(`${m.type()}: ${m.text()}`);
        }
    });
    page.on('pageerror', e => said.push(`error: ${e.stack}`));
    page.on('request', r => {
        if (!r.url().startsWith(base) && !r.url().startsWith('data:')) {
            said.push(`asked ${r.url()}`);
        }
    });
}

export async function shot(page, name) {
    if (shots) {
        await page.screenshot({ path: path.join(shots, `${name}.png`) });
    }
}

/* No defect that axe-core can find, in either theme. */

export async function accessible(page, name) {
    const found = [];

    for (const theme of ['dark', 'light']) {
        await page.evaluate(
            value => (document.documentElement.dataset.theme = value), theme);
        const { violations } = await page.evaluate(() => window.axe.run(
            document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',
                'wcag21aa', 'wcag22aa', 'best-practice'] }));

        found.push(...violations.flatMap(v => v.nodes.map(
            node => `${theme} ${v.id}: ${node.target} `
                + node.failureSummary.replaceAll('\n', ' '))));
        await shot(page, `${name.replaceAll(' ', '-')}-${theme}`);
    }

    ok(found.length === 0, `${name}: no accessibility defect`);
    found.slice(0, 8).forEach(text => console.log(`# ${text}`));
}

export const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
export const context = await browser.newContext({
    viewport: { width: 1360, height: 850 },
    locale: 'en-GB',
    reducedMotion: 'reduce',
    timezoneId: 'Asia/Tokyo',
    permissions: ['clipboard-read', 'clipboard-write'],
});

await context.addInitScript(axe);

export const page = await context.newPage();

page.setDefaultTimeout(30000);
watch(page);

export const at = hash => page.goto(`${ui}#${hash}`);
export const button = (name, where = page) =>
    where.getByRole('button', { name, exact: true });
export const dialog = page.getByRole('dialog');

export async function confirm(name) {
    await button(name, dialog).click();
    await dialog.waitFor({ state: 'detached' });
}

/* Text that is to appear by itself. */

export async function appears(where, text, name) {
    try {
        await where.filter({ hasText: text }).first().waitFor();
        ok(true, name);
    } catch {
        ok(false, name);
        console.log(`# ${(await where.allInnerTexts()).join(' | ')}`);
    }
}

/* Waits for what is not to be seen in the page. */

export async function until(what, test) {
    const end = Date.now() + 30000;

    while (!await test()) {
        if (Date.now() > end) {
            throw new Error(`timed out: ${what}`);
        }

        await new Promise(f => setTimeout(f, 100));
    }
}

export const rows = page.locator('tbody tr[aria-rowindex]');
export const title = page.locator('h1');

/* Runs the parts in order, and tells the end. */

export async function run(parts) {
    try {
        for (const part of parts) {
            console.log(`# ${part.name}`);
            await part();
        }
    } catch (e) {
        ok(false, 'the run came to its end');
        console.log(`# ${String(e.stack).replaceAll('\n', '\n# ')}`);
        await shot(page, 'failed');
    }

    is(said.join('\n').slice(0, 2000), '',
       'nothing was refused, failed or asked of others');
    await browser.close();
    relay.close();
    console.log(`1..${n}`);
}
