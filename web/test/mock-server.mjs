// A stand-in for the service, for tests of the pages alone: it serves dist/ and
// the contract with the fixtures. Jobs move on by being asked, not by the clock,
// so that tests never wait and never race.
//
//   node test/mock-server.mjs [port]      then open http://127.0.0.1:PORT/web/index.html
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, '..', 'dist');
const fixture = (name) => readFileSync(join(here, 'fixtures', name), 'utf8');

/** What the real server should send as well. */
export const csp = "default-src 'none'; script-src 'self'; style-src 'self'; worker-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const STAGES = ['load', 'demand', 'calibrate', 'transit', 'simulate', 'compare', 'write'];

const stops = JSON.parse(fixture('stops.json'));
const city = {
  slug: 'newport',
  name: 'Newport',
  enabled: true,
  facts: { population: 98571, area_km2: 108, density_km2: 913, source: '319 census Output Areas x 309, the 2011 mean of England and Wales (assumed)', assumed: true },
  bounds: [-3.0941, 51.5175, -2.9204, 51.5987],
  modes: ['bus'],
  service_date: '2023-06-13',
  service_window: { from: '04:00', to: '24:00' },
  attribution: '© OpenStreetMap contributors (ODbL). Contains public sector information licensed under the Open Government Licence v3.0: Department for Transport, Bus Open Data Service; Office for National Statistics. Contains OS data © Crown copyright and database right.',
  digest: 'a'.repeat(64),
  uncalibrated: true,
  assumed: ['the number of residents', 'today’s shares of the modes'],
};
const detail = {
  ...city,
  stops,
  default: { name: 'A tram from Royal Gwent Hospital to Ringland Centre', stops: ['5310AWB30508', '5310WDB47968', '5310AWB30616', '5310AWB35108', '5310AWB31000'], also: [{ type: 'change_capacity', id: 'change-capacity-1', name: 'A traffic lane less on Chepstow Road', links: [{ way: 7 }], lanes: -1 }] },
  mode_share: { car: 67, bike: 2, walk: 16, transit: 15 },
  mode_share_source: 'Assumed from the 2011 census figure for driving to work in Wales.',
  streets_url: '/v1/cities/newport/streets.geojson',
  sources: ['OpenStreetMap, cut of 2023-06-12, ODbL 1.0', 'Bus Open Data Service, feed of 2023-06-12, Open Government Licence v3.0'],
  report: [
    { part: 'osm', what: 'drivable length', count: 695.5, unit: 'km' },
    { part: 'gtfs', what: 'exact duplicate trips', count: 52, unit: 'trips', detail: 'removed' },
  ],
  mode_share_assumed: true,
  observed: [{ what: 'residents of the built-up area, census 2011', value: '128,060', source: 'ONS built-up areas 2011', figures: [] }],
  baseline: null,
  limits: { max_agents: 200000, max_replications: 50, max_modifications: 50, max_body_bytes: 262144, max_window_hours: 24 },
};
const other = { ...city, slug: 'heidelberg', name: 'Heidelberg', enabled: false, modes: ['tram', 'bus'], facts: { population: null, area_km2: null, density_km2: null, source: 'not in the data', assumed: false }, service_date: '2023-06-14' };
/** A city with surveys and a settled baseline, and a timetable of the morning whose headways are estimates. */
const share = (values) => Object.entries(values).map(([mode, value]) => ({ kind: 'mode_share', mode, value }));
const count = (value, over) => ({ kind: 'count', mode: 'car', value, spot: { way: 70, name: 'Brückenstraße', heading: 'north', lon: 8.67, lat: 49.41, from: '08:00', to: '09:00', ...over } });
const jam = (way, name) => ({ way, name, class: 'secondary', heading: 'north', lon: 8.67, lat: 49.41, lanes: 1, capacity_h: 600, demand_h: 1412, volume_capacity: 2.35 });
const surveyed = {
  ...detail, ...other, service_window: { from: '06:00', to: '10:00' }, assumed: ['the service of 75 bus and 7 metro lines'], mode_share: { car: 22, bike: 26, walk: 38, transit: 14 }, mode_share_assumed: false, mode_share_source: 'SrV 2013 of TU Dresden',
  observed: [
    { what: 'trips inside the city, residents', value: '', source: 'SrV 2013 of TU Dresden', year: 2013, figures: share({ car: 22, bike: 26, walk: 38, transit: 14 }) },
    { what: 'trips inside the city, residents', value: 'rounded to 101 %; tram works that year', source: 'SrV 2018', year: 2018, figures: share({ car: 22, bike: 33, walk: 35, transit: 11 }) },
    { what: 'trips of residents', value: '4.0 among those who left home', source: 'SrV 2023', year: 2023, figures: [{ kind: 'trip_rate', mode: 'all', value: 3.7 }] },
    { what: 'all trips of residents', value: '', source: 'SrV 2023', year: 2023, figures: [{ kind: 'trip_length', mode: 'all', value: 5.3 }] },
    { what: 'motor vehicles, mean of March weekdays', value: '', source: 'Traffic counts of the city (invented)', year: 2019, figures: [count(640), count(1210, { way: 71, name: '', heading: '' }), count(212, { from: '05:00', to: '06:00' })] },
  ],
  baseline: {
    date: '2016-11-15', window: { from: '08:00', to: '10:00' }, traffic_level: 'peak', model_version: '3', persons: 20000, converged: false, relative_gap: 0.062,
    figures: [...share({ car: 22.1, bike: 25.8, walk: 38.2, transit: 13.9 }), ...Object.entries({ car: 17.3, bike: 15.2, walk: 19.1, transit: 24.6, all: 18.9 }).map(([mode, value]) => ({ kind: 'travel_time', mode, value })), ...Object.entries({ car: 4.4, bike: 2.7, walk: 1.5 }).map(([mode, value]) => ({ kind: 'trip_length', mode, value })), { kind: 'trip_rate', mode: 'all', value: 2.257 }, count(512.4), count(1333.2, { way: 71, name: '', heading: '' })],
    full_demand: {
      vehicles: 26405.7, delay_h: 973.4, until: '13:00', unfinished: 0, ring_turns: 2, standing: [], rings: [{ at: '08:41', streets: [jam(70, 'Brückenstraße'), jam(71, '')] }],
      queues: [{ ...jam(70, 'Brückenstraße'), delay_h: 412.2, streets: 31, reason: 'narrowing', over_min: 96, why: 'Cars wait to get from Berliner Straße into Brückenstraße, 2 lanes into 1: it takes 600 an hour, 1412 want in; for 96 minutes it took in all it can while cars waited.' }],
      jams: [{ ...jam(71, ''), volume_capacity: 0.21, delay_h: 43.7, reason: 'blocked from downstream', cause: jam(70, 'Brückenstraße'), over_min: 96, why: 'Berliner Straße ahead is full, the queue begins 4 pieces of street on. Cars wait to get from Berliner Straße into Brückenstraße, 2 lanes into 1: it takes 600 an hour, 1412 want in; for 96 minutes it took in all it can while cars waited.' }],
    },
  },
};

