// Observed figures of a city beside those of the model.
import type { Baseline, CityDetail, Figure, FigureKind, Observation, Spot } from './api/types';
import { minutesOfDay } from './format';

export const kinds: Record<FigureKind, { title: string; unit: string; decimals: number }> = {
  mode_share: { title: 'Share of trips', unit: '%', decimals: 0 },
  trip_rate: { title: 'Trips per person and day', unit: '', decimals: 1 },
  trip_length: { title: 'Mean trip length', unit: 'km', decimals: 1 },
  travel_time: { title: 'Mean travel time', unit: 'min', decimals: 0 },
  count: { title: 'Vehicles an hour', unit: '', decimals: 0 },
};

export interface Pair {
  mode: string;
  observed: number;
  /** undefined where the model has no such figure, or was not settled yet */
  model: number | undefined;
  /** of a count: where and when */
  spot?: Spot;
  /** of a count that the model has: how far off it is, see geh */
  geh?: number;
}

export interface Comparison {
  kind: FigureKind;
  what: string;
  year: number | undefined;
  remark: string;
  source: string;
  pairs: Pair[];
  /** the model is calibrated to these very shares: that they agree proves nothing */
  target: boolean;
}

const known = (f: Figure) => f.kind in kinds;
export const modelFigure = (b: Baseline | null, kind: FigureKind, mode: string): number | undefined => b?.figures?.find((f) => f.kind === kind && f.mode === mode)?.value;

const same = (a: Spot | undefined, b: Spot | undefined) => (a && b ? (['way', 'heading', 'lon', 'lat', 'from', 'to'] as const).every((k) => a[k] === b[k]) : a === b);

/**
 * How far a modelled hourly flow is from a counted one, by Geoffrey E. Havers'
 * statistic: below 5 is close enough. Models that are fitted to counts are asked
 * for that at 85% of them (UK Department for Transport, TAG unit M3.1).
 */
export const geh = (model: number, counted: number): number => (model + counted > 0 ? Math.sqrt((2 * (model - counted) ** 2) / (model + counted)) : 0);
export const closeGEH = 5;

/** Each observation that has figures, beside the model's. */
export function comparisons(city: CityDetail): Comparison[] {
  return (city.observed ?? []).flatMap((o) => {
    const figures = (o.figures ?? []).filter(known);
    if (!figures.length) return [];
    const kind = figures[0]!.kind;
    const pairs = figures.map((f): Pair => {
      if (!f.spot) return { mode: f.mode, observed: f.value, model: modelFigure(city.baseline, kind, f.mode) };
      const model = city.baseline?.figures?.find((m) => m.kind === kind && same(m.spot, f.spot))?.value;
      return { mode: f.mode, observed: f.value, model, spot: f.spot, ...(model === undefined ? {} : { geh: geh(model, f.value) }) };
    });
    const share = city.mode_share as unknown as Record<string, number>;
    const target = kind === 'mode_share' && !city.mode_share_assumed && pairs.length === 4 && pairs.every((p) => share[p.mode] === p.observed);
    return [{ kind, what: o.what, year: o.year, remark: o.value, source: o.source, pairs, target }];
  });
}

/** Observations in words, which nothing of the model can be held against. */
export const facts = (city: CityDetail): Observation[] => (city.observed ?? []).filter((o) => !(o.figures ?? []).some(known));

/** Hours of a timetable that leaves out much of the day, "" for one that does not. */
export function onlyHours(window: { from: string; to: string } | undefined): string {
  if (!window) return '';
  const held = minutesOfDay(window.to) - minutesOfDay(window.from);
  return held > 0 && held < 12 * 60 ? `${window.from} to ${window.to} only` : '';
}
