import { describe, expect, it } from 'vitest';
import { bytes, date, decimalsForInterval, duration, interval, number, percent, signed, verdictWords } from '../../src/lib/format';

describe('numbers', () => {
  it('show digits by size and a real minus', () => {
    expect(number(15200)).toBe('15,200');
    expect(number(18.21)).toBe('18.2');
    expect(number(1.234)).toBe('1.23');
    expect(number(-0.04, 2)).toBe('−0.04');
    expect(number(NaN)).toBe('unknown');
  });
  it('never show a signed zero', () => {
    expect(signed(-0.001, 2)).toBe('0.00');
    expect(signed(0.001, 2)).toBe('0.00');
    expect(signed(0, 0)).toBe('0');
    expect(signed(410, 0)).toBe('+410');
    expect(signed(-350, 0)).toBe('−350');
  });
  it('keep both ends of an interval apart', () => {
    expect(interval([320, 500], 0)).toBe('+320 to +500');
    expect(interval([-0.11, 0.03], decimalsForInterval([-0.11, 0.03], 'min'))).toBe('−0.11 to +0.03');
    expect(interval([-0.02, 0.01], decimalsForInterval([-0.02, 0.01], 'min'))).toBe('−0.020 to +0.010');
    expect(interval([-440, -260], decimalsForInterval([-440, -260], 'trips'))).toBe('−440 to −260');
    expect(decimalsForInterval([0, 0], 'min')).toBe(0);
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
