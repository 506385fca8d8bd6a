// Looks at the basemap of every city, at three zooms, light and dark: what share
// of the picture is water, green, road or built up, and whether names are there.
// A blank map passes every other check.
//
//   BASE_URL=http://127.0.0.1:8080 node test/basemap.mjs     against a running server with the shipped cities
//   SHOTS=/some/folder      keep the pictures       VERBOSE=1   print the shares
//   CHROMIUM=/usr/bin/chromium                      the browser to use
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launch, until } from './browser.mjs';
import { count, decode } from './png.mjs';

const base = (process.env.BASE_URL ?? '').replace(/\/+$/, '');
if (!base) throw new Error('BASE_URL: the address of a running server');
const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

// Where to look, and the least and most share (in percent) of the picture in the
// colours of the style. Groups are joined by "+". What a source does not hold
// (buildings and water of two cities) is not asked for.
const ROADS = 'minor+middle+major+motorway+minorEdge+middleEdge+majorEdge+motorwayEdge';
const GREEN = 'grass+park+pitch+wood';
const CITIES = {
  newport: { centre: [-2.9935, 51.587], fit: { water: [8, 40], [GREEN]: [2, 40], [ROADS]: [1, 30] }, 13: { water: [3, 25], [GREEN]: [3, 40], [ROADS]: [4, 45] }, 15.5: { water: [8, 45], building: [12, 60], [ROADS]: [6, 50] } },
  heidelberg: { centre: [8.69, 49.409], fit: { land: [50, 97], [ROADS]: [1, 30] }, 13: { land: [40, 95], [ROADS]: [3, 45], care: [0.5, 20] }, 15.5: { [ROADS]: [6, 50], care: [1, 30], tram: [0.1, 5] } },
  'porto-alegre': { centre: [-51.2265, -30.0335], fit: { land: [50, 97], [ROADS]: [1, 30] }, 13: { land: [40, 95], [ROADS]: [4, 45] }, 15.5: { land: [30, 95], [ROADS]: [6, 50] } },
  'london-camden': { centre: [-0.135, 51.529], fit: { water: [0.3, 10], [GREEN]: [1, 30], [ROADS]: [1, 30] }, 13: { [GREEN]: [4, 40], [ROADS]: [4, 45], water: [0.3, 10] }, 15.5: { building: [12, 65], [ROADS]: [6, 50], rail: [0.2, 8] } },
};
const NAMELESS = ['porto-alegre'];

const faults = [];
const { context, close } = await launch({ width: 980, height: 620 });
const page = await context.newPage();
page.on('console', (m) => (m.type() === 'error' || /Content.Security.Policy|map:|basemap:|could not be loaded/i.test(m.text())) && faults.push(`console: ${m.text()}`));
page.on('pageerror', (e) => faults.push(`error: ${e.stack ?? e}`));
page.on('request', (r) => !r.url().startsWith(base) && !/^(data|blob|about):/.test(r.url()) && faults.push(`request to another origin: ${r.url()}`));
let bytes = 0;
page.on('requestfinished', (r) => void r.sizes().then((s) => (bytes += s.responseBodySize), () => undefined));

// Two frames first: a map that was just told to move still says it is idle.
const drawn = (name) =>
  until(
    `${name} to be drawn`,
    () =>
      page.evaluate(async () => {
        await new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)));
        const frame = document.querySelector('.map');
        return frame?.dataset.state === 'idle' && frame.cityMap?.map.loaded();
      }),
    60_000,
  );

try {
  for (const [slug, { centre, ...views }] of Object.entries(CITIES)) {
    const began = Date.now();
    bytes = 0;
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(`${base}/web/plan.html?c=${slug}`, { waitUntil: 'load' });
    await page.locator('.map-frame .map').scrollIntoViewIfNeeded();
    await drawn(slug);
    const first = bytes;
    if (first > 1_500_000) faults.push(`${slug}: the first view takes ${first} bytes, at most 1,500,000 are meant`);
    const look = await page.evaluate(() => {
      const { map, options } = document.querySelector('.map').cityMap;
      // The stops and the draft of the page are not what is looked at.
      for (const id of ['stops', 'draft', 'draft-halo']) map.setLayoutProperty(id, 'visibility', 'none');
      return { tiles: options.tiles ?? '', credit: document.querySelector('.credit')?.textContent ?? '' };
    });
    if (!/\/tiles\/.+\.pmtiles\?v=/.test(look.tiles)) faults.push(`${slug}: no basemap (${look.tiles})`);
    if (!/OpenStreetMap/.test(look.credit)) faults.push(`${slug}: OpenStreetMap is not credited`);
    for (const [view, shares] of Object.entries(views).sort(([a], [b]) => (a === 'fit' ? -1 : b === 'fit' ? 1 : a - b))) {
      for (const scheme of ['light', 'dark']) {
        const name = `${slug}-${view}-${scheme}`;
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.evaluate(
          ([zoom, center]) => {
            const { map, options } = document.querySelector('.map').cityMap;
            if (zoom === 'fit') map.fitBounds(options.bounds, { padding: 8, animate: false });
            else map.jumpTo({ zoom: Number(zoom), center });
          },
          [view, centre],
        );
        await drawn(name);
        const colours = await page.evaluate(() => document.querySelector('.map').cityMap.colours);
        const names = await page.evaluate(() => document.querySelector('.map').cityMap.map.queryRenderedFeatures().filter((f) => f.layer.type === 'symbol').length);
        const shot = await page.locator('.map-frame .maplibregl-canvas').screenshot(shots ? { path: join(shots, `${name}.png`) } : {});
        const picture = decode(shot);
        const all = picture.width * picture.height;
        const seen = {};
        for (const [group, [least, most]] of Object.entries(shares)) {
          // Neighbours in a palette lie close together: only near hits count.
          const share = (100 * group.split('+').reduce((n, c) => n + count(picture, colours[c], 2), 0)) / all;
          seen[group === ROADS ? 'roads' : group === GREEN ? 'green' : group] = Number(share.toFixed(1));
          if (!(share >= least && share <= most)) faults.push(`${name}: ${group} is ${share.toFixed(1)} % of the picture, want ${least} to ${most} %`);
        }
        // One source names nothing that is seen from far away.
        if (names < 3 && !(view === 'fit' && NAMELESS.includes(slug))) faults.push(`${name}: ${names} names`);
        if (process.env.VERBOSE) console.log(`    ${name} ${JSON.stringify(seen)}, ${names} names`);
      }
    }
    console.log(`ok  basemap of ${slug}: first view ${(first / 1000).toFixed(0)} kB (${Date.now() - began} ms)`);
  }
} catch (e) {
  faults.push(String(e.stack ?? e));
} finally {
  await close();
}
for (const f of faults) console.error(`not ok  ${f}`);
console.log(faults.length ? `${faults.length} faults` : `the basemaps of ${Object.keys(CITIES).length} cities look right at three zooms, light and dark`);
process.exit(faults.length ? 1 : 0);
