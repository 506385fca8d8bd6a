import { describe, expect, it } from 'vitest';
import { normaliseBase, toApiError } from '../../src/lib/api/client';
import { readConvergence } from '../../src/lib/convergence';
import { recentRuns, rememberRun, updateRun } from '../../src/lib/history';
import { minutesStep, niceStep, timeLimits, volumeStep } from '../../src/lib/map/scale';
import { example, readOpenApi } from '../../src/lib/openapi';
import { stageStates } from '../../src/lib/stages';

describe('the gateway', () => {
  it('reads every problem of problem+json', () => {
    const e = toApiError(422, 'application/problem+json; charset=utf-8', '{"title":"Bad","detail":"Two fields","errors":[{"path":"city","message":"no","valid":["newport"]},{"message":"odd"}]}');
    expect([e.status, e.title, e.message]).toEqual([422, 'Bad', 'Two fields']);
    expect(e.problems).toEqual([{ path: 'city', message: 'no', valid: ['newport'] }, { path: '', message: 'odd', valid: [] }]);
  });
  it('has words for answers that are not JSON', () => {
    expect(toApiError(502, 'text/html', '<html>').message).toMatch(/has a problem/);
    expect(toApiError(404, 'application/json', 'broken').title).toMatch(/nothing at this address/);
    expect(toApiError(413, 'text/plain', '').message).toMatch(/413/);
  });
  it('takes a base with or without /v1 and slashes', () => {
    for (const [given, want] of [['', ''], ['https://a.example', 'https://a.example'], ['https://a.example/', 'https://a.example'], ['https://a.example/v1', 'https://a.example'], ['https://a.example/x/v1/', 'https://a.example/x']] as const) expect(normaliseBase(given)).toBe(want);
  });
});

describe('the runs of this browser', () => {
  const memory = (start?: string) => {
    let text: string | null = start ?? null;
    return { getItem: () => text, setItem: (_: string, v: string) => void (text = v) };
  };
  const run = (job_id: string) => ({ job_id, city: 'Newport', title: 't', submitted_at: '2026-01-05T09:00:00Z', status: 'queued' as const });
  it('come newest first, once each, and are updated only when listed', () => {
    const s = memory();
    for (const id of ['a', 'b', 'a']) rememberRun(run(id), s);
    updateRun('a', 'complete', s);
    updateRun('stranger', 'complete', s);
    expect(recentRuns(s).map((r) => [r.job_id, r.status])).toEqual([['a', 'complete'], ['b', 'queued']]);
  });
  it('survive broken storage', () => {
    expect(recentRuns(memory('{"x":1}'))).toEqual([]);
    expect(recentRuns(memory('[1,{"job_id":"a"},null]'))).toEqual([]);
    expect(recentRuns(memory('not json'))).toEqual([]);
    expect(() => rememberRun(run('a'), { getItem: () => null, setItem: () => { throw new Error('full'); } })).not.toThrow();
  });
  it('keep the newest fifty', () => {
    const s = memory();
    for (let i = 0; i < 60; i++) rememberRun(run(String(i)), s);
    expect(recentRuns(s).length).toBe(50);
    expect(recentRuns(s)[0]!.job_id).toBe('59');
  });
});

describe('steps of the maps', () => {
  it('are round', () => {
    expect([0.03, 0.7, 1, 37, 51, 0, -4, Infinity].map(niceStep)).toEqual([0.05, 1, 1, 50, 100, 1, 1, 1]);
  });
  it('follow the clear changes only', () => {
    expect(volumeStep([{ diff: -80, clear: true }, { diff: 60, clear: true }, { diff: 9000, clear: false }])).toBe(50);
    expect(volumeStep([])).toBe(1);
    expect(minutesStep([])).toBe(1);
    expect(minutesStep([0, 0.01])).toBe(0.1);
  });
  it('ascend', () => {
    for (const minutes of [[], [3], [10, 12, 40, 80], [20, 20.1]]) {
      const t = timeLimits(minutes);
      expect(t[0] < t[1] && t[1] < t[2] && t[2] < t[3], String(t)).toBe(true);
    }
    // A few far places must not leave everybody else in one colour.
    expect(timeLimits([...Array(90).keys()].map((i) => 40 + i / 5).concat(Array(10).fill(200)))).toEqual([45, 50, 55, 60]);
  });
});

describe('files and documents', () => {
  it('averages the gap over replications, by arm', () => {
    expect(readConvergence('replication,arm,iteration,relative_gap\n1,baseline,1,0.2\n2,baseline,1,0.4\n1,scenario,1,0.1\n1,baseline,2,\n')).toEqual([
      { arm: 'baseline', points: [{ iteration: 1, gap: expect.closeTo(0.3) }] },
      { arm: 'scenario', points: [{ iteration: 1, gap: 0.1 }] },
    ]);
    expect(readConvergence('a,b\n1,2')).toEqual([]);
    expect(readConvergence('')).toEqual([]);
  });
  it('reads operations with references, and survives loops', () => {
    const doc = { paths: { '/v1/x': { post: { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/A' } } } }, responses: { 202: { description: 'ok' } } } } }, components: { schemas: { A: { type: 'object', properties: { n: { type: 'integer', default: 5 }, self: { $ref: '#/components/schemas/A' } } }, L: { $ref: '#/components/schemas/L' } } } };
    const [group] = readOpenApi(doc);
    expect(group).toMatchObject({ name: 'Calls', operations: [{ verb: 'POST', path: '/v1/x', body: { type: 'A' }, responses: [{ status: '202' }] }] });
    expect(group!.operations[0]!.body!.example).toContain('"n": 5');
    expect(example(doc, { $ref: '#/components/schemas/L' })).toBeNull();
    expect(readOpenApi({})).toEqual([]);
  });
  it('marks stages up to the present one, and none for an unknown one', () => {
    expect(stageStates('calibrate')).toEqual(['done', 'done', 'now', 'later', 'later', 'later', 'later']);
    expect(new Set(stageStates('novel'))).toEqual(new Set(['later']));
  });
});
