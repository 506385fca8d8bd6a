// The plan form: its state, the request it makes, and the way back from a run to the form.
import type { CityDetail, Config, Modification, RunRequest, StopRef, Window } from './api/types';
import { minutesOfDay, clock } from './format';
import { distribution, type ShareInput } from './shares';
import { findStop, type StopOption } from './stops';

/**
 * Which change is asked for. The city's ready what-if and a line between two
 * typed stops are different questions even where their ends agree: the first
 * has given stops, the second calls at those it passes.
 */
export type What = 'default' | 'stops' | 'kept';

/** What an earlier run had and the form has no fields for: sent as it was. */
export interface Kept {
  modifications?: Modification[];
  /** length of the window, where it is not the usual two hours */
  minutes?: number;
  iterations?: number;
  average_last?: number;
}

export interface PlanForm {
  what: What;
  kept: Kept;
  start: string;
  end: string;
  agents: number;
  ownShares: boolean;
  shares: ShareInput;
  level: string;
  date: string;
  time: string;
  replications: number;
  seed: number;
}

/** What the service fills in where a request says nothing; test/unit/contract.test.ts compares them with the Go sources. */
export const usual = { minutes: 120, iterations: 12, average_last: 3, speed_kmh: 20, dwell_s: 25, capacity: 200, every_min: 10 };

/** The source of shares that somebody typed, in the words of the service. */
export const typedShares = 'assumed by user';

/** When a run of this level starts unless somebody says so: where the timetable holds part of the day, inside it, as the service does. */
export function startTime(level: string, service: Window): string {
  const usualStart = minutesOfDay(level === 'off-peak' ? '11:00' : '08:00');
  return clock(Math.max(Math.min(usualStart, minutesOfDay(service.to) - usual.minutes), minutesOfDay(service.from)));
}

export const hasDefault = (city: CityDetail): boolean => (city.default.stops ?? []).length > 1;

/** What the city's ready what-if changes beside its line: a line between two stops of one's own does not. */
export const alsoChanged = (city: CityDetail): Modification[] => city.default.also ?? [];

/** The ends of the city's ready what-if, as the form shows them. */
export function defaultEnds(city: CityDetail, options: StopOption[]): { start: string; end: string } {
  const stops = city.default.stops ?? [];
  const label = (id: string | undefined) => (id ? (findStop(options, id)?.label ?? id) : '');
  return { start: label(stops[0]), end: label(stops.at(-1)) };
}

/** The city's ready what-if. */
export function defaultForm(city: CityDetail, options: StopOption[]): PlanForm {
  const share = city.mode_share;
  return {
    what: hasDefault(city) ? 'default' : 'stops',
    kept: {},
    ...defaultEnds(city, options),
    agents: 3000,
    ownShares: false,
    shares: { drive: share.car, cycle: share.bike, tram: share.transit, walk: share.walk },
    level: 'peak',
    date: city.service_date,
    time: startTime('peak', city.service_window),
    replications: 5,
    seed: 1,
  };
}

/** Values that the link of the page carries on top of the defaults. */
export function withQuery(form: PlanForm, query: URLSearchParams, options: StopOption[], service: Window): PlanForm {
  const out = { ...form };
  const label = (text: string) => findStop(options, text)?.label ?? text;
  const count = (name: string, fallback: number) => {
    const v = Number(query.get(name) ?? NaN);
    return Number.isInteger(v) && v >= 0 ? v : fallback;
  };
  if (query.has('from') || query.has('to')) out.what = 'stops';
  if (query.has('from')) out.start = label(query.get('from')!);
  if (query.has('to')) out.end = label(query.get('to')!);
  out.agents = count('agents', form.agents);
  out.replications = count('replications', form.replications);
  out.seed = count('seed', form.seed);
  const level = query.get('level');
  if (level === 'peak' || level === 'off-peak') {
    out.level = level;
    out.time = startTime(level, service);
  }
  if (/^\d{4}-\d{2}-\d{2}$/.test(query.get('date') ?? '')) out.date = query.get('date')!;
  if (/^\d{2}:\d{2}$/.test(query.get('time') ?? '')) out.time = query.get('time')!;
  return out;
}

/** The link that brings a run back into the form. */
export const planLink = (city: string, job: string): string => `/web/plan.html?${new URLSearchParams({ c: city, again: job })}`;

const idOf = (s: string | StopRef): string => (typeof s === 'string' ? s : (s.id ?? s.name ?? ''));
const nameOf = (s: string | StopRef): string => (typeof s === 'string' ? s : (s.name ?? s.id ?? ''));

/** Whether a line has the service that the short form and the ready what-if always have. */
function usualService(line: Modification, city: CityDetail): boolean {
  const is = (v: number | undefined, want: number) => v === undefined || v === want;
  const [headway, ...more] = line.headways ?? [];
  const whole = headway === undefined || (headway.every_min === usual.every_min && headway.from === city.service_window.from && headway.to === city.service_window.to);
  // The service numbers only its own lines "tram-…"; those of a full request are "new-line-…" or what the request says.
  return /^tram-\d+$/.test(line.id ?? 'tram-1') && (line.mode ?? 'tram') === 'tram' && !line.lane && line.bidirectional !== false && whole && more.length === 0 && is(line.speed_kmh, usual.speed_kmh) && is(line.dwell_s, usual.dwell_s) && is(line.capacity, usual.capacity);
}

