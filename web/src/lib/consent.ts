// Whether this visit may be measured. Nothing is asked, loaded or stored unless
// the operator configured it (site.json's `rum`); nothing is measured before the
// visitor says yes, nor when the browser asks sites not to.
import type { RumConfig } from './api/types';

export type Choice = 'yes' | 'no' | undefined;

const KEY = 'cityflow.visits.v1';

/** The configuration, if it is one that can work: a half-written one measures nothing. */
export function readRum(value: unknown): RumConfig | undefined {
  const v = (value ?? {}) as Partial<Record<keyof RumConfig, unknown>>;
  const text = (x: unknown): x is string => typeof x === 'string' && x !== '';
  if (!text(v.app_monitor_id) || !text(v.region) || !/^[a-z]{2}(-[a-z]+)+-\d$/.test(v.region)) return undefined;
  const rate = v.sample_rate ?? 1;
  if (typeof rate !== 'number' || !(rate > 0 && rate <= 1)) return undefined;
  const endpoint = text(v.endpoint) ? v.endpoint : `https://dataplane.rum.${v.region}.amazonaws.com`;
  if (!URL.canParse(endpoint)) return undefined;
  return { app_monitor_id: v.app_monitor_id, identity_pool_id: text(v.identity_pool_id) ? v.identity_pool_id : null, region: v.region, sample_rate: rate, endpoint };
}

/** Do Not Track and Global Privacy Control are an answer: the question is not asked. */
export function asksNotTo(browser: object = navigator): boolean {
  const b = browser as { doNotTrack?: unknown; globalPrivacyControl?: unknown };
  return b.globalPrivacyControl === true || b.globalPrivacyControl === '1' || b.doNotTrack === '1' || b.doNotTrack === 'yes';
}

export function choice(): Choice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'yes' || kept === 'no' ? kept : undefined;
  } catch {
    // Who keeps nothing cannot remember a yes either.
    return 'no';
  }
}

let running: Promise<{ stop: () => void }> | undefined;

/** Remembers the answer and acts on it at once. */
export async function choose(yes: boolean, rum: RumConfig, version: string): Promise<void> {
  try {
    localStorage.setItem(KEY, yes ? 'yes' : 'no');
  } catch {
    return;
  }
  if (yes) return start(rum, version);
  (await running)?.stop();
  running = undefined;
  forget();
}

async function start(rum: RumConfig, version: string): Promise<void> {
  running ??= import('./visits').then((v) => v.measure(rum, version));
  // A visit that cannot be measured is no trouble of the visitor's.
  await running.catch(() => (running = undefined));
}

/** What the client leaves in a browser: two cookies of this site, and its guest's key. */
function forget(): void {
  for (const name of ['cwr_s', 'cwr_u']) document.cookie = `${name}=; max-age=0; path=/; domain=${location.hostname}; samesite=strict`;
  for (const name of ['cwr_c', 'cwr_i']) localStorage.removeItem(name);
}

/** On every page: measures who agreed, asks who was not asked yet, leaves all others alone. */
export async function offer(value: unknown, version: string): Promise<void> {
  const rum = readRum(value);
  if (!rum) return;
  if (asksNotTo()) return forget();
  if (choice() === 'yes') return start(rum, version);
  if (choice() === undefined) (await import('./ask-consent')).ask(rum, version);
}
