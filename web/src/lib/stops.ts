// Stops as a person picks them: one entry per stop group, told apart by id
// where two different places carry the same name.
import type { Stop } from './api/types';

export interface StopOption {
  /** what the request carries */
  id: string;
  name: string;
  /** the name, with the id where the name alone is not enough */
  label: string;
  lon: number;
  lat: number;
  modes: string[];
  ids: string[];
}

export function stopOptions(stops: Stop[]): StopOption[] {
  // A city whose stops all carry one group has no grouping: keep them apart.
  const grouped = new Set(stops.map((s) => s.group)).size > 1;
  const byPlace = new Map<string, Stop[]>();
  for (const s of stops) {
    const key = grouped ? `${s.group}|${s.name}` : s.id;
    const place = byPlace.get(key);
    if (place) place.push(s);
    else byPlace.set(key, [s]);
  }
  const places = new Map<string, number>();
  for (const [first] of byPlace.values()) places.set(fold(first!.name), (places.get(fold(first!.name)) ?? 0) + 1);
  const options = [...byPlace.values()].map((place): StopOption => {
    const s = place[0]!;
    const shared = (places.get(fold(s.name)) ?? 0) > 1;
    return { id: s.id, name: s.name, label: shared ? `${s.name} (${s.id})` : s.name, lon: s.lon, lat: s.lat, modes: [...new Set(place.flatMap((p) => p.modes ?? []))], ids: place.map((p) => p.id) };
  });
  return options.sort((a, b) => a.label.localeCompare(b.label, 'en'));
}

/** Lower case without accents, for comparing what people type. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trim();
}

/** The best matches first: whole beginnings, then beginnings of words, then anywhere. */
export function searchStops(options: StopOption[], query: string, limit = 12): StopOption[] {
  const q = fold(query);
  if (q === '') return options.slice(0, limit);
  const rank = (o: StopOption): number => {
    const name = fold(o.label);
    if (name === q) return 0;
    if (name.startsWith(q)) return 1;
    if (name.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(q))) return 2;
    if (name.includes(q)) return 3;
    if (o.ids.some((id) => fold(id).startsWith(q))) return 4;
    const words = q.split(/\s+/);
    return words.length > 1 && words.every((w) => name.includes(w)) ? 5 : -1;
  };
  return options
    .map((o) => ({ o, r: rank(o) }))
    .filter((x) => x.r >= 0)
    .sort((a, b) => a.r - b.r)
    .slice(0, limit)
    .map((x) => x.o);
}

/** The stop a text means: by id, by label, or by a name that only one place has. */
export function findStop(options: StopOption[], text: string): StopOption | undefined {
  const q = fold(text);
  if (q === '') return undefined;
  const exact = options.find((o) => o.ids.some((id) => fold(id) === q) || fold(o.label) === q);
  if (exact) return exact;
  const named = options.filter((o) => fold(o.name) === q);
  return named.length === 1 ? named[0] : undefined;
}

/** Straight distance in km, good to a percent at city size (equirectangular). */
export function distanceKm(a: { lon: number; lat: number }, b: { lon: number; lat: number }): number {
  const rad = Math.PI / 180;
  const x = (b.lon - a.lon) * rad * Math.cos(((a.lat + b.lat) / 2) * rad);
  const y = (b.lat - a.lat) * rad;
  return 6371 * Math.hypot(x, y);
}
