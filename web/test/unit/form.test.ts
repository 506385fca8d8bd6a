import { describe, expect, it } from 'vitest';
import type { CityDetail, Config, Stop } from '../../src/lib/api/types';
import { alsoChanged, changeWords, defaultForm, fromConfig, obviousProblems, planLink, startTime, toRequest, withQuery } from '../../src/lib/plan';
import { fieldOf, sortProblems } from '../../src/lib/problems';
import { distribution, problem, sum } from '../../src/lib/shares';
import { distanceKm, findStop, searchStops, stopOptions } from '../../src/lib/stops';

const stop = (id: string, name: string, group: number, lon = -3, lat = 51.58): Stop => ({ id, name, lon, lat, modes: ['bus'], group });
const stops = [stop('a1', 'Royal Gwent Hospital', 1), stop('a2', 'Royal Gwent Hospital', 1), stop('b1', 'High Street', 2), stop('b2', 'High Street', 3), stop('c1', 'Ringland Centre', 4, -2.93), stop('d1', 'Café Row', 5)];
const options = stopOptions(stops);
const city = {
  slug: 'newport', name: 'Newport', service_date: '2023-06-13', service_window: { from: '04:00', to: '24:00' }, mode_share: { car: 67, bike: 2, walk: 16, transit: 15 },
  default: { name: 'A tram', stops: ['a1', 'c1'], also: [] }, stops, limits: { max_agents: 200000 },
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
  const asked = { num_agents: 3000, traffic_level: 'peak', sim_date: '2023-06-13', sim_time: '08:00', replications: 5, seed: 1 };
  it('starts with the ready what-if of the city, asked for by the city alone', () => {
    expect([form.what, form.start, form.end, form.agents, form.level, form.time]).toEqual(['default', 'Royal Gwent Hospital', 'Ringland Centre', 3000, 'peak', '08:00']);
    expect(toRequest(city, form, options)).toEqual({ city: 'newport', ...asked });
  });
  it('sends two typed stops, also where they are the ends of the ready what-if', () => {
    expect(toRequest(city, { ...form, what: 'stops' }, options)).toEqual({ city: 'newport', tram_start: 'a1', tram_end: 'c1', ...asked });
    expect(defaultForm({ ...city, default: { name: '', stops: [], also: [] } }, options)).toMatchObject({ what: 'stops', start: '', end: '' });
  });
  it('sends what it cannot resolve as it was typed', () => {
    expect(toRequest(city, { ...form, what: 'stops', start: ' High Street ' }, options).tram_start).toBe('High Street');
  });
  it('sees the obvious before asking', () => {
    expect(obviousProblems(form, options, 200000)).toEqual([]);
    expect(obviousProblems({ ...form, what: 'stops', start: '', end: 'Ringland Centre', agents: 0 }, options, 200000).map((p) => p.path)).toEqual(['tram_start', 'num_agents']);
    expect(obviousProblems({ ...form, what: 'stops', end: 'a2' }, options, 200000).map((p) => p.path)).toEqual(['tram_end']);
  });
  it('takes values from its link', () => {
    expect(withQuery(form, new URLSearchParams('from=c1&to=High+Street+(b2)&agents=1234&level=off-peak&time=12:30&seed=9'), options, city.service_window)).toMatchObject({ what: 'stops', start: 'Ringland Centre', end: 'High Street (b2)', agents: 1234, level: 'off-peak', time: '12:30', seed: 9 });
    expect(withQuery(form, new URLSearchParams('agents=-3&level=rush&date=x&time=9'), options, city.service_window)).toEqual(form);
    expect(planLink('newport', 'job 1')).toBe('/web/plan.html?c=newport&again=job+1');
  });
});

