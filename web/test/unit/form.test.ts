import { describe, expect, it } from 'vitest';
import type { CityDetail, Config, Stop } from '../../src/lib/api/types';
import { defaultForm, obviousProblems, planLink, toRequest, withQuery } from '../../src/lib/plan';
import { fieldOf, sortProblems } from '../../src/lib/problems';
import { distribution, problem, sum } from '../../src/lib/shares';
import { distanceKm, findStop, searchStops, stopOptions } from '../../src/lib/stops';

const stop = (id: string, name: string, group: number, lon = -3, lat = 51.58): Stop => ({ id, name, lon, lat, modes: ['bus'], group });
const stops = [stop('a1', 'Royal Gwent Hospital', 1), stop('a2', 'Royal Gwent Hospital', 1), stop('b1', 'High Street', 2), stop('b2', 'High Street', 3), stop('c1', 'Ringland Centre', 4, -2.93), stop('d1', 'Café Row', 5)];
const options = stopOptions(stops);
const city = {
  slug: 'newport', name: 'Newport', service_date: '2023-06-13', service_window: { from: '04:00', to: '24:00' }, mode_share: { car: 67, bike: 2, walk: 16, transit: 15 },
  default: { name: 'A tram', stops: ['a1', 'c1'] }, stops, limits: { max_agents: 200000 },
} as unknown as CityDetail;

describe('stops', () => {
  it('are one entry per group, with the id where a name is shared', () => {
    expect(options.map((o) => o.label)).toEqual(['Café Row', 'High Street (b1)', 'High Street (b2)', 'Ringland Centre', 'Royal Gwent Hospital']);
    expect(options.at(-1)!.ids).toEqual(['a1', 'a2']);
  });
  it('stay apart when nothing is grouped', () => {
    expect(stopOptions([stop('x', 'Same', 0), stop('y', 'Same', 0)]).map((o) => o.label)).toEqual(['Same (x)', 'Same (y)']);
  });
  it('are found by id, label or a name of one place', () => {
    expect(findStop(options, 'A2')?.id).toBe('a1');
    expect(findStop(options, ' ringland centre ')?.id).toBe('c1');
    expect(findStop(options, 'High Street (b2)')?.id).toBe('b2');
    expect(findStop(options, 'High Street')).toBeUndefined();
    expect(findStop(options, '')).toBeUndefined();
  });
  it('are ranked by where the text begins, accents aside', () => {
    expect(searchStops(options, 'cafe').map((o) => o.id)).toEqual(['d1']);
    expect(searchStops(options, 'r').map((o) => o.id)).toEqual(['c1', 'a1', 'd1', 'b1', 'b2']);
    expect(searchStops(options, 'gwent royal').map((o) => o.id)).toEqual(['a1']);
    expect(searchStops(options, 'zzz')).toEqual([]);
    expect(searchStops(options, '', 2)).toHaveLength(2);
  });
  it('are apart by a distance good to a percent', () => {
    expect(distanceKm({ lon: 0, lat: 51 }, { lon: 0, lat: 52 })).toBeCloseTo(111.2, 1);
    expect(distanceKm({ lon: 0, lat: 60 }, { lon: 1, lat: 60 })).toBeCloseTo(55.6, 1);
  });
});

describe('shares', () => {
  it('add up without dust', () => {
    expect(sum({ drive: 33.3, cycle: 33.3, tram: 33.4, walk: null })).toBe(100);
    expect(problem({ drive: 33.3, cycle: 33.3, tram: 33.4, walk: null })).toBe('');
  });
  it('name what is wrong', () => {
    expect(problem({ drive: 60, cycle: 10, tram: 20, walk: null })).toBe('10 percent are missing to 100.');
    expect(problem({ drive: 60, cycle: 10, tram: 30, walk: 5 })).toBe('5 percent above 100.');
    expect(problem({ drive: null, cycle: 10, tram: 30, walk: 5 })).toMatch(/^Car needs/);
    expect(problem({ drive: -1, cycle: 41, tram: 60, walk: null })).toMatch(/^Car must lie/);
  });
  it('leave walk out when it is empty, and keep a typed zero', () => {
    expect(distribution({ drive: 60, cycle: 10, tram: 30, walk: null })).toEqual({ drive: 60, cycle: 10, tram: 30 });
    expect(distribution({ drive: 60, cycle: 10, tram: 30, walk: 0 })).toEqual({ drive: 60, cycle: 10, tram: 30, walk: 0 });
  });
});

describe('the plan', () => {
  const form = defaultForm(city, options);
  it('starts with the ready what-if of the city', () => {
    expect([form.start, form.end, form.agents, form.level, form.time]).toEqual(['Royal Gwent Hospital', 'Ringland Centre', 3000, 'peak', '08:00']);
    expect(toRequest(city, form, options)).toEqual({ city: 'newport', tram_start: 'a1', tram_end: 'c1', num_agents: 3000, traffic_level: 'peak', sim_date: '2023-06-13', sim_time: '08:00', replications: 5, seed: 1 });
  });
  it('asks for a default of many stops by the city alone', () => {
    const long = { ...city, default: { name: '', stops: ['a1', 'b1', 'c1'] } };
    expect(toRequest(long, form, options).tram_start).toBeUndefined();
    expect(toRequest(long, { ...form, end: 'Café Row' }, options).tram_end).toBe('d1');
  });
  it('sends what it cannot resolve as it was typed', () => {
    expect(toRequest(city, { ...form, start: ' High Street ' }, options).tram_start).toBe('High Street');
  });
  it('sees the obvious before asking', () => {
    expect(obviousProblems(form, options, 200000)).toEqual([]);
    expect(obviousProblems({ ...form, start: '', end: 'Ringland Centre', agents: 0 }, options, 200000).map((p) => p.path)).toEqual(['tram_start', 'num_agents']);
    expect(obviousProblems({ ...form, end: 'a2' }, options, 200000).map((p) => p.path)).toEqual(['tram_end']);
  });
  it('comes back from its own link', () => {
    const config = { city: 'newport', agents: 1234, traffic_level: 'off-peak', date: '2023-06-14', window: { from: '12:30', to: '14:30' }, replications: 7, seed: 9, modifications: [{ type: 'new_line', stops: ['c1', { id: 'b2', name: 'High Street' }] }] } as unknown as Config;
    const link = new URL(planLink(config), 'http://x');
    const back = withQuery(form, link.searchParams, options);
    expect(back).toMatchObject({ start: 'Ringland Centre', end: 'High Street (b2)', agents: 1234, level: 'off-peak', date: '2023-06-14', time: '12:30', replications: 7, seed: 9 });
    expect(withQuery(form, new URLSearchParams('agents=-3&level=rush&date=x&time=9'), options)).toEqual(form);
  });
});

describe('problems', () => {
  it('find their field by either name', () => {
    expect(['tram_start', 'modifications[0].stops[0]', 'modifications[0].stops[1]', 'body.num_agents', '$.agents', 'agent_distribution.drive', 'mode_share', 'sim_date', 'window.from', 'sim_time', 'city'].map(fieldOf)).toEqual(['start', 'start', 'end', 'agents', 'agents', 'shares', 'shares', 'date', 'time', 'time', 'city']);
    expect(fieldOf('modifications[3].lanes')).toBeUndefined();
    expect(fieldOf('')).toBeUndefined();
  });
  it('are never dropped', () => {
    const all = [{ path: 'tram_end', message: 'a' }, { path: '', message: 'b' }, { path: 'tram_end', message: 'c' }];
    expect(sortProblems(all)).toEqual({ fields: { end: [all[0], all[2]] }, rest: [all[1]] });
  });
});
