import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exact, meanings, nearMiss, together, typeset, without } from '../../src/lib/meaning';

it('every indicator of the service is explained, and nothing else', () => {
  const go = readFileSync(join(import.meta.dirname, '..', '..', '..', 'internal', 'kpi', 'definitions.go'), 'utf8');
  const ids = [...go.matchAll(/\{ID: "(\w+)"/g)].map((m) => m[1]!);
  expect(ids.length).toBeGreaterThan(10);
  expect(Object.keys(meanings).sort()).toEqual(ids.sort());
});

it('a range that leaves out zero and is no clear change needs a reason', () => {
  expect(nearMiss({ verdict: 'no_clear_change', ci95: [-94, -22] })).toBe(true);
  expect(nearMiss({ verdict: 'no_clear_change', ci95: [-63, 3] })).toBe(false);
  expect(nearMiss({ verdict: 'clear_decrease', ci95: [-94, -22] })).toBe(false);
  expect([exact([0.55, 0.55]), exact([0, 0]), exact([0, 1]), exact(null)]).toEqual([true, true, false, false]);
});

describe('the verdict', () => {
  it('says its hours once', () => {
    expect(together(['Between 08:00 and 10:00, car trips show no clear change (-94 to -22).', 'Between 08:00 and 10:00, the new line A - B carries 5.'])).toEqual({
      lead: 'Between 08:00 and 10:00:',
      rest: ['Car trips show no clear change (−94 to −22).', 'The new line A – B carries 5.'],
    });
  });
  it('stays whole where the sentences begin differently, or there is one', () => {
    expect(together(['Between 08:00 and 10:00, a.', 'Public transport trips rise.'])).toEqual({ lead: '', rest: ['Between 08:00 and 10:00, a.', 'Public transport trips rise.'] });
    expect(together(['Between 08:00 and 10:00, a.']).lead).toBe('');
    expect(together([])).toEqual({ lead: '', rest: [] });
  });
  it('has real minus signs and leaves lists and words alone', () => {
    expect(typeset('- one\n  - two (-3 to -1.5), well-known 2023-06-13, -7')).toBe('- one\n  - two (−3 to −1.5), well-known 2023-06-13, −7');
  });
});

it('what stands on the page already is not said again', () => {
  const text = '# A\n\nIntro.\n\n## The answer\n\n- Up by 3.\n- Down by 2.\n\n## Trust\n\n- Careful.\n- Own words.\n';
  expect(without(text, ['Up by 3.', 'Down by 2.', 'Careful.'])).toBe('# A\n\nIntro.\n\n\n\n## Trust\n\n- Own words.\n');
  expect(without(text, [])).toBe(text);
  expect(without('## Only\n\n- x\n\n### Sub\n\n- y\n', ['x'])).toBe('## Only\n\n\n### Sub\n\n- y\n');
});
