import { afterEach, expect, it, vi } from 'vitest';
import type { CityDetail } from '../../src/lib/api/types';
import { asksNotTo, readRum } from '../../src/lib/consent';
import { comparisons, facts, geh, onlyHours } from '../../src/lib/observed';
import { scrub } from '../../src/lib/scrub';
import { readView, writeView } from '../../src/lib/view';

afterEach(() => vi.unstubAllGlobals());

const share = (values: Record<string, number>) => Object.entries(values).map(([mode, value]) => ({ kind: 'mode_share' as const, mode, value }));
const city = (over: Partial<CityDetail>) =>
  ({
    mode_share: { car: 22, bike: 26, walk: 38, transit: 14 },
    mode_share_assumed: false,
    observed: [
      { what: 'residents', value: '128,060', source: 'census', figures: [] },
      { what: 'trips', value: '', source: 'SrV 2013', year: 2013, figures: share({ car: 22, bike: 26, walk: 38, transit: 14 }) },
      { what: 'all trips', value: '', source: 'SrV', year: 2018, figures: share({ car: 29 }) },
      { what: 'trips', value: '', source: 'SrV', year: 2023, figures: [{ kind: 'trip_rate', mode: 'all', value: 3.7 }] },
    ],
    baseline: { figures: [...share({ car: 22.3, bike: 25.9 }), { kind: 'trip_rate', mode: 'all', value: 2.26 }] },
    ...over,
  }) as CityDetail;

it('holds the model against what was observed', () => {
  const [first, car, rate, ...more] = comparisons(city({}));
  expect(more).toEqual([]);
  expect(first).toMatchObject({ year: 2013, target: true });
  expect(first!.pairs.map((p) => p.model)).toEqual([22.3, 25.9, undefined, undefined]);
  expect(car).toMatchObject({ target: false, pairs: [{ mode: 'car', observed: 29, model: 22.3 }] });
  expect(rate).toMatchObject({ kind: 'trip_rate', pairs: [{ mode: 'all', observed: 3.7, model: 2.26 }] });
  expect(facts(city({})).map((o) => o.value)).toEqual(['128,060']);
});

it('holds the flow of the same street, direction and hour against a count', () => {
  const spot = { way: 7, name: 'Bridge Street', heading: 'north', lon: -3, lat: 51.5, from: '08:00', to: '09:00' };
  const count = (value: number, over = {}) => ({ kind: 'count' as const, mode: 'car', value, spot: { ...spot, ...over } });
  const [held, ...more] = comparisons(
    city({
      observed: [{ what: 'cars', value: '', source: 'loops', year: 2019, figures: [count(100), count(90, { heading: 'south' }), count(80, { from: '05:00', to: '06:00' })] }],
      baseline: { figures: [count(70, { heading: 'south' }), count(144), { kind: 'travel_time', mode: 'car', value: 9 }] } as CityDetail['baseline'],
    }),
  );
  expect(more).toEqual([]);
  expect(held!.pairs.map((p) => p.model)).toEqual([144, 70, undefined]);
  // 2 x 44² / 244 = 15.87, its root 3.98
  expect(held!.pairs[0]!.geh).toBeCloseTo(3.984, 3);
  expect(held!.pairs[2]!.geh).toBeUndefined();
  expect(geh(0, 0)).toBe(0);
});

it('shows observations without a baseline, and nothing of cities that have none', () => {
  expect(comparisons(city({ baseline: null }))[0]!.pairs[0]).toEqual({ mode: 'car', observed: 22, model: undefined });
  expect(comparisons(city({ observed: null }))).toEqual([]);
  // An older or newer server may tell of other things.
  expect(comparisons(city({ observed: [{ what: 'w', value: 'v', source: 's', figures: [{ kind: 'noise' as never, mode: 'all', value: 1 }] }] }))).toEqual([]);
  expect(comparisons(city({ mode_share_assumed: true }))[0]!.target).toBe(false);
});

it('tells a timetable of a few hours from one of a day', () => {
  expect(onlyHours({ from: '06:00', to: '10:00' })).toBe('06:00 to 10:00 only');
  expect(onlyHours({ from: '05:00', to: '24:00' })).toBe('');
  expect(onlyHours(undefined)).toBe('');
});

it.each([
  ['/web/results.html?job_id=abc#map', '/web/results.html'],
  ['{"referrer":"https://x.org/web/plan.html?c=newport&again=abc","n":1}', '{"referrer":"https://x.org/web/plan.html","n":1}'],
  ['at f (https://x.org/web/assets/results-Ab1.js:1:20)', 'at f (https://x.org/web/assets/results-Ab1.js:1:20)'],
  ['failed: /files/jobs/mfrggzdfmztwq2lk/summary.json', 'failed: /files/jobs/*/summary.json'],
  ['https://api.x.org/v1/status/mfrggzdfmztwq2lk is 500', 'https://api.x.org/v1/status/* is 500'],
  ['job_id=mfrggzdf', 'job_id=*'],
  ['Did it work? Yes.', 'Did it work? Yes.'],
])('takes questions and runs out of %s', (text, want) => expect(scrub(text)).toBe(want));

it('reads only a configuration that can work', () => {
  const good = { app_monitor_id: 'a', identity_pool_id: 'eu-west-2:p', region: 'eu-west-2', sample_rate: 0.1, endpoint: 'https://dataplane.rum.eu-west-2.amazonaws.com' };
  expect(readRum(good)).toEqual(good);
  expect(readRum({ app_monitor_id: 'a', region: 'eu-west-2' })).toEqual({ ...good, identity_pool_id: null, sample_rate: 1 });
  for (const bad of [null, undefined, {}, 'x', { ...good, app_monitor_id: '' }, { ...good, region: 'evil.example/' }, { ...good, sample_rate: 0 }, { ...good, sample_rate: 'all' }, { ...good, endpoint: 'nowhere' }]) expect(readRum(bad)).toBeUndefined();
});

it('hears browsers that ask not to be measured', () => {
  for (const b of [{ globalPrivacyControl: true }, { doNotTrack: '1' }, { doNotTrack: 'yes' }]) expect(asksNotTo(b)).toBe(true);
  for (const b of [{}, { globalPrivacyControl: false }, { doNotTrack: null }, { doNotTrack: '0' }, { doNotTrack: 'unspecified' }]) expect(asksNotTo(b)).toBe(false);
});

it('keeps where a map looks in a short text', () => {
  expect(writeView({ lon: -2.98765432, lat: 51.5, zoom: 13.24 })).toBe('-2.9877,51.5000,13.2');
  expect(readView('-2.9877,51.5000,13.2')).toEqual({ lon: -2.9877, lat: 51.5, zoom: 13.2 });
  for (const bad of [null, '', '1,2', '200,0,3', '0,89,3', '0,0,99', 'a,b,c', '1e3,2,3', '-2.9,51.5,13.2,1']) expect(readView(bad)).toBeUndefined();
});