const insights = `# New tram: Royal Gwent Hospital to Ringland Centre

**The tram draws people out of cars and off their feet.** Between 08:00 and 10:00 about 1,240 people board it (1,100 to 1,380).

- Public transport trips rise by 410 (320 to 500).
- Car trips fall by 350 (260 to 440), most of them along *Chepstow Road*.
- Mean travel time: no clear change.

## Who gains

| Area | Minutes | Jobs in 30 min, points |
|---|---:|---:|
| Ringland | −0.8 | +6.6 |
| Caerleon | 0.0 | 0 |

> A sketch: there are no counts to calibrate against.

<script>alert('never')</script> stays text, and [a bad link](javascript:alert(1)) is no link.
`;

const summary = JSON.parse(readFileSync(join(here, '..', '..', 'spec', 'testdata', 'summary.json'), 'utf8'));
// A range without zero that is no clear change: one of several that are judged together.
summary.kpis.push({ id: 'vehicle_km', name: 'Car traffic', unit: 'vehicle-km', headline: true, baseline: 81764, scenario: 81458, diff: -306, ci95: [-594, -18], verdict: 'no_clear_change', better: 'down' });
const csv = ['id,name,unit,baseline,scenario,diff,ci_lo,ci_hi,verdict', ...summary.kpis.map((k) => [k.id, k.name, k.unit, k.baseline, k.scenario, k.diff, ...k.ci95, k.verdict].join(','))].join('\n') + '\n';
const files = {
  'summary.json': ['application/json', JSON.stringify(summary)],
  'insights.md': ['text/markdown; charset=utf-8', insights],
  'links.geojson': ['application/geo+json', fixture('links.geojson')],
  'access.geojson': ['application/geo+json', fixture('access.geojson')],
  'kpis.csv': ['text/csv; charset=utf-8', csv],
  'baseline_stats.json': ['application/json', '{}'],
  'scenario_stats.json': ['application/json', '{}'],
  'convergence.csv': ['text/csv; charset=utf-8', fixture('convergence.csv')],
  'config.json': ['application/json', '{}'],
  'run.log': ['text/plain; charset=utf-8', 'load: city newport\n'],
};
const listed = (id, names) => names.map((name) => ({ name, url: `/files/jobs/${id}/${name}`, content_type: files[name][0], bytes: Buffer.byteLength(files[name][1]) }));

