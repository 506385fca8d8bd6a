// The plan form: its state, the request it makes, and the link that brings it back.
import type { CityDetail, Config, RunRequest } from './api/types';
import { distribution, type ShareInput } from './shares';
import { findStop, type StopOption } from './stops';

export interface PlanForm {
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

export const startTime = (level: string): string => (level === 'off-peak' ? '11:00' : '08:00');

/** The city's ready what-if. */
export function defaultForm(city: CityDetail, options: StopOption[]): PlanForm {
  const label = (id: string | undefined) => (id ? (findStop(options, id)?.label ?? id) : '');
  const share = city.mode_share;
  return {
    start: label(city.default.stops[0]),
    end: label(city.default.stops.at(-1)),
    agents: 3000,
    ownShares: false,
    shares: { drive: share.car, cycle: share.bike, tram: share.transit, walk: share.walk },
    level: 'peak',
    date: city.service_date,
    time: startTime('peak'),
    replications: 5,
    seed: 1,
  };
}

/** Values that the link of the page carries on top of the defaults. */
export function withQuery(form: PlanForm, query: URLSearchParams, options: StopOption[]): PlanForm {
  const out = { ...form };
  const label = (text: string) => findStop(options, text)?.label ?? text;
  const count = (name: string, fallback: number) => {
    const v = Number(query.get(name) ?? NaN);
    return Number.isInteger(v) && v >= 0 ? v : fallback;
  };
  if (query.has('from')) out.start = label(query.get('from')!);
  if (query.has('to')) out.end = label(query.get('to')!);
  out.agents = count('agents', form.agents);
  out.replications = count('replications', form.replications);
  out.seed = count('seed', form.seed);
  const level = query.get('level');
  if (level === 'peak' || level === 'off-peak') {
    out.level = level;
    out.time = startTime(level);
  }
  if (/^\d{4}-\d{2}-\d{2}$/.test(query.get('date') ?? '')) out.date = query.get('date')!;
  if (/^\d{2}:\d{2}$/.test(query.get('time') ?? '')) out.time = query.get('time')!;
  return out;
}

export function toRequest(city: CityDetail, form: PlanForm, options: StopOption[]): RunRequest {
  const start = findStop(options, form.start)?.id ?? form.start.trim();
  const end = findStop(options, form.end)?.id ?? form.end.trim();
  // A default of more than two stops can only be asked for by the city alone.
  const ready = city.default.stops;
  const untouched = ready.length > 2 && start === findStop(options, ready[0]!)?.id && end === findStop(options, ready.at(-1)!)?.id;
  return {
    city: city.slug,
    ...(untouched ? {} : { tram_start: start, tram_end: end }),
    num_agents: form.agents,
    ...(form.ownShares ? { agent_distribution: distribution(form.shares) } : {}),
    traffic_level: form.level,
    sim_date: form.date,
    sim_time: form.time,
    replications: form.replications,
    seed: form.seed,
  };
}

/** What the form can see to be wrong before asking, by field. */
export function obviousProblems(form: PlanForm, options: StopOption[], maxAgents: number): { path: string; message: string }[] {
  const out: { path: string; message: string }[] = [];
  if (form.start.trim() === '') out.push({ path: 'tram_start', message: 'Choose where the tram starts.' });
  if (form.end.trim() === '') out.push({ path: 'tram_end', message: 'Choose where the tram ends.' });
  const a = findStop(options, form.start);
  if (a && a === findStop(options, form.end)) out.push({ path: 'tram_end', message: 'The tram must end at another stop than it starts.' });
  if (!Number.isInteger(form.agents) || form.agents < 1 || form.agents > maxAgents)
    out.push({ path: 'num_agents', message: `A whole number from 1 to ${maxAgents.toLocaleString('en-GB')}.` });
  return out;
}

/** The link to the plan page that makes the same request again. */
export function planLink(config: Config): string {
  const q = new URLSearchParams({ c: config.city });
  const line = config.modifications?.find((m) => m.type === 'new_line');
  const ref = (s: NonNullable<typeof line>['stops']) => (s ?? []).map((x) => (typeof x === 'string' ? x : (x.id ?? x.name ?? '')));
  const stops = ref(line?.stops);
  if (stops[0]) q.set('from', stops[0]);
  if (stops.length > 1 && stops.at(-1)) q.set('to', stops.at(-1)!);
  q.set('agents', String(config.agents));
  q.set('level', config.traffic_level);
  q.set('date', config.date);
  q.set('time', config.window.from);
  q.set('replications', String(config.replications));
  q.set('seed', String(config.seed));
  return `/web/plan.html?${q}`;
}
