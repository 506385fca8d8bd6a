// Package demand turns places into people, tours and trips: who leaves which
// place for which other, when and why. It knows nothing of modes or streets.
//
// A population is sampled: N persons stand for all residents, each with the
// weight population/N. Homes are drawn systematically along the places in
// cluster order (one draw per equal slice of residents), so that a small
// sample covers the city evenly. Every draw is a function of (seed, person,
// purpose), even over neighbouring persons (random.Key.Even): the same person
// makes the same trips in both arms.
//
// Destinations follow a gravity model over clusters (Gravity), doubly
// constrained for work and education, production-constrained otherwise.
// Destinations, trip rates and departure times do not react to a scenario:
// that is a stated assumption.
package demand
