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

/** Puts a run on top; the same run again (a cached answer) moves up. */
export function rememberRun(run: RecentRun, storage: Pick<Storage, 'getItem' | 'setItem'> | undefined = safeStorage()): void {
  write([run, ...recentRuns(storage).filter((r) => r.job_id !== run.job_id)].slice(0, MOST), storage);
}

/** Notes where a run stands; a run that is not in the list stays out of it. */
export function updateRun(job_id: string, status: RecentRun['status'], storage: Pick<Storage, 'getItem' | 'setItem'> | undefined = safeStorage()): void {
  const runs = recentRuns(storage);
  if (runs.some((r) => r.job_id === job_id && r.status !== status)) write(runs.map((r) => (r.job_id === job_id ? { ...r, status } : r)), storage);
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