const called = (id, chosen = false) => ({ id, name: stops.find((s) => s.id === id)?.name ?? id, ...(chosen ? { chosen } : {}) });
const line = (over) => ({ type: 'new_line', id: 'tram-1', name: 'Tram 1', mode: 'tram', alignment: 'own_way', headways: [{ from: '04:00', to: '24:00', every_min: 10 }], speed_kmh: 20, dwell_s: 25, capacity: 200, fare: 2, bidirectional: true, ...over });
const idOf = (text) => stops.find((s) => s.id === text || s.name === text)?.id ?? text;

/** The configuration of a request, as the service writes it; two typed stops get one between them. */
function merged(request = {}) {
  const shares = request.agent_distribution;
  const route = request.tram_start ? [called(idOf(request.tram_start)), called('5310AWB30938', true), called(idOf(request.tram_end))] : detail.default.stops.map((id) => called(id));
  return {
    schema: 1, model_version: '0.1.0', city_digest: city.digest, city: 'newport', date: request.sim_date ?? '2023-06-13', window: request.window ?? { from: request.sim_time ?? '08:00', to: '10:00' }, agents: request.num_agents ?? 3000,
    mode_share: shares ? { car: shares.drive, bike: shares.cycle, walk: shares.walk ?? 0, transit: shares.tram } : detail.mode_share, mode_share_non_walk: !!shares && shares.walk === undefined, mode_share_source: shares ? 'assumed by user' : detail.mode_share_source,
    traffic_level: request.traffic_level ?? 'peak', replications: request.replications ?? 5, seed: request.seed ?? 1, iterations: request.iterations ?? 12, average_last: request.average_last ?? 3,
    modifications: request.modifications ?? [line({ stops: route }), ...(request.tram_start ? [] : detail.default.also)],
  };
}
/** A run between two typed stops with shares of its own, and one that the form cannot express. */
const typedRequest = { tram_start: '5310AWB30616', tram_end: '5310AWB31000', num_agents: 1500, agent_distribution: { drive: 60, cycle: 10, tram: 30 }, traffic_level: 'off-peak', sim_time: '12:00', window: { from: '12:00', to: '14:00' }, replications: 4, seed: 7 };
const fullRequest = { modifications: [line({ id: 'fast', name: 'Fast tram', speed_kmh: 35, stops: [called('5310AWB30616'), called('5310AWB31000')] }), { type: 'close_links', id: 'close-1', name: 'Chepstow Road closed', links: [{ way: 7 }] }] };

