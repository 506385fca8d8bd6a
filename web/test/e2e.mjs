// Clicks through the pages in a real browser, looks at the pixels of the maps and
// runs axe-core on every page and state.
//
//   node test/e2e.mjs                                   against the mock
//   BASE_URL=http://127.0.0.1:8080 node test/e2e.mjs    against a running server
//   SHOTS=/some/folder                                  keep screenshots there
//   CHROMIUM=/usr/bin/chromium                          the browser to use
//   VERBOSE=1                                           print what the pixel checks count
//   PATIENCE_MS=120000                                  how long a run may take
//   CITY=newport                                        the city to use, else the first
//   RUN_CITIES=all                                      run every city's ready what-if, not only of those whose
//                                                       morning is settled (minutes: the others settle in that run)
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { launch, options, until } from './browser.mjs';
import { createMock } from './mock-server.mjs';
import { count, decode } from './png.mjs';
import { visits } from './visits.mjs';

const real = process.env.BASE_URL?.replace(/\/+$/, '');
const mock = real ? undefined : await createMock();
const base = real ?? mock.url;
const shots = process.env.SHOTS;
if (shots) mkdirSync(shots, { recursive: true });
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const patience = Number(process.env.PATIENCE_MS ?? 120_000);

const { context, close } = await launch({ width: 1280, height: 860 });

const faults = [];
/** Addresses that are meant to answer with an error; Chromium logs each on the console. */
const expected = [/\/v1\/jobs$/, /\/v1\/status\/(nobody|gone|private)$/, /\/v1\/session$/, /\/v1\/submit$/, /\/v1\/insights\/[^/]+\/chat$/, /\/v1\/cities\/atlantis/];
function watch(page, origins = [base]) {
  page.on('console', (m) => {
    if (m.type() !== 'error' && !/Content.Security.Policy|map:/i.test(m.text())) return;
    if (/Failed to load resource/.test(m.text()) && expected.some((e) => e.test(new URL(m.location().url).pathname))) return;
    faults.push(`console on ${page.url()}: ${m.text()} ${m.location().url}`);
  });
  // Those that a test throws on purpose name the run "typed".
  page.on('pageerror', (e) => /\btyped\b/.test(e.message) || faults.push(`error on ${page.url()}: ${e.stack ?? e}`));
  page.on('request', (r) => {
    const url = r.url();
    if (!origins.some((o) => url.startsWith(o)) && !/^(data|blob|about):/.test(url)) faults.push(`request to another origin: ${url}`);
  });
}

let passed = 0;
async function step(name, run) {
  const start = Date.now();
  await run();
  passed++;
  console.log(`ok  ${name} (${Date.now() - start} ms)`);
}

async function shot(page, name, fullPage = false) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage });
}

const colour = (page, name) => page.evaluate((n) => getComputedStyle(document.documentElement).getPropertyValue(n).trim(), `--${name}`);

// Where a server has a basemap, its style has colours of its own.
const BASEMAP = { 'map-land': ['land', 'homes', 'park'], 'map-minor': ['minor', 'minorEdge'], 'map-middle': ['middleEdge'], 'map-major': ['major', 'majorEdge'], 'map-quiet': ['minor', 'minorEdge', 'middleEdge'] };
const mapColours = async (page, name) => {
  const drawn = await page.evaluate(() => {
    const map = document.querySelector('.map')?.cityMap;
    return map?.options.tiles ? map.colours : null;
  });
  return drawn && BASEMAP[name] ? BASEMAP[name].map((c) => drawn[c]) : [await colour(page, name)];
};

/** Waits until the map says that all is drawn, then counts colours on its picture; "a+b" counts both. */
async function mapPixels(page, wanted) {
  const frame = page.locator('.map-frame .map');
  await frame.scrollIntoViewIfNeeded();
  await until('the map to be drawn', () => page.evaluate(() => document.querySelector('.map')?.dataset.state === 'idle' && document.querySelector('.map')?.cityMap?.map.loaded()), 60_000);
  await until(`pixels of ${wanted.map(([n]) => n)}`, async () => {
    const picture = decode(await frame.screenshot());
    const seen = [];
    for (const [names, least] of wanted) {
      let n = 0;
      for (const name of names.split('+')) for (const c of await mapColours(page, name)) n += count(picture, c);
      seen.push([names, n, least]);
    }
    if (process.env.VERBOSE) console.log(`    pixels ${JSON.stringify(seen)}`);
    if (seen.every(([, n, least]) => n >= least)) return true;
    throw new Error(JSON.stringify(seen));
  }, 30_000);
}

