/*
 * node build.mjs PACKAGES OUT: bundles src/ and the packages into OUT, as
 * static files: index.html, assets/ with names that hold a hash of the
 * content, each with a .gz beside it, and the licences of what is inside.
 */

import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';

const [packages, out] = process.argv.slice(2).map(p => path.resolve(p));
const here = import.meta.dirname;
const modules = path.join(packages, 'node_modules');
const { build } = createRequire(path.join(packages, 'x.js'))('esbuild');

/* Templates without the indentation of the source, which says nothing. */

const indentation = {
    name: 'indentation',
    setup(b) {
        b.onLoad({ filter: /\.js$/ }, ({ path: file }) =>
            file.startsWith(path.join(here, 'src')) ? {
                contents: fs.readFileSync(file, 'utf8')
                    .replace(/^[ \t]+/gm, ''),
                loader: 'js',
            } : null);
    },
};

async function bundle() {
    const { metafile } = await build({
        entryPoints: { ui: path.join(here, 'src/main.js'),
                       style: path.join(here, 'src/style.css') },
        outdir: path.join(out, 'assets'),
        entryNames: '[name]-[hash]',
        chunkNames: '[name]-[hash]',
        bundle: true,
        splitting: true,
        plugins: [indentation],
        loader: { '.min.css': 'text' },
        minify: true,
        metafile: true,
        format: 'esm',
        target: ['es2022'],
        charset: 'utf8',
        legalComments: 'none',
        nodePaths: [modules],
        logLevel: 'warning',
    });

    return metafile;
}

/* Where the bundle of an entry is, seen from index.html. */

function asset(metafile, entry) {
    const [file] = Object.entries(metafile.outputs).find(
        ([, o]) => o.entryPoint?.endsWith(`src/${entry}`));

    return `assets/${path.basename(file)}`;
}

function page(metafile) {
    const text = fs.readFileSync(path.join(here, 'src/index.html'), 'utf8')
        .replace('main.js', asset(metafile, 'main.js'))
        .replace('style.css', asset(metafile, 'style.css'));

    fs.writeFileSync(path.join(out, 'index.html'), text);
    fs.copyFileSync(path.join(here, 'src/icon.svg'),
                    path.join(out, 'icon.svg'));
}

function licences(metafile) {
    const names = new Set(Object.keys(metafile.inputs)
        .map(f => f.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1])
        .filter(Boolean));
    const texts = [...names].sort().map(name => {
        const folder = path.join(modules, name);
        const { version, license } = JSON.parse(
            fs.readFileSync(path.join(folder, 'package.json')));
        const file = fs.readdirSync(folder).find(f => /^licen[cs]e/i.test(f));
        const text = fs.readFileSync(path.join(folder, file), 'utf8');

        return `${name} ${version} (${license})\n\n${text}`;
    });

    fs.writeFileSync(path.join(out, 'licences.txt'), texts.join('\n\n'));
}

function compress(folder) {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const file = path.join(folder, entry.name);

        if (entry.isDirectory()) {
            compress(file);
        } else {
            fs.writeFileSync(`${file}.gz`, zlib.gzipSync(
                fs.readFileSync(file), { level: 9 }));
        }
    }
}

const metafile = await bundle();

page(metafile);
licences(metafile);
compress(out);