/** The form of an earlier run: what it cannot show stays attached, never dropped. */
export function fromConfig(city: CityDetail, config: Config, options: StopOption[]): PlanForm {
  const form: PlanForm = { ...defaultForm(city, options), agents: config.agents, level: config.traffic_level, date: config.date, time: config.window.from, replications: config.replications, seed: config.seed };
  const minutes = minutesOfDay(config.window.to) - minutesOfDay(config.window.from);
  if (minutes !== usual.minutes) form.kept.minutes = minutes;
  if (config.iterations !== usual.iterations) form.kept.iterations = config.iterations;
  if (config.average_last !== usual.average_last) form.kept.average_last = config.average_last;
  if (config.mode_share_source === typedShares) {
    const s = config.mode_share;
    form.ownShares = true;
    form.shares = { drive: s.car, cycle: s.bike, tram: s.transit, walk: config.mode_share_non_walk ? null : s.walk };
  }
  const same = (a: string, b: string) => a === b || (findStop(options, a) !== undefined && findStop(options, a) === findStop(options, b));
  const all = config.modifications ?? [];
  const also = alsoChanged(city);
  // Both come from the service, field by field in one order.
  const withAlso = all.length === 1 + also.length && JSON.stringify(all.slice(1)) === JSON.stringify(also);
  const line = (all.length === 1 || withAlso) && all[0]!.type === 'new_line' && usualService(all[0]!, city) ? all[0]! : undefined;
  const stops = line?.stops ?? [];
  const ready = city.default.stops ?? [];
  const asked = stops.filter((s) => typeof s === 'string' || !s.chosen);
  const ends = [stops[0], stops.at(-1)];
  if (line && withAlso && asked.length === stops.length && stops.length === ready.length && stops.every((s, i) => same(idOf(s), ready[i]!))) return { ...form, what: 'default' };
  if (line && all.length === 1 && asked.length === 2 && asked.every((s, i) => s === ends[i])) {
    const label = (s: string | StopRef) => findStop(options, idOf(s))?.label ?? nameOf(s);
    return { ...form, what: 'stops', start: label(asked[0]!), end: label(asked[1]!) };
  }
  return { ...form, what: 'kept', kept: { ...form.kept, modifications: all } };
}

const kinds: Record<string, string> = { new_line: 'New line', change_line: 'Changed line', close_links: 'Closed streets', speed_limit: 'Speed limit', change_capacity: 'Changed capacity', toll: 'Toll', demand_scale: 'More or fewer trips' };

/** One change in a few words. */
export function changeWords(m: Modification): string {
  const kind = kinds[m.type] ?? m.type;
  const stops = m.stops ?? [];
  return [kind, m.name ? `: ${m.name}` : m.id ? `: ${m.id}` : '', stops.length ? ` (${stops.map(nameOf).join(', ')})` : ''].join('');
}

export function toRequest(city: CityDetail, form: PlanForm, options: StopOption[]): RunRequest {
  const end = (text: string) => findStop(options, text)?.id ?? text.trim();
  const { minutes, iterations, average_last } = form.kept;
  return {
    city: city.slug,
    ...(form.what === 'stops' ? { tram_start: end(form.start), tram_end: end(form.end) } : {}),
    ...(form.what === 'kept' ? { modifications: form.kept.modifications ?? [] } : {}),
    num_agents: form.agents,
    ...(form.ownShares ? { agent_distribution: distribution(form.shares) } : {}),
    traffic_level: form.level,
    sim_date: form.date,
    sim_time: form.time,
    ...(minutes === undefined ? {} : { window: { from: form.time, to: clock(minutesOfDay(form.time) + minutes) } }),
    replications: form.replications,
    seed: form.seed,
    ...(iterations === undefined ? {} : { iterations }),
    ...(average_last === undefined ? {} : { average_last }),
  };
}

/** What the form can see to be wrong before asking, by field. */
export function obviousProblems(form: PlanForm, options: StopOption[], maxAgents: number): { path: string; message: string }[] {
  const out: { path: string; message: string }[] = [];
  if (form.what === 'stops') {
    if (form.start.trim() === '') out.push({ path: 'tram_start', message: 'Choose where the tram starts.' });
    if (form.end.trim() === '') out.push({ path: 'tram_end', message: 'Choose where the tram ends.' });
    const a = findStop(options, form.start);
    if (a && a === findStop(options, form.end)) out.push({ path: 'tram_end', message: 'The tram must end at another stop than it starts.' });
  }
  if (!Number.isInteger(form.agents) || form.agents < 1 || form.agents > maxAgents)
    out.push({ path: 'num_agents', message: `A whole number from 1 to ${maxAgents.toLocaleString('en-GB')}.` });
  return out;
}
