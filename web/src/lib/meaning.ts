// What the figures of a result mean, and what its verdicts rest on, in words for
// people who never worked with a model. test/unit/contract.test.ts holds the
// list against the indicators of the service.
import type { Interval, KPI } from './api/types';
import { isClear } from './format';

/** One or two sentences for each indicator. */
export const meanings: Record<string, string> = {
  transit_trips: 'Trips that leave in these hours and are made by bus, tram or train. A trip with changes counts once.',
  car_trips: 'Trips by car that leave in these hours, drivers and passengers alike.',
  mean_time: 'From door to door, over all trips of every kind.',
  transit_time: 'From door to door: walking, waiting, riding and changing.',
  car_delay: 'How much longer a car trip takes than on empty streets.',
  vehicle_km: 'Kilometres driven by all cars.',
  jobs_30: 'Of all jobs in the city, those that a resident reaches within half an hour, on average over residents. It follows from timetable and streets alone.',
  user_benefit: 'What all travellers together gain, in hours: time, waits, changes and money, each counted by how much people mind it. Below zero they lose.',
  left_behind: 'How often somebody finds the vehicle full and has to wait for the next one.',
  bike_trips: 'Trips by bicycle that leave in these hours.',
  walk_trips: 'Trips made on foot all the way.',
  transit_share: 'Trips by bus, tram or train among all trips.',
  car_share: 'Trips by car among all trips.',
  car_time: 'From door to door, by car.',
  transit_wait: 'Waiting for the first vehicle and at every change.',
  transit_walk: 'Walking to the first stop, between stops, and from the last one.',
  boardings: 'How often somebody gets on a vehicle: a trip with one change counts twice.',
  transfers: 'Public transport trips with at least one change.',
  jobs_45: 'As for 30 minutes, within three quarters of an hour.',
  unfinished: 'Cars still under way three hours after the last of these hours: a sign of gridlock.',
};

/** A figure of both worlds together: it has no before and after. */
export const paired = (k: Pick<KPI, 'id'>): boolean => k.id === 'user_benefit';

/** No chance has a part in it: every run gives the same difference. */
export const exact = (ci: Interval | null | undefined): boolean => !!ci && ci[0] === ci[1];

/** A range that leaves out zero, and still no clear change: one of several that are judged together. */
export const nearMiss = (k: Pick<KPI, 'verdict' | 'ci95'>): boolean => k.verdict === 'no_clear_change' && isClear(k.ci95);

/**
 * The sentences of the verdict with what they all begin with said once: each
 * names its hours, so that it can be quoted alone.
 */
export function together(sentences: string[]): { lead: string; rest: string[] } {
  const lead = /^Between \d\d:\d\d and \d\d:\d\d, /.exec(sentences[0] ?? '')?.[0];
  if (!lead || sentences.length < 2 || !sentences.every((s) => s.startsWith(lead))) return { lead: '', rest: sentences.map(typeset) };
  return { lead: `${lead.slice(0, -2)}:`, rest: sentences.map((s) => typeset(s.slice(lead.length))).map((s) => s[0]!.toUpperCase() + s.slice(1)) };
}

/** A real minus before numbers, a dash between the ends of a line. */
export const typeset = (s: string): string => s.replace(/(^|[\s(])-(?=\d)/g, '$1\u2212').replace(/(?<=\S) - (?=\S)/g, ' – ');

/** A text without the list items that already stand elsewhere on the page, and without headings that this leaves empty. */
export function without(markdown: string, said: string[]): string {
  const known = new Set(said.map((s) => `- ${s}`));
  const lines = markdown.split('\n').filter((l) => !known.has(l));
  const heading = (l: string | undefined) => l !== undefined && /^#{1,6} /.test(l);
  const level = (l: string) => l.indexOf(' ');
  return lines
    .filter((l, i) => {
      if (!heading(l) || level(l) === 1) return true;
      const next = lines.slice(i + 1).find((m) => m.trim() !== '');
      return next !== undefined && !(heading(next) && level(next) <= level(l));
    })
    .join('\n');
}
