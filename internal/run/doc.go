// Package run is the pipeline of one answer, on one page:
//
//	city ── scenario ── demand ── calibrate
//	                                 │  (constants frozen)
//	               common state: link times of the city
//	                  ┌──────────────┴──────────────┐
//	              baseline                       scenario        x replications,
//	   [choice <-> routing <-> loading]  [choice <-> routing <-> loading]   same
//	          x iterations                    x iterations       random draws
//	                  └──────────────┬──────────────┘
//	                 kpi: indicators, paired intervals ── insight, artifact
//
// Both arms always run, branch from the same common state, do the same number
// of iterations and report means over the last few. Everything here is a pure
// function of (config, city): no clock, no files, no global randomness.
package run