/** The jobs of one server: fixed ones, and those submitted. */
function makeJobs() {
  const base = (id, over) => ({ job_id: id, status: 'queued', stage: '', progress: 0, eta_sec: null, attempt: 1, message: '', submitted_at: '2026-01-05T09:00:00Z', started_at: null, finished_at: null, config: merged(), run_key: createHash('sha256').update(id).digest('hex'), artifacts: [], ...over });
  const done = (id) => ({ status: 'complete', stage: 'write', progress: 1, eta_sec: 0, message: '', started_at: '2026-01-05T09:00:01Z', finished_at: '2026-01-05T09:00:13Z', artifacts: listed(id, Object.keys(files)) });
  const jobs = new Map([
    ['complete', base('complete', done('complete'))],
    ['typed', base('typed', { ...done('typed'), config: merged(typedRequest) })],
    ['full', base('full', { ...done('full'), config: merged(fullRequest) })],
    ['running', base('running', { status: 'running', stage: 'simulate', progress: 0.47, eta_sec: 8, message: 'Replication 3 of 5, scenario, iteration 4 of 12.', started_at: '2026-01-05T09:00:01Z' })],
    ['failed', base('failed', { status: 'failed', stage: 'simulate', progress: 0.5, attempt: 5, message: 'The worker was lost five times while it was computing (worker_lost).', artifacts: listed('failed', ['run.log']) })],
    ['cancelled', base('cancelled', { status: 'cancelled', stage: 'demand', progress: 0.2 })],
  ]);
  return {
    get: (id) => jobs.get(id),
    all: () => [...jobs.values()],
    submit(request) {
      const id = `job${jobs.size}`;
      jobs.set(id, { ...base(id, { config: merged(request) }), asked: 0 });
      return jobs.get(id);
    },
    /** Each question moves a submitted job one stage on. */
    ask(id) {
      const job = jobs.get(id);
      if (!job || job.asked === undefined || job.status === 'cancelled' || job.status === 'complete') return job;
      const step = job.asked++;
      if (step === 0) return job;
      if (step > STAGES.length) return Object.assign(job, done(id));
      return Object.assign(job, { status: 'running', stage: STAGES[step - 1], progress: step / (STAGES.length + 1), eta_sec: step < 3 ? null : STAGES.length - step, message: `Step ${step} of ${STAGES.length}.`, started_at: job.submitted_at });
    },
  };
}

