// The runs of this browser, kept in its own storage and nowhere else.
import type { State } from './api/types';

export interface RecentRun {
  job_id: string;
  city: string;
  title: string;
  submitted_at: string;
  status: State | 'gone';
}

const KEY = 'cityflow.runs.v1';
const MOST = 50;

/** Reads leniently: storage is the reader's, and may hold anything or be closed. */
export function recentRuns(storage: Pick<Storage, 'getItem'> | undefined = safeStorage()): RecentRun[] {
  try {
    const list: unknown = JSON.parse(storage?.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter((r): r is RecentRun => typeof r?.job_id === 'string' && typeof r.city === 'string') : [];
  } catch {
    return [];
  }
}

/** Puts a run on top, or updates it in place. */
export function rememberRun(run: Partial<RecentRun> & { job_id: string }, storage: Pick<Storage, 'getItem' | 'setItem'> | undefined = safeStorage()): void {
  const runs = recentRuns(storage);
  const at = runs.findIndex((r) => r.job_id === run.job_id);
  if (at >= 0) runs[at] = { ...runs[at]!, ...run };
  else runs.unshift({ city: '', title: 'A run', submitted_at: new Date().toISOString(), status: 'queued', ...run });
  write(runs.slice(0, MOST), storage);
}

export function forgetRuns(storage: Pick<Storage, 'getItem' | 'setItem'> | undefined = safeStorage()): void {
  write([], storage);
}

function write(runs: RecentRun[], storage: Pick<Storage, 'setItem'> | undefined): void {
  try {
    storage?.setItem(KEY, JSON.stringify(runs));
  } catch {
    // Full or forbidden storage loses the list of runs, never the run itself.
  }
}

function safeStorage(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}
