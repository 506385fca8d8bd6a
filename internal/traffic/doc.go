// Package traffic runs a dynamic traffic scenario given as CSV: nodes, links and
// demand in the form of UXsim (Seo 2025, Journal of Open Source Software
// 10(106), 7617). Vehicles move by package loading; this package reads the
// files, cuts the demand into platoons and says at every junction where to go.
//
// Route choice is a dynamic user optimum of the reactive kind, UXsim's default
// rule ("homogeneous_DUO"; RouteChoice.homogeneous_DUO_update of version 1.15):
// at the start and then every interval, all travel times are taken as they are
// at that moment, with 1% of noise, and for every destination the preference for
// a link moves by the route weight towards 1 if the link is on the shortest path
// from where it starts, else towards 0; the first time it jumps there. At a
// junction a vehicle draws its next link with the preferences as odds. Three
// departures: while it waits it draws again every 5 s, whatever the platoon
// (UXsim every time step, which is a second per vehicle of a platoon); those who
// start at a junction have a share like everybody else and queue per link
// (UXsim lets them go first, from one queue per junction); and of parallel links
// the quicker one counts (UXsim takes their mean).
//
// Invariants: every vehicle of the demand is loaded, and ends as completed or
// unfinished; draws are keyed by platoon and junctions passed, so results depend
// neither on the number of threads nor on what other vehicles draw.
package traffic