const openapi = {
  openapi: '3.1.0',
  info: { title: 'CityFlow', version: '0.1.0', description: 'What would change if we built this?' },
  tags: [{ name: 'Runs', description: 'Start a run and follow it.' }],
  paths: {
    '/v1/submit': { post: { tags: ['Runs'], summary: 'Start a run', requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/RunRequest' } } } }, responses: { 202: { description: 'Accepted', content: { 'application/json': { schema: { $ref: '#/components/schemas/Submitted' } } } }, 422: { description: 'Wrong fields, all of them' } } } },
    '/v1/status/{job_id}': { get: { tags: ['Runs'], summary: 'Where a run stands', parameters: [{ name: 'job_id', in: 'path', required: true, schema: { type: 'string' }, description: 'From submit' }], responses: { 200: { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } } } } },
    '/v1/cities': { get: { summary: 'The cities', responses: { 200: { description: 'OK', content: { 'application/json': { schema: { type: 'array', items: { type: 'object' } } } } } } } },
  },
  components: { schemas: { RunRequest: { type: 'object', properties: { city: { type: 'string', examples: ['newport'] }, num_agents: { type: 'integer', default: 3000 } } }, Submitted: { type: 'object', properties: { job_id: { type: 'string' } } } } },
};

function check(body) {
  const errors = [];
  const known = (text) => stops.some((s) => s.id === text || s.name === text);
  if (body.city !== 'newport') errors.push({ path: 'city', message: 'There is no such city.', valid: ['newport'] });
  for (const end of ['tram_start', 'tram_end']) if (body[end] && !known(body[end])) errors.push({ path: end, message: `No stop is called “${body[end]}”.`, valid: ['Ringland Centre', '5310AWB30508'] });
  if (body.sim_date && body.sim_date !== '2023-06-13') errors.push({ path: 'sim_date', message: 'The timetable does not cover this day.', valid: ['2023-06-13'] });
  if (body.seed === 666) errors.push({ path: 'modifications[3].lanes', message: 'A problem of no field.', valid: [] });
  return errors;
}

/** With `rum`, the pages are of an operator who measures visits, under the policy that allows it. */
export function createMock(port = 0, rum = null) {
  const policy = rum ? csp.replace("connect-src 'self'", `connect-src 'self' ${rum.endpoint} https://cognito-identity.${rum.region}.amazonaws.com`) : csp;
  const jobs = makeJobs();
  const server = createServer((req, res) => {
    const url = new URL(req.url, 'http://mock');
    const path = url.pathname;
    const send = (status, type, body, headers = {}) => {
      const zip = /gzip/.test(req.headers['accept-encoding'] ?? '') && body.length > 1000;
      if (zip) headers = { ...headers, 'content-encoding': 'gzip' };
      res.writeHead(status, { 'content-type': type, 'content-security-policy': policy, 'x-content-type-options': 'nosniff', 'cache-control': 'no-cache', ...headers });
      res.end(req.method === 'HEAD' ? undefined : zip ? gzipSync(body) : body);
    };
    const json = (status, value) => send(status, 'application/json', JSON.stringify(value));
    const problem = (status, title, detailText, errors) => send(status, 'application/problem+json', JSON.stringify({ type: 'about:blank', title, status, detail: detailText, errors }));
    let m;
    if (path === '/' || path === '/web' || path === '/web/') return send(302, 'text/plain', '', { location: '/web/index.html' });
    if (path.startsWith('/web/')) {
      if (rum && path === '/web/config/site.json') return json(200, { apiBaseUrl: '', filesBaseUrl: '/files', featureFlags: {}, rum, version: '1.2.3' });
      const file = join(dist, normalize(path.slice(5)));
      if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) return send(404, 'text/plain', 'not here');
      return send(200, types[extname(file)] ?? 'application/octet-stream', readFileSync(file));
    }
    if (path === '/openapi.json') return json(200, openapi);
    if (path === '/v1/cities') return json(200, [city, other]);
    if (path === '/v1/cities/newport') return json(200, detail);
    if (path === '/v1/cities/heidelberg') return json(200, surveyed);
    if (path === detail.streets_url) return send(200, 'application/geo+json', fixture('streets.geojson'));
    if (path === '/v1/jobs') return problem(403, 'Not open', 'A token is needed.');
    if (path === '/v1/submit' && req.method === 'POST') {
      let raw = '';
      req.on('data', (chunk) => (raw += chunk));
      req.on('end', () => {
        const body = JSON.parse(raw);
        const errors = check(body);
        if (errors.length) return problem(422, 'The request cannot be run.', `${errors.length} fields need another value.`, errors);
        const job = jobs.submit(body);
        json(202, { job_id: job.job_id, status: job.status, submitted_at: job.submitted_at, cached: false });
      });
      return;
    }
    // One run of a private deployment: open to who signed in with the token "good".
    if (path === '/v1/session') return req.headers.authorization === 'Bearer good' ? send(204, 'text/plain', '', { 'set-cookie': 'session=1; HttpOnly; SameSite=Strict; Path=/' }) : problem(401, 'A token is needed', '');
    if (path === '/v1/status/private') return /session=1/.test(req.headers.cookie ?? '') ? json(200, jobs.ask('failed')) : problem(401, 'A token is needed', 'Send a token of this deployment.');
    if ((m = /^\/v1\/status\/([^/]+)$/.exec(path))) {
      const job = jobs.ask(m[1]);
      return job ? json(200, { ...job, asked: undefined }) : problem(404, 'No such job', `There is no job ${m[1]}.`);
    }
    if ((m = /^\/v1\/jobs\/([^/]+)\/cancel$/.exec(path))) {
      const job = jobs.get(m[1]);
      if (!job) return problem(404, 'No such job', '');
      if (job.status === 'complete') return problem(409, 'Already complete', '');
      job.status = 'cancelled';
      return json(202, { job_id: job.job_id, status: job.status });
    }
    if ((m = /^\/v1\/insights\/([^/]+)$/.exec(path))) return jobs.get(m[1])?.status === 'complete' ? json(200, { summary_md: insights, cached: true }) : problem(404, 'No insights', '');
    if ((m = /^\/v1\/insights\/([^/]+)\/chat$/.exec(path)) && req.method === 'POST') {
      let text = '';
      req.on('data', (d) => (text += d));
      req.on('end', () => {
        const { query } = JSON.parse(text);
        if (/fail/.test(query)) return problem(503, 'Something the server needs is not working', 'Try again.');
        json(200, { reply_md: `Between 08:00 and 10:00:\n\n- About **${query.length}** of it <img src=x onerror=alert(1)> [and](javascript:alert(1))\n`, source: 'rules' });
      });
      return;
    }
    if ((m = /^\/files\/jobs\/([^/]+)\/([^/]+)$/.exec(path)) && jobs.get(m[1])?.artifacts.some((a) => a.name === m[2])) return send(200, ...files[m[2]]);
    return problem(404, 'Nothing here', path);
  });
  return new Promise((ready) => server.listen(port, '127.0.0.1', () => ready({ url: `http://127.0.0.1:${server.address().port}`, close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))) })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await createMock(Number(process.argv[2] ?? 8099))).url + '/web/index.html');
