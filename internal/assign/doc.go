// Package assign finds the static user equilibrium of a road network (Wardrop
// 1952): every trip is on a path that no other path of its pair undercuts, where the
// generalised cost of a link rises with its volume. It reads the TNTP format, or takes a
// city's streets, and gives link volumes, paths, and a report of every
// iteration. It knows no persons, modes or requests, no files and no clock.
//
// The method joins two published ones. Each origin keeps a bush, an acyclic
// part of the network with its flow, that is grown towards shorter paths and
// equalised by Newton shifts: Dial (2006), A path-based user-equilibrium
// traffic assignment algorithm that obviates path storage and enumeration,
// Transportation Research B 40; the rule for new links after Nie (2010), A
// class of bush-based algorithms for the traffic assignment problem,
// Transportation Research B 44. Between two growths the pairs of alternative
// segments that the bushes share are equalised across origins, after Bar-Gera
// (2010), Traffic assignment by paired alternative segments, Transportation
// Research B 44; unlike there, pairs are collected anew each time and flow is not kept
// proportional between origins.
//
// Invariants: flows are never negative, keep the balance of every node, and lie on
// acyclic bushes; the objective falls with every shift; everything runs in one
// goroutine in a fixed order, so the same input gives the same bytes.
package assign
