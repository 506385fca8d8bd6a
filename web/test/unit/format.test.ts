import { describe, expect, it } from 'vitest';
import { bytes, clock, date, decimalsForInterval, decimalsForLevels, duration, interval, isClear, minutesOfDay, number, orderWarnings, percent, settled, signed, verdictWords } from '../../src/lib/format';

describe('numbers', () => {
  it('show digits by size and a real minus', () => {
    expect(number(15200)).toBe('15,200');
    expect(number(18.21)).toBe('18.2');
    expect(number(1.234)).toBe('1.23');
    expect(number(-0.04, 2)).toBe('−0.04');
    expect(number(NaN)).toBe('–');
    expect([number(null), signed(undefined), percent(null), interval(null, 1), decimalsForInterval(null, null)]).toEqual(['–', '–', '–', 'not measured', 2]);
  });
  it('never show a signed zero', () => {
    expect(signed(-0.001, 2)).toBe('0.00');
    expect(signed(0.001, 2)).toBe('0.00');
    expect(signed(0, 0)).toBe('0');
    expect(signed(410, 0)).toBe('+410');
    expect(signed(-350, 0)).toBe('−350');
  });
  it('are as exact as their interval allows, like the sentences of the verdict', () => {
    const said = (ci: [number, number], v: number) => `${signed(v, decimalsForInterval(ci, v))} (${interval(ci, decimalsForInterval(ci, v))})`;
    expect(said([-15, 211], 98)).toBe('+100 (−20 to +210)');
    expect(said([-1493, 365], -564)).toBe('−560 (−1,490 to +370)');
    expect(said([-8.22, -2.84], -5.53)).toBe('−5.5 (−8.2 to −2.8)');
    expect(said([-0.0224, 0.0121], -0.005)).toBe('−0.005 (−0.022 to +0.012)');
    expect(said([0.55, 0.55], 0.55)).toBe('+0.55 (+0.55 to +0.55)');
    expect(said([0, 0], 0)).toBe('0 (0 to 0)');
    expect(number(26314, -2)).toBe('26,300');
  });
  it('name sizes, times and days', () => {
    expect(bytes(19)).toBe('19 B');
    expect(bytes(3443)).toBe('3.4 kB');
    expect(bytes(106670)).toBe('107 kB');
    expect(bytes(2_491_727)).toBe('2.5 MB');
    expect(duration(4.4)).toBe('4 s');
    expect(duration(120)).toBe('2 min');
    expect(duration(125)).toBe('2 min 5 s');
    expect(duration(3725)).toBe('1 h 2 min');
    expect(duration(-3)).toBe('0 s');
    expect(date('2023-06-13')).toBe('Tue 13 June 2023');
    expect(date('soon')).toBe('soon');
    expect(percent(21.77)).toBe('21.8%');
  });
  it('say the verdict in words', () => {
    expect([verdictWords('clear_increase'), verdictWords('clear_decrease'), verdictWords('no_clear_change')]).toEqual(['clear increase', 'clear decrease', 'no clear change']);
  });
});

describe('what the run says of itself', () => {
  it('tells in plain words whether traffic has settled', () => {
    expect(settled(0.0382, false)).toBe('Car traffic has not fully settled: in the worst of the runs drivers could on average still save 3.7% by changing route');
    expect(settled(0.004, true)).toBe('Car traffic has settled: in the worst of the runs drivers could on average still save 0.4% by changing route');
    expect(settled(1.82, false)).toContain('still save 65% by');
    expect(settled(null, false)).not.toMatch(/save|null|NaN/);
  });
  it('puts calibration constants last', () => {
    expect(orderWarnings(['The calibration constant of bike is 71.', 'Gridlock.', 'The transit constant is large.', 'Late cars.'])).toEqual(['Gridlock.', 'Late cars.', 'The calibration constant of bike is 71.', 'The transit constant is large.']);
    expect(orderWarnings(null)).toEqual([]);
  });
  it('reads intervals and clocks', () => {
    expect([isClear([1, 2]), isClear([-2, -1]), isClear([-1, 1]), isClear([0, 1]), isClear(null)]).toEqual([true, true, false, false, false]);
    expect([clock(minutesOfDay('23:30') + 120), clock(minutesOfDay('08:05'))]).toEqual(['25:30', '08:05']);
  });
});

it('shows no level with more than five digits', () => {
  expect(number(5210.79, decimalsForLevels(2, 5210.79, 5210.74))).toBe('5,210.8');
  expect(number(28909.3, decimalsForLevels(1, 28909.3, 28909.2))).toBe('28,909');
  expect(number(73.399, decimalsForLevels(3, 73.399, 73.396))).toBe('73.399');
  expect(number(153112, decimalsForLevels(-2, 153112, null))).toBe('153,100');
  expect([decimalsForLevels(2), decimalsForLevels(3, 0, 0.2)]).toEqual([2, 3]);
});
