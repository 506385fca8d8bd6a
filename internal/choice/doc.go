// Package choice decides how people travel: generalised cost in equivalent
// minutes, a nested logit over car, bike, walk and transit, and the calibration
// of its constants.
//
// Bike and walk share the nest "active"; car and transit stand alone. Tram,
// bus and rail are one alternative: a new line is better transit, not a new
// alternative, and gets no quality bonus.
//
// Invariants: an unavailable alternative costs +Inf and is never chosen;
// making one alternative cheaper moves people only into it (the random terms
// stay with person, tour and alternative); constants are calibrated once per
// city and target and then frozen for both arms.
package choice