describe('a run that is changed and run again', () => {
  const service = { alignment: 'own_way', headways: [{ from: '04:00', to: '24:00', every_min: 10 }], speed_kmh: 20, dwell_s: 25, capacity: 200, fare: 2, bidirectional: true };
  const at = (id: string, chosen = false) => ({ id, name: stops.find((s) => s.id === id)!.name, ...(chosen ? { chosen } : {}) });
  const line = { type: 'new_line', id: 'tram-1', name: 'Tram', mode: 'tram', stops: [at('b2'), at('a2', true), at('b1', true), at('c1')], ...service };
  const config = { city: 'newport', agents: 1234, traffic_level: 'off-peak', date: '2023-06-13', window: { from: '12:30', to: '14:30' }, replications: 7, seed: 9, iterations: 12, average_last: 3, mode_share: { car: 70, bike: 10, walk: 0, transit: 20 }, mode_share_non_walk: true, mode_share_source: 'assumed by user', modifications: [line] } as unknown as Config;
  const request = (over: Partial<Config>, c = city) => toRequest(c, fromConfig(c, { ...config, ...over } as Config, options), options);
  const plain = { city: 'newport', num_agents: 1234, traffic_level: 'off-peak', sim_date: '2023-06-13', sim_time: '12:30', replications: 7, seed: 9 };
  const typed = { agent_distribution: { drive: 70, cycle: 10, tram: 20 } };
  const ends = { tram_start: 'b2', tram_end: 'c1' };

  it('starts inside the hours of the timetable, as the service does', () => {
    const at = (from: string, to: string) => ['peak', 'off-peak'].map((l) => startTime(l, { from, to }));
    expect(at('05:00', '24:00')).toEqual(['08:00', '11:00']);
    expect(at('12:00', '16:00')).toEqual(['12:00', '12:00']);
    expect(at('06:00', '10:00')).toEqual(['08:00', '08:00']);
    expect(at('06:00', '09:00')).toEqual(['07:00', '07:00']);
    const noon = { ...city, service_window: { from: '12:00', to: '16:00' } };
    expect(defaultForm(noon, options).time).toBe('12:00');
    expect(withQuery(defaultForm(noon, options), new URLSearchParams('level=off-peak'), options, noon.service_window).time).toBe('12:00');
  });
  it('asks for the same two stops with the same shares', () => {
    expect(request({})).toEqual({ ...plain, ...typed, ...ends });
    expect(fromConfig(city, config, options)).toMatchObject({ what: 'stops', start: 'High Street (b2)', end: 'Ringland Centre' });
    // Ends that happen to be those of the ready what-if are still two stops.
    expect(request({ modifications: [{ ...line, stops: [at('a1'), at('b1', true), at('c1')] }] })).toEqual({ ...plain, ...typed, tram_start: 'a1', tram_end: 'c1' });
  });
  it('takes over shares only where somebody typed them', () => {
    expect(request({ mode_share_non_walk: false, mode_share: { car: 60, bike: 10, walk: 5, transit: 25 } }).agent_distribution).toEqual({ drive: 60, cycle: 10, tram: 25, walk: 5 });
    expect(request({ mode_share_source: 'a survey' })).toEqual({ ...plain, ...ends });
  });
  it('keeps the ready what-if where its stops were run', () => {
    const long = { ...city, default: { name: 'x', stops: ['a1', 'b1', 'c1'], also: [] } };
    const run = { modifications: [{ ...line, stops: [at('a1'), at('b1'), at('c1')] }] };
    expect(fromConfig(long, { ...config, ...run } as Config, options).what).toBe('default');
    expect(request(run, long)).toEqual({ ...plain, ...typed });
  });
  it('takes what changes beside the ready line with it, and with it alone', () => {
    const lane = { type: 'change_capacity', id: 'change-capacity-1', name: 'A lane less', lanes: -1, links: [{ way: 7 }] };
    const calm = { ...city, default: { name: 'x', stops: ['a1', 'b1', 'c1'], also: [lane] } } as unknown as CityDetail;
    const ready = { ...line, stops: [at('a1'), at('b1'), at('c1')] };
    expect(alsoChanged(calm).map(changeWords)).toEqual(['Changed capacity: A lane less']);
    expect(alsoChanged({ ...city, default: { name: 'x', stops: [], also: null } })).toEqual([]);
    // Asked for by the city alone: the service adds it, once.
    expect(fromConfig(calm, { ...config, modifications: [ready, lane] } as Config, options).what).toBe('default');
    expect(request({ modifications: [ready, lane] }, calm)).toEqual({ ...plain, ...typed });
    // Two other stops, and an earlier run of any other mix, stay what they were.
    expect(request({}, calm)).toEqual({ ...plain, ...typed, ...ends });
    const mixes = [[ready], [ready, { ...lane, lanes: -2 }], [ready, lane, lane], [line, lane], [lane]];
    for (const modifications of mixes) expect(request({ modifications } as Partial<Config>, calm)).toEqual({ ...plain, ...typed, modifications });
  });
  it('sends changes unchanged that the form cannot express', () => {
    const kept = [
      [{ ...line, speed_kmh: 30 }],
      [{ ...line, headways: [{ from: '06:00', to: '22:00', every_min: 10 }] }],
      [{ ...line, id: 'new-line-1' }],
      [{ ...line, stops: [at('b2'), at('b1'), at('c1')] }],
      [line, { type: 'close_links', id: 'close-1', links: [{ way: 7 }] }],
      [],
    ];
    for (const modifications of kept) expect(request({ modifications })).toEqual({ ...plain, ...typed, modifications });
    expect(obviousProblems({ ...fromConfig(city, { ...config, modifications: [] }, options), start: '', end: '' }, options, 200000)).toEqual([]);
    expect(changeWords(line)).toBe('New line: Tram (High Street, Royal Gwent Hospital, High Street, Ringland Centre)');
    expect(changeWords({ type: 'close_links', id: 'close-1' })).toBe('Closed streets: close-1');
  });
  it('keeps the length of the window and the iterations', () => {
    expect(request({ window: { from: '12:30', to: '13:15' }, iterations: 20, average_last: 5 })).toEqual({ ...plain, ...typed, ...ends, window: { from: '12:30', to: '13:15' }, iterations: 20, average_last: 5 });
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
