// Shares of trips by mode as a person types them: percent, empty = left out.

export const shareModes = [
  { key: 'drive', mode: 'car', label: 'Car' },
  { key: 'cycle', mode: 'bike', label: 'Bike' },
  { key: 'tram', mode: 'transit', label: 'Public transport' },
  { key: 'walk', mode: 'walk', label: 'Walk' },
] as const;

export type ShareKey = (typeof shareModes)[number]['key'];
export type ShareInput = Record<ShareKey, number | null>;

/** Sum in percent, free of floating dust (33.3 + 33.3 + 33.4 is 100). */
export function sum(input: ShareInput): number {
  return Math.round(shareModes.reduce((total, { key }) => total + (input[key] ?? 0), 0) * 1e6) / 1e6;
}

/** What is wrong with the shares, or "" when they can be sent. */
export function problem(input: ShareInput): string {
  for (const { key, label } of shareModes) {
    const v = input[key];
    if (v === null) {
      if (key !== 'walk') return `${label} needs a number from 0 to 100.`;
      continue;
    }
    if (!Number.isFinite(v) || v < 0 || v > 100) return `${label} must lie between 0 and 100.`;
  }
  const total = sum(input);
  if (total === 100) return '';
  const missing = Math.round((100 - total) * 1e6) / 1e6;
  return missing > 0 ? `${missing} percent are missing to 100.` : `${-missing} percent above 100.`;
}

/** The request's `agent_distribution`; walk is left out when it is empty, and then walking is modelled. */
export function distribution(input: ShareInput): Record<string, number> {
  const out: Record<string, number> = {};
  for (const { key } of shareModes) {
    const v = input[key];
    if (v !== null) out[key] = v;
  }
  return out;
}
