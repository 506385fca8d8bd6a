// Which field of the form a problem of the service belongs to.
import type { Problem } from './api/types';

export type Field = 'city' | 'start' | 'end' | 'agents' | 'shares' | 'level' | 'date' | 'time' | 'replications' | 'seed';

/** What the form calls each field, in its order. */
export const fieldNames: Record<Field, string> = { city: 'City', start: 'Tram starts at', end: 'Tram ends at', level: 'Time of day', date: 'Day', time: 'From', shares: 'How people travel today', agents: 'People simulated', replications: 'Repeats', seed: 'Seed' };

const rules: [RegExp, Field][] = [
  [/^tram_start$|^modifications\[0\]\.stops\[0\]/, 'start'],
  [/^tram_end$|^modifications\[0\]\.stops/, 'end'],
  [/^(num_)?agents$/, 'agents'],
  [/^(agent_distribution|mode_share)\b/, 'shares'],
  [/^traffic_level$/, 'level'],
  [/^(sim_)?date$/, 'date'],
  [/^(sim_time|window)\b/, 'time'],
  [/^replications$/, 'replications'],
  [/^seed$/, 'seed'],
  [/^city$/, 'city'],
];

/** huma-style prefixes ("body.") and JSONPath roots ("$.") mean the same field. */
export function fieldOf(path: string): Field | undefined {
  const p = path.replace(/^\$\.?/, '').replace(/^body\.?/, '');
  return rules.find(([pattern]) => pattern.test(p))?.[1];
}

export interface Sorted {
  fields: Partial<Record<Field, Problem[]>>;
  rest: Problem[];
}

/** Problems by field; what belongs to none is kept, never dropped. */
export function sortProblems(problems: Problem[]): Sorted {
  const out: Sorted = { fields: {}, rest: [] };
  for (const p of problems) {
    const field = fieldOf(p.path);
    if (field) (out.fields[field] ??= []).push(p);
    else out.rest.push(p);
  }
  return out;
}
