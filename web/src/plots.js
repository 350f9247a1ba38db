/*
 * Plots over time, with uPlot: loaded when the first one is shown.  It
 * imports nothing else, so that it is a file of its own.
 */

import UPlot from 'uplot';
import sheet from 'uplot/dist/uPlot.min.css';

function styled() {
    const style = new CSSStyleSheet();

    style.replaceSync(sheet);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, style];
}

styled();

/* A colour of the style, as a canvas takes it. */

function colour(box, name, alpha) {
    const probe = document.createElement('i');

    probe.style.color = alpha
        ? `color-mix(in srgb, var(--${name}) ${alpha}%, transparent)`
        : `var(--${name})`;
    box.append(probe);

    const value = getComputedStyle(probe).color;

    probe.remove();

    return value;
}

const KINDS = {
    step: (box, s) => ({
        paths: UPlot.paths.stepped({ align: 1 }),
        width: 1.75,
        dash: s.dashed ? [5, 4] : undefined,
        fill: s.filled ? colour(box, s.colour, 14) : undefined,
        points: { show: false },
    }),
    bars: (box, s) => ({
        paths: UPlot.paths.bars({ size: [.8, 14], align: 0 }),
        width: 0,
        fill: colour(box, s.colour),
        points: { show: false },
    }),
    points: (box, s) => ({
        paths: () => null,
        points: { show: true, size: 6, width: 0,
                  fill: colour(box, s.colour) },
    }),
};

function axis(box, more) {
    const style = getComputedStyle(box);

    return {
        stroke: colour(box, 'dim'),
        font: `11px ${style.fontFamily}`,
        grid: { stroke: colour(box, 'line', 70), width: 1 },
        ticks: { show: false },
        ...more,
    };
}

/*
 * In a box: { kind, series: [{ label, colour }], time: seconds => text,
 * value: number => text, cursor: index => void }.  Gives { set, end }.
 */

export function plot(box, o) {
    const size = () => ({ width: Math.max(120, box.clientWidth),
                          height: box.clientHeight });
    let range = [0, 1];

    const u = new UPlot({
        ...size(),
        padding: [10, 12, 0, 0],
        legend: { show: false },
        cursor: { y: false, sync: { key: 'kecs' }, drag: { x: false },
                  points: { size: 7 } },
        scales: {
            x: { time: false, range: () => range },
            y: { range: (_, min, max) => [0, Math.max(1, max * 1.12)] },
        },
        axes: [
            axis(box, { values: (_, all) => all.map(o.time), space: 84,
                        size: 26,
                        incrs: [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800,
                                3600, 7200, 14400, 21600, 43200, 86400] }),
            axis(box, { values: (_, all) => all.map(o.value), size: 52,
                        space: 34, incrs: o.whole
                            ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
                               2000, 5000, 10000] : undefined }),
        ],
        series: [{}, ...o.series.map(s => ({
            label: s.label,
            stroke: colour(box, s.colour),
            ...KINDS[o.kind](box, s),
        }))],
        hooks: { setCursor: [self => o.cursor(self.cursor.idx)] },
    }, [[0], ...o.series.map(() => [null])], box);
    const watcher = new ResizeObserver(() => u.setSize(size()));

    watcher.observe(box);

    return {
        set(data, from, to) {
            range = [from, to];
            u.setData(data);
        },
        end() {
            watcher.disconnect();
            u.destroy();
        },
    };
}
