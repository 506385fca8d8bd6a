// The types of the pages against the Go contract itself: every field that both
// sides name must agree in spelling, and none may be missing here.
/// <reference types="node" />
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const spec = join(root, '..', 'spec');
const go = readdirSync(spec).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go')).map((f) => readFileSync(join(spec, f), 'utf8')).join('\n');
const ts = readFileSync(join(root, 'src/lib/api/types.ts'), 'utf8');

const goFields = (name: string): string[] => {
  const body = new RegExp(`type ${name} struct \\{([^]*?)\\n\\}`).exec(go)?.[1] ?? '';
  return [...body.matchAll(/json:"([^",]+)/g)].map((m) => m[1]!);
};
const tsFields = (name: string): string[] => {
  const body = new RegExp(`interface ${name}(?: extends \\w+)? \\{([^]*?)\\n\\}`).exec(ts)?.[1] ?? '';
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map((m) => m[1]!);
};

it.each(['CityInfo', 'CityFacts', 'CityDetail', 'Stop', 'Default', 'ReportRow', 'Observation', 'Figure', 'Spot', 'Baseline', 'FullDemand', 'JamStreet', 'Jam', 'JamQueue', 'JamRing', 'Limits', 'Window', 'ModeShare', 'Config', 'Submitted', 'Reference', 'Status', 'Summary', 'KPI', 'Breakdown', 'ModeRow', 'AreaRow', 'LineResult', 'LineStop', 'Correlation', 'Problem'])('%s has the fields of the Go type', (name) => {
  expect(goFields(name).length).toBeGreaterThan(0);
  expect([...tsFields(name)].sort()).toEqual([...goFields(name)].sort());
});

it('a request of the form uses only fields that the service reads', () => {
  const known = new Set(goFields('RunRequest'));
  expect(tsFields('RunRequest').filter((f) => !known.has(f))).toEqual([]);
});

it('the form knows what the service fills in', async () => {
  const scenario = join(root, '..', 'internal', 'scenario');
  const text = ['merge.go', 'modifications.go'].map((f) => readFileSync(join(scenario, f), 'utf8')).join('\n');
  const is = (name: string) => Number(new RegExp(`\\b${name}\\s*=\\s*([\\d.]+)`).exec(text)?.[1]);
  const { typedShares, usual } = await import('../../src/lib/plan');
  expect(usual).toEqual({ minutes: 60 * is('windowHours'), iterations: is('defaultIterations'), average_last: is('defaultAverageLast'), speed_kmh: is('lineSpeedKMH'), dwell_s: is('lineDwellS'), capacity: is('lineCapacity'), every_min: is('lineHeadwayMin') });
  expect(text).toContain(`TypedShares = "${typedShares}"`);
});

it('every stage of a run has words, in order', async () => {
  const model = readFileSync(join(root, '..', 'internal', 'run', 'model.go'), 'utf8');
  const inGo = [.../Stages = \[\]string\{([^}]*)\}/.exec(model)![1]!.matchAll(/"(\w+)"/g)].map((m) => m[1]);
  const { stages } = await import('../../src/lib/stages');
  expect(stages.map((s) => s.id)).toEqual(inGo);
});

it('only the gateway asks the network', () => {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((f) => /\.(ts|svelte)$/.test(f) && !f.endsWith(join('api', 'client.ts')));
  expect(files.filter((f) => /\bfetch\(|XMLHttpRequest|EventSource/.test(readFileSync(join(root, 'src', f), 'utf8')))).toEqual([]);
  expect(files.filter((f) => /\{@html|innerHTML|\sstyle="/.test(readFileSync(join(root, 'src', f), 'utf8')))).toEqual([]);
});