async function axe(page, name) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'] }));
  for (const v of violations) for (const n of v.nodes) faults.push(`axe on ${name}: ${v.id}: ${n.target.join(' ')}: ${n.failureSummary?.replace(/\s+/g, ' ')}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) faults.push(`${name}: the page is ${wide} px wider than the window`);
}

const looks = [
  ['light', { width: 1280, height: 860 }, 'light'],
  ['dark', { width: 1280, height: 860 }, 'dark'],
  ['360', { width: 360, height: 740 }, 'light'],
  ['360dark', { width: 360, height: 740 }, 'dark'],
];
async function eachLook(page, name, after) {
  for (const [look, size, scheme] of looks) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.evaluate(() => scrollTo(0, 0));
    await after?.(look);
    await axe(page, `${name} ${look}`);
    await shot(page, `${name}-${look}`, true);
  }
  await page.setViewportSize(looks[0][1]);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

const go = (page, path) => page.goto(base + path, { waitUntil: 'load' });
const heading = (page, text) => until(`the heading ${text}`, async () => (await page.locator('h1').first().textContent())?.match(text));

let doneJob = 'complete';
const page = await context.newPage();
watch(page);
try {
  let cities;
  let everyCity;
  await step('delivered HTML of every page has the navigation', async () => {
    for (const p of ['index', 'city', 'plan', 'results', 'jobs', 'api', 'about']) {
      const html = await (await fetch(`${base}/web/${p}.html`)).text();
      assert.match(html, /<nav aria-label="Pages">/, p);
      assert.match(html, /href="\/web\/about\.html"/, p);
      assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|\sstyle=|<style/, `${p} has inline script or style`);
    }
    cities = (await (await fetch(`${base}/v1/cities`)).json()).filter((c) => c.enabled);
    everyCity = cities;
    if (process.env.CITY) cities = cities.filter((c) => c.slug === process.env.CITY);
    assert.ok(cities.length > 0, 'the server has an enabled city');
  });

  await step('home, city, run: three clicks give a run', async () => {
    await go(page, '/web/index.html');
    await heading(page, /what would change/i);
    await until('the city cards', () => page.locator('.city a').count());
    await shot(page, 'home');
    await page.getByRole('link', { name: cities[0].name, exact: true }).click();
    await heading(page, new RegExp(cities[0].name));
    assert.notEqual(await page.locator('#start').inputValue(), '', 'the default start is preselected');
    assert.notEqual(await page.locator('#end').inputValue(), '');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL(/results\.html\?job_id=/);
    await until('the run to be known', () => page.locator('progress, .verdict').count());
  });

  let detail;
  await step('plan: pick the two ends by typing and by clicking the map', async () => {
    detail = await (await fetch(`${base}/v1/cities/${cities[0].slug}`)).json();
    await go(page, `/web/plan.html?c=${cities[0].slug}`);
    await heading(page, new RegExp(cities[0].name));
    await mapPixels(page, [['map-minor+map-middle+map-major', 6000], ['map-land', 5000], ['line', 60]]);
    await shot(page, 'plan-map');
    const wanted = detail.stops.find((s) => s.id === detail.default.stops.at(-1));
    const start = page.getByRole('combobox', { name: 'Tram starts at' });
    await start.fill(wanted.name.slice(0, Math.max(4, wanted.name.length - 3)));
    await until('suggestions', () => page.locator('#start-list li').count());
    await start.press('ArrowDown');
    await start.press('Enter');
    const first = await start.inputValue();
    assert.ok(first.length > 0);
    assert.equal(await page.getByRole('listbox').count(), 0, 'the list closes');
    // The other end: the stop of the default start, by a click on the map.
    await page.getByRole('radio', { name: 'B, the end' }).check();
    const target = detail.stops.find((s) => s.id === detail.default.stops[0]);
    await until('a quiet map', () => page.evaluate(() => document.querySelector('.map').dataset.state === 'idle'), 30_000);
    const at = await page.evaluate((s) => {
      const p = document.querySelector('.map').cityMap.map.project([s.lon, s.lat]);
      return { x: p.x, y: p.y };
    }, target);
    await page.locator('.maplibregl-canvas').click({ position: at });
    await until(`the end to be ${target.name}`, async () => (await page.locator('#end').inputValue()).startsWith(target.name));
    assert.notEqual(await page.locator('#end').inputValue(), first, 'the two ends differ');
    await shot(page, 'plan-picked');
  });

  await step('plan: wrong values are shown beside their fields', async () => {
    await page.locator('#agents').fill('0');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await until('the summary', () => page.locator('.wrong li').count());
    assert.equal(await page.locator('#agents').getAttribute('aria-invalid'), 'true');
    await page.locator('#agents').fill('1200');
    await page.locator('#date').fill('1999-01-01');
    await page.locator('#start').fill('Nowhere at all');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await until('problems of the service', async () => (await page.locator('#date').getAttribute('aria-invalid')) === 'true' && (await page.locator('#start').getAttribute('aria-invalid')) === 'true');
    await axe(page, 'plan with problems');
    await shot(page, 'plan-problems', true);
    await page.getByRole('radio', { name: 'Type my own' }).check();
    await page.locator('#share-drive').fill('10');
    await until('the sum', async () => /missing|above/.test(await page.locator('.total').textContent()));
    await axe(page, 'plan with shares');
  });

  await step('run, watch the progress, reload, see the result', async () => {
    await go(page, `/web/plan.html?c=${cities[0].slug}`);
    await heading(page, new RegExp(cities[0].name));
    // A number of people that no earlier run had, so that a real server computes.
    await page.locator('#agents').fill(String(1000 + (Date.now() % 900)));
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.waitForURL(/results\.html\?job_id=/);
    doneJob = new URL(page.url()).searchParams.get('job_id');
    await until('the progress bar', () => page.locator('progress').count());
    await axe(page, 'running at once');
    await page.reload();
    await until('progress or the result after a reload', () => page.locator('progress, .verdict').count());
    await until('the verdict', () => page.locator('.verdict li').count(), patience);
    assert.ok((await page.locator('section[aria-labelledby=numbers] tbody tr').count()) >= 3, 'the table of numbers');
    await page.reload();
    await until('the verdict after a reload', () => page.locator('.verdict li').count());
    await shot(page, 'results');
    assert.equal(await page.evaluate(() => document.querySelector('.maplibregl-canvas')), null, 'the map waits until it is looked at');
  });

  await step('result: map, layers, insights, downloads', async () => {
    await mapPixels(page, [['line', 150], ['map-land', 5000], ['map-quiet', 5000]]);
    await shot(page, 'results-map');
    const radio = (name) => page.getByRole('radio', { name });
    // Every "no clear change" beside a range without zero says why, and every figure what it is.
    const rows = page.locator('section[aria-labelledby=numbers] tbody tr:not(.group)');
    const read = await rows.evaluateAll((all) => all.map((tr) => ({ range: tr.querySelector('td .ci').textContent, verdict: tr.lastElementChild.textContent })));
    const value = (v) => Number(v.replace(/[,+]/g, '').replace('\u2212', '-'));
    const puzzling = read.filter(({ range, verdict }) => {
      const [from, to] = range.split(' to ').map(value);
      return /^no clear change/.test(verdict) && from * to > 0;
    });
    assert.ok(puzzling.every(({ verdict }) => /too narrowly/.test(verdict)), `a verdict without its reason: ${JSON.stringify(puzzling)}`);
    if (!real) assert.equal(puzzling.length, 1, 'the fixture has such a figure');
    await page.getByText('How to read this table').click();
    assert.equal(await page.locator('section[aria-labelledby=numbers] details li').count(), await rows.count());
    await axe(page, 'how to read');
    await radio('Travel time before').check();
    await mapPixels(page, [['seq-1+seq-2+seq-3+seq-4+seq-5', 2000], ['line', 100]]);
    await shot(page, 'results-access');
    await radio('Travel time change').check();
    await shot(page, 'results-access-change');
    assert.match(page.url(), /layer=access_change/);
    await radio('Traffic change').check();
    await page.emulateMedia({ colorScheme: 'dark' });
    await mapPixels(page, [['line', 150], ['map-land', 5000]]);
    await shot(page, 'results-map-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    assert.ok((await page.locator('#insights .md > *').count()) > 0, 'insights have content');
    assert.equal(await page.locator('#insights script, #insights [href^="javascript"]').count(), 0);
    const box = page.getByRole('textbox', { name: 'Your question' });
    await box.focus();
    await page.keyboard.press('Enter');
    await until('a word on the empty question', () => page.getByRole('alert').filter({ hasText: 'Write a question first' }).count());
    await box.fill('What happens to car traffic?');
    await page.keyboard.press('Enter');
    await until('an answer', () => page.getByRole('log').locator('.said').count());
    assert.equal(await page.getByRole('log').locator('img, script, [href^="javascript"]').count(), 0);
    assert.equal(await box.inputValue(), '');
    assert.ok(await box.evaluate((e) => e === document.activeElement), 'the field keeps the focus');
    for (const [name, viewport, colorScheme] of looks) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.locator('.ask').scrollIntoViewIfNeeded();
      await axe(page, `ask ${name}`);
      await shot(page, `results-ask-${name}`);
    }
    await page.setViewportSize(looks[0][1]);
    await page.emulateMedia({ colorScheme: 'light' });
    if (!real) {
      await box.fill('fail');
      await page.getByRole('button', { name: 'Ask', exact: true }).click();
      await until('the trouble', () => page.getByRole('alert').filter({ hasText: 'Try again.' }).count());
      assert.equal(await box.inputValue(), 'fail', 'a question that failed is kept');
    }
    const links = await page.locator('#downloads a').evaluateAll((all) => all.map((a) => a.href));
    assert.ok(links.length >= 8, `${links.length} downloads`);
    for (const href of links) assert.equal((await fetch(href)).status, 200, href);
  });

  await step('change and run again asks for what was run', async () => {
    // What the form sends, without leaving for the run it starts.
    const sent = async (prepare) => {
      await prepare?.();
      const [request] = await Promise.all([page.waitForRequest((r) => r.url().endsWith('/v1/submit')), page.getByRole('button', { name: 'Run', exact: true }).click()]);
      await page.waitForURL(/results\.html\?job_id=/);
      return request.postDataJSON();
    };
    const again = async (job) => {
      await go(page, `/web/results.html?job_id=${job}`);
      await page.getByRole('link', { name: 'Change and run again' }).click();
      await until('the form', () => page.getByRole('button', { name: 'Run', exact: true }).count());
    };
    const ends = [detail.default.stops[0], detail.default.stops.at(-1)];
    const name = (id) => detail.stops.find((s) => s.id === id).name;
    // The ready what-if stays the ready what-if; its two ends typed are two stops.
    await again(doneJob);
    const ready = await sent();
    assert.deepEqual([ready.tram_start, ready.modifications], [undefined, undefined]);
    await go(page, `/web/plan.html?c=${cities[0].slug}`);
    await until('the sentence of the ready line', async () => /given stops/.test(await page.locator('.ends .hint').first().textContent()));
    const extra = detail.default.also ?? [];
    const withIt = async () => (await page.locator('.ends').textContent()).includes(`With it: ${extra[0]?.name}`);
    assert.equal(await withIt(), extra.length > 0, 'what changes beside the line is told');
    for (const [field, id] of [['#start', ends[0]], ['#end', ends[1]]]) await page.locator(field).fill(id);
    await until('the sentence of two stops', async () => /stops it passes/.test(await page.locator('.ends .hint').first().textContent()));
    assert.equal(await withIt(), false, 'two stops of one’s own bring nothing else');
    const typed = await sent();
    assert.ok(typed.tram_start && typed.tram_end, JSON.stringify(typed));
    if (real) return;
    for (const [field, id] of [['#start', ends[0]], ['#end', ends[1]]]) {
      await go(page, `/web/plan.html?c=${cities[0].slug}`);
      await until('the form', () => page.locator(field).count());
      const label = await page.locator(field).inputValue();
      await page.locator(field).fill('');
      await page.locator(field).fill(label);
      const body = await sent();
      assert.deepEqual([name(body.tram_start), name(body.tram_end)], ends.map(name), id);
    }
    await again('typed');
    assert.equal(await page.locator('#start').inputValue(), 'Clarence Place');
    assert.deepEqual(await sent(), { city: 'newport', tram_start: '5310AWB30616', tram_end: '5310AWB31000', num_agents: 1500, agent_distribution: { drive: 60, cycle: 10, tram: 30 }, traffic_level: 'off-peak', sim_date: '2023-06-13', sim_time: '12:00', replications: 4, seed: 7 });
    const { config } = await (await fetch(`${base}/v1/status/full`)).json();
    await again('full');
    await until('the kept changes', async () => /Chepstow Road closed/.test(await page.locator('.panel .notice').textContent()));
    await axe(page, 'plan with kept changes');
    await shot(page, 'plan-kept', true);
    const kept = await sent();
    assert.deepEqual(kept.modifications, config.modifications);
    assert.equal(kept.tram_start, undefined);
    await go(page, '/web/plan.html?c=newport&again=gone');
    await until('the word about the lost run', () => page.getByText('The earlier run is not on this server any more').count());
  });

  await step('a cancelled run says so', async () => {
    if (real) {
      const r = await fetch(`${base}/v1/submit`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ city: cities[0].slug, num_agents: 20000 + (Date.now() % 900), replications: 10 }) });
      await go(page, `/web/results.html?job_id=${(await r.json()).job_id}`);
    } else await go(page, '/web/results.html?job_id=running');
    await until('the cancel button', () => page.getByRole('button', { name: 'Cancel the run' }).count());
    if (!real) await eachLook(page, 'running');
    else await axe(page, 'running');
    await page.getByRole('button', { name: 'Cancel the run' }).click();
    await heading(page, /cancelled/);
    await eachLook(page, 'cancelled');
  });

  if (!real) await step('a private server asks for its token once', async () => {
    await go(page, '/web/results.html?job_id=private');
    const field = page.getByLabel('Token');
    await until('the field of the token', () => field.count());
    await eachLook(page, 'private');
    await field.fill('bad');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await until('the word about a wrong token', () => page.getByText('That is not a token of this deployment').count());
    await field.fill('good');
    await field.press('Enter');
    await heading(page, /failed/i);
  });

  await step('axe-core and widths: every page, light, dark and 360 px', async () => {
    await go(page, '/web/index.html');
    await until('the city cards', () => page.locator('.city a').count());
    await eachLook(page, 'home');
    await go(page, `/web/plan.html?c=${cities[0].slug}`);
    await heading(page, new RegExp(cities[0].name));
    await eachLook(page, 'plan', () => mapPixels(page, [['map-land', 2000], ['map-minor+map-middle+map-major', 2500]]));
    await go(page, `/web/results.html?job_id=${doneJob}`);
    await until('the verdict', () => page.locator('.verdict li').count());
    await eachLook(page, 'complete', () => mapPixels(page, [['map-land', 2000], ['line', 60]]));
    if (!real) {
      await go(page, '/web/results.html?job_id=failed');
      await heading(page, /failed/);
      await eachLook(page, 'failed');
    }
    await go(page, '/web/results.html?job_id=nobody');
    await heading(page, /not here/);
    await eachLook(page, 'unknown');
    await go(page, '/web/plan.html?c=atlantis');
    await until('the word about the city', async () => /no city called “atlantis”/.test(await page.locator('.wrong').textContent()));
    assert.equal(await page.locator('.wrong a').getAttribute('href'), '/web/index.html');
    await axe(page, 'plan of no city');
    await go(page, '/web/jobs.html');
    await until('the runs', () => page.locator('.runs li').count());
    await eachLook(page, 'jobs');
    await go(page, '/web/about.html');
    await until('the sources', () => page.locator('article.card').count());
    await eachLook(page, 'about');
    await go(page, '/web/api.html');
    await until('the calls', () => page.locator('.op').count());
    await page.locator('.op').first().locator('summary').click();
    await eachLook(page, 'api');
  });

  await step('city: facts, what was observed beside the model, sources, report', async () => {
    await go(page, '/web/index.html');
    await until('the city cards', () => page.locator('.city a').count());
    await page.getByRole('link', { name: `Data of ${cities[0].name}` }).click();
    await heading(page, new RegExp(cities[0].name));
    const text = await page.locator('main').textContent();
    for (const word of ['Shares set', 'Assumed, not observed', 'without any change', 'Where the data comes from', detail.attribution]) assert.ok(text.includes(word), word);
    if (!detail.observed.some((o) => o.figures.length)) assert.match(text, /No observed data: an uncalibrated sketch/);
    if (detail.baseline) assert.match(text, /simulated people on/);
    else assert.match(text, /Not computed on this server yet/);
    assert.equal(await page.locator('section[aria-labelledby=report] details table tbody tr').count(), detail.report.length);
    await eachLook(page, 'city');
    if (real) return;
    await go(page, '/web/city.html?c=heidelberg');
    await heading(page, /Heidelberg/);
    const rows = await page.locator('table.observed tr').allTextContents();
    assert.ok(rows.some((r) => /^Car.*22%.*22\.1%.*\+0\.1/.test(r)), rows.join('\n'));
    assert.ok(rows.some((r) => /set to these shares/.test(r)) && rows.some((r) => /All modes.*3\.7.*2\.3/.test(r)) && rows.some((r) => /5\.3 km.*not measured/.test(r)), rows.join('\n'));
    assert.ok(rows.some((r) => /Brückenstraße, north, 08:00 to 09:00.*640.*512.*−128.*GEH 5\.3/.test(r)) && rows.some((r) => /way 71, both directions.*1,210.*1,333.*GEH 3\.5/.test(r)) && rows.some((r) => /05:00 to 06:00.*212.*not simulated then/.test(r)), rows.join('\n'));
    assert.match(await page.locator('main').textContent(), /not fitted to the counts.*GEH is below 5 at 1 of 2 counts/s);
    assert.match(await page.locator('main').textContent(), /75 bus and 7 metro lines.*06:00 to 10:00 only/s);
    const jams = await page.locator('section[aria-labelledby=jams]').textContent();
    assert.match(jams, /lose 973 hours.*rolled on 2 times.*not settled.*Brückenstraße, north.*narrowing.*2 lanes into 1.*412.*2\.35.*unnamed secondary street.*blocked from downstream/s);
    assert.equal(await page.locator('section[aria-labelledby=jams] a').first().getAttribute('href'), 'https://www.openstreetmap.org/way/70');
    await eachLook(page, 'city-observed');
    await go(page, '/web/city.html?c=atlantis');
    await until('the word about the city', async () => /no city called “atlantis”/.test(await page.locator('.wrong').textContent()));
    await axe(page, 'city of no city');
    await go(page, '/web/city.html');
    await until('the cities', () => page.locator('main li a').count());
    await axe(page, 'city without a name');
  });

  await step('result: the link keeps where the map looks', async () => {
    await go(page, `/web/results.html?job_id=${doneJob}`);
    await until('the verdict', () => page.locator('.verdict li').count());
    await mapPixels(page, [['line', 100]]);
    assert.doesNotMatch(page.url(), /[?&]at=/, 'the first look is no choice');
    await page.locator('.maplibregl-ctrl-zoom-in').click();
    await until('the view in the address', () => /[?&]at=-?\d/.test(page.url()));
    const looks = () => page.evaluate(() => {
      const { map } = document.querySelector('.map').cityMap;
      const { lng, lat } = map.getCenter();
      return [lng, lat, map.getZoom()];
    });
    const before = await looks();
    await page.reload();
    await until('the verdict', () => page.locator('.verdict li').count());
    await mapPixels(page, [['map-land', 1000]]);
    const after = await looks();
    assert.ok(before.every((v, i) => Math.abs(v - after[i]) < (i === 2 ? 0.06 : 0.0002)), `${before} is not ${after}`);
  });

  const minutes = (w) => [w.to, w.from].map((t) => t.split(':')).reduce((n, [h, m], i) => n + (i ? -1 : 1) * (60 * h + Number(m)), 0);
  if (real) {
    await step('every city: the ready what-if is one click away and loaded', async () => {
      for (const c of everyCity) {
        const d = await (await fetch(`${base}/v1/cities/${c.slug}`)).json();
        assert.ok(d.default.stops.length >= 2, `${c.slug} has a ready what-if`);
        await go(page, `/web/city.html?c=${c.slug}`);
        await until('the city', async () => (await page.locator('h1').first().textContent()) === c.name);
        await shot(page, `every-${c.slug}`, true);
        await page.getByRole('link', { name: 'Plan a change', exact: true }).click();
        await until('the sentence of the ready line', async () => /given stops/.test(await page.locator('.ends .hint').first().textContent()));
        const name = (id) => d.stops.find((s) => s.id === id).name;
        for (const [field, id] of [['#start', d.default.stops[0]], ['#end', d.default.stops.at(-1)]]) assert.ok((await page.locator(field).inputValue()).startsWith(name(id)), `${c.slug}: ${field}`);
        if (!d.baseline && process.env.RUN_CITIES !== 'all') continue;
        const began = Date.now();
        await page.locator('#agents').fill(String(300 + (Date.now() % 90)));
        await page.getByText('Repeats and seed').click();
        await page.locator('#replications').fill('2');
        await page.getByRole('button', { name: 'Run', exact: true }).click();
        await page.waitForURL(/results\.html\?job_id=/);
        await until(`the verdict of ${c.slug}`, () => page.locator('.verdict li').count(), patience);
        const text = await page.locator('.answer').textContent();
        for (const a of d.assumed) assert.ok(text.includes(a), `${c.slug}: the result does not say that ${a} is assumed`);
        // The marks are words with spaces between, and the map has the line on it.
        if (minutes(d.service_window) < 12 * 60) assert.match(text, new RegExp(`\\. The timetable holds ${d.service_window.from} to ${d.service_window.to} only`), c.slug);
        await mapPixels(page, [['line', 40], ['map-land', 1000]]);
        if (shots) await eachLook(page, `every-${c.slug}-map`, () => mapPixels(page, [['line', 20]]));
        console.log(`    ${c.slug}: ready what-if run in ${((Date.now() - began) / 1000).toFixed(1)} s`);
        await shot(page, `every-${c.slug}-result`, true);
      }
    });
  }

  if (!real) {
    const fresh = await chromium.launch(options);
    try {
      await visits(fresh, { step, until, watch, eachLook, heading, shot });
    } finally {
      await fresh.close();
    }
  }

  await step('the whole task by keyboard', async () => {
    await go(page, '/web/index.html');
    await until('the city cards', () => page.locator('.city a').count());
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.getByRole('link', { name: cities[0].name, exact: true }).focus();
    await page.keyboard.press('Enter');
    await heading(page, new RegExp(cities[0].name));
    await page.locator('#end').focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type(detail.stops.find((s) => s.id === detail.default.stops.at(-1)).name.slice(0, 5));
    await until('suggestions', () => page.locator('#end-list li').count());
    await page.keyboard.press('ArrowDown');
    assert.ok(await page.locator('#end').getAttribute('aria-activedescendant'));
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#end-list').isVisible(), false);
    await page.locator('#end').fill(detail.default.stops.at(-1));
    await page.locator('#agents').focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/results\.html\?job_id=/);
  });
} catch (e) {
  faults.push(String(e.stack ?? e));
  await shot(page, 'fault').catch(() => {});
} finally {
  await close();
  await mock?.close();
}
for (const f of faults) console.error(`not ok  ${f}`);
console.log(faults.length ? `${faults.length} faults` : `all ${passed} steps passed, 0 axe violations, 0 foreign requests, 0 console errors`);
process.exit(faults.length ? 1 : 0);
