// Package kpi folds what happened into indicators and compares two arms of a
// run. It sees events and trips, never the loading that made them.
//
// Every figure stands for the whole population (sample weights applied) and
// for trips that depart inside the window, followed to their end; trips still
// under way at the horizon count with the time they have spent: a lower bound,
// never left out, because a gridlock would otherwise look like a saving.
//
// Differences are paired: replication r of both arms draws the same people, so
// the interval is Student's t on the differences. Verdicts use Holm's rule over
// the headline indicators; an interval that includes zero is "no clear change".
package kpi
