// The stages of a run in the order the model reports them, in a reader's words.
export const stages: { id: string; label: string }[] = [
  { id: 'load', label: 'Open the city' },
  { id: 'demand', label: 'Make people and their trips' },
  { id: 'calibrate', label: 'Match the baseline to its mode shares' },
  { id: 'transit', label: 'Search the timetable' },
  { id: 'simulate', label: 'Run traffic without and with the change' },
  { id: 'compare', label: 'Compare the two' },
  { id: 'write', label: 'Write the results' },
];

export type StageState = 'done' | 'now' | 'later';

/** An unknown stage marks nothing as done: better silent than wrong. */
export function stageStates(current: string): StageState[] {
  const at = stages.findIndex((s) => s.id === current);
  return stages.map((_, i) => (i < at ? 'done' : i === at ? 'now' : 'later'));
}
