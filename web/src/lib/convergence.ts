// convergence.csv -> one curve per arm: the mean relative gap over replications.

export interface Curve {
  arm: string;
  points: { iteration: number; gap: number }[];
}

export function readConvergence(csv: string): Curve[] {
  const [head, ...rows] = csv.trim().split(/\r?\n/);
  const columns = (head ?? '').split(',').map((c) => c.trim());
  const at = (name: string) => columns.indexOf(name);
  const [arm, iteration, gap] = [at('arm'), at('iteration'), at('relative_gap')];
  if (arm < 0 || iteration < 0 || gap < 0) return [];
  const sums = new Map<string, Map<number, { total: number; n: number }>>();
  for (const row of rows) {
    const cell = row.split(',');
    const value = Number(cell[gap]);
    const k = Number(cell[iteration]);
    if (cell[gap] === '' || !Number.isFinite(value) || !Number.isFinite(k)) continue;
    const name = cell[arm] ?? '';
    const curve = sums.get(name) ?? new Map<number, { total: number; n: number }>();
    const sum = curve.get(k) ?? { total: 0, n: 0 };
    curve.set(k, { total: sum.total + value, n: sum.n + 1 });
    sums.set(name, curve);
  }
  return [...sums].map(([name, curve]) => ({
    arm: name,
    points: [...curve].sort((a, b) => a[0] - b[0]).map(([k, s]) => ({ iteration: k, gap: s.total / s.n })),
  }));
}
