// Brings the list of runs up to date: only those that were still under way.
import { ApiError, client } from './api/client';
import { recentRuns, updateRun, type RecentRun } from './history';

const MOST = 5;

export async function refreshRuns(): Promise<RecentRun[]> {
  const open = recentRuns().filter((r) => r.status === 'queued' || r.status === 'running').slice(0, MOST);
  await Promise.all(
    open.map(async (run) => {
      try {
        updateRun(run.job_id, (await client.status(run.job_id)).status);
      } catch (e) {
        if (e instanceof ApiError && e.status === 404) updateRun(run.job_id, 'gone');
      }
    }),
  );
  return recentRuns();
}
