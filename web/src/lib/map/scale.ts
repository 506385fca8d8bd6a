// Steps of the map legends: round numbers, the same in the picture and in words.
import type { LinkProps } from '../api/types';

/** The next 1, 2 or 5 times a power of ten at or above x. */
export function niceStep(x: number): number {
  if (!(x > 0) || !Number.isFinite(x)) return 1;
  const power = 10 ** Math.floor(Math.log10(x));
  const m = x / power;
  return Number(((m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * power).toPrecision(1));
}

function quantile(values: number[], q: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** Width of one colour step of the volume map, in vehicles: the 85th percentile of clear changes fills two steps. */
export function volumeStep(links: Pick<LinkProps, 'diff' | 'clear'>[]): number {
  return niceStep(quantile(links.filter((l) => l.clear).map((l) => Math.abs(l.diff)), 0.85) / 2);
}

/** Width of one colour step of the access change, in minutes. */
export function minutesStep(diffs: number[]): number {
  return Math.max(0.1, niceStep(quantile(diffs.map(Math.abs), 0.9) / 2));
}

/** Four ascending limits between five steps of travel time, where most places are: a few far ones must not stretch the scale. */
export function timeLimits(minutes: number[]): [number, number, number, number] {
  const lo = quantile(minutes, 0.2);
  const step = niceStep(Math.max(1, quantile(minutes, 0.8) - lo) / 4);
  const first = Math.ceil(lo / step) * step;
  return [first, first + step, first + 2 * step, first + 3 * step].map((v) => Number(v.toFixed(2))) as [number, number, number, number];
}
