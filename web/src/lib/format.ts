// Numbers and times as people read them. Every function is pure; digits follow
// the size of the number, so that nothing looks more exact than it is.
import type { Interval, Verdict } from './api/types';

const LOCALE = 'en-GB';
const MINUS = '\u2212';

/** Decimals worth showing for a number of this size. */
export function decimalsFor(value: number): number {
  const v = Math.abs(value);
  if (v >= 100) return 0;
  if (v >= 10) return 1;
  return 2;
}

/** Rounded, halves away from zero; negative decimals round to tens, hundreds and so on. */
function round(value: number, decimals: number): number {
  return decimals < 0 ? (Math.sign(value) * Math.round(Math.abs(value) * 10 ** decimals)) / 10 ** decimals : Number(value.toFixed(decimals));
}

/** What a table shows where there is no value. */
export const NONE = '–';
type Value = number | null | undefined;
const known = (value: Value): value is number => typeof value === 'number' && Number.isFinite(value);

export function number(value: Value, decimals = decimalsFor(value ?? 0)): string {
  if (!known(value)) return NONE;
  const rounded = round(value, decimals);
  const digits = Math.max(0, decimals);
  const text = Math.abs(rounded).toLocaleString(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return rounded < 0 ? MINUS + text : text;
}

/** With a sign always: "+120", "−0.04", "0". */
export function signed(value: Value, decimals = decimalsFor(value ?? 0)): string {
  if (!known(value)) return NONE;
  const text = number(value, decimals);
  return round(value, decimals) > 0 ? '+' + text : text;
}

/** "(40 to 200)" with the decimals of the difference it belongs to. */
export function interval(ci: Interval | null | undefined, decimals: number): string {
  if (!ci || !ci.every(known)) return 'not measured';
  return `${signed(ci[0], decimals)} to ${signed(ci[1], decimals)}`;
}

/** Whether an interval leaves out zero. */
export const isClear = (ci: Interval | null | undefined): boolean => !!ci && (ci[0] > 0 || ci[1] < 0);

/**
 * The decimals a figure deserves that is known within this interval: two
 * significant digits of half its width, as in the sentences of the verdict.
 * Without width it is exact, and its own size decides.
 */
export function decimalsForInterval(ci: Interval | null | undefined, exact: Value): number {
  if (!ci || !known(exact)) return 2;
  const half = (ci[1] - ci[0]) / 2;
  return half > 0 ? Math.min(3, 1 - Math.floor(Math.log10(half))) : Number.isInteger(exact) ? 0 : Math.min(2, decimalsFor(exact));
}

/**
 * The decimals of the levels beside a difference: its own, but no more than five
 * significant digits. A change of 0.04 trips in 5,211 is known; the 5,210.79 are
 * not.
 */
export const decimalsForLevels = (difference: number, ...levels: Value[]): number => Math.min(difference, Math.max(0, 4 - Math.floor(Math.log10(Math.max(1, ...levels.filter(known).map(Math.abs))))));

export function verdictWords(v: Verdict): string {
  if (v === 'clear_increase') return 'clear increase';
  if (v === 'clear_decrease') return 'clear decrease';
  return 'no clear change';
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1e6) return `${number(n / 1000, n < 1e4 ? 1 : 0)} kB`;
  return `${number(n / 1e6, 1)} MB`;
}

/** "2 min 5 s": for time left and time spent. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ''}`;
  return `${Math.floor(s / 3600)} h${Math.floor((s % 3600) / 60) ? ` ${Math.floor((s % 3600) / 60)} min` : ''}`;
}

/** "Tue 13 June 2023" of an ISO date; the text itself when it is not one. */
export function date(iso: string): string {
  const d = new Date(`${iso}T00:00:00Z`);
  if (Number.isNaN(d.getTime())) return iso;
  return d.toLocaleDateString(LOCALE, { weekday: 'short', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }).replace(',', '');
}

/** What drivers would save on their best routes, in percent of what they spend: the relative gap is of the best routes instead. */
export const saving = (gap: number): number => (100 * gap) / (1 + gap);

/** Whether the traffic has settled, for people who never heard of a relative gap. */
export function settled(gap: number | null, converged: boolean): string {
  const rest = known(gap) ? `in the worst of the runs drivers could on average still save ${percent(saving(gap), gap >= 0.1 ? 0 : 1)} by changing route` : 'how far off is not known';
  return converged ? `Car traffic has settled: ${rest}` : `Car traffic has not fully settled: ${rest}`;
}

/** Warnings in their order, those about the calibration constants last: they speak of the fit, not of the answer. */
export function orderWarnings(warnings: string[] | null): string[] {
  const last = (w: string) => /\bconstant\b/i.test(w);
  return [...(warnings ?? [])].sort((a, b) => Number(last(a)) - Number(last(b)));
}

/** Minutes since midnight of "HH:MM" (hours up to 29, as in timetables), and back. */
export function minutesOfDay(hhmm: string): number {
  const [h, m] = hhmm.split(':').map(Number);
  return (h ?? NaN) * 60 + (m ?? NaN);
}
export const clock = (minutes: number): string => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** A moment in the reader's own zone. */
export function moment(iso: string): string {
  const d = new Date(iso);
  if (Number.isNaN(d.getTime())) return iso;
  return d.toLocaleString(LOCALE, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

export function percent(value: Value, decimals = 1): string {
  return known(value) ? `${number(value, decimals)}%` : NONE;
}

export const modeWords: Record<string, string> = { car: 'Car', bike: 'Bike', walk: 'Walk', transit: 'Public transport', bus: 'Bus', tram: 'Tram', rail: 'Rail', metro: 'Metro', coach: 'Coach', ferry: 'Ferry' };
/** "Bus, metro": as in a sentence. */
export const modeList = (modes: string[]): string => modes.map((m, i) => (i ? modeName(m).toLowerCase() : modeName(m))).join(', ');

export const modeName = (mode: string): string => modeWords[mode] ?? mode;

export const trafficName = (level: string): string => (level === 'off-peak' ? 'off-peak' : level === 'peak' ? 'peak' : level);
