"""Runs one scenario in UXsim and prints one line of JSON. Used by traffic.py, in
UXsim's own venv.

    uxsim_peer.py ENGINE PLATOON UNTIL THREADS NODES LINKS DEMAND

The demand is cut into platoons exactly as cityflow cuts it (running total in
file order, rounded; platoon j belongs to the row of its middle vehicle), so
both load the same platoons; UXsim's own cut would lose a tenth of Chicago. What
is left over beyond whole platoons, fewer than PLATOON vehicles, is left out.
Only exec_simulation is timed.
"""
import csv
import json
import math
import resource
import sys
import time

import uxsim

ENGINE, PLATOON, UNTIL, THREADS = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])


def rows(name):
    with open(name, encoding="utf-8-sig", newline="") as f:
        yield from csv.DictReader(f)


def pick(row, *names):
    return next((row[n] for n in names if row.get(n)), None)


world = uxsim.World(deltan=PLATOON, tmax=UNTIL, print_mode=0, save_mode=0, show_mode=0, random_seed=1, cpp=ENGINE == "cpp", **({"threads": THREADS} if ENGINE == "cpp" else {}))
for r in rows(sys.argv[5]):
    world.addNode(r["name"], float(r["x"]), float(r["y"]))
for r in rows(sys.argv[6]):
    more = {}
    for name, columns in {"jam_density": ["kappa"], "merge_priority": ["merge_priority"], "capacity_out": ["capacity_out"], "capacity_in": ["capacity_in"]}.items():
        if (v := pick(r, *columns)) is not None:
            more[name] = float(v)
    world.addLink(r["name"], pick(r, "start", "start_node"), pick(r, "end", "end_node"), length=float(r["length"]), free_flow_speed=float(pick(r, "u", "free_flow_speed")), number_of_lanes=int(pick(r, "number_of_lanes") or 1), **more)

demand, given = [], 0.0
for r in rows(sys.argv[7]):
    start, end = float(pick(r, "t_start", "start_t")), float(pick(r, "t_end", "end_t"))
    volume = float(pick(r, "volume") or -1)
    if volume <= 0:
        volume = float(pick(r, "flow", "q")) * (end - start)
    given += volume
    demand.append((r["orig"], r["dest"], start, end, math.floor(given + 0.5)))
count, j = demand[-1][4] // PLATOON, 0
for orig, dest, start, end, upto in demand:
    first = j
    while j < count and j * PLATOON + PLATOON // 2 < upto:
        j += 1
    for k in range(j - first):
        world.addVehicle(orig, dest, start + (k + 0.5) / (j - first) * (end - start))

began, spent = time.perf_counter(), time.process_time()
world.exec_simulation()
seconds, spent = time.perf_counter() - began, time.process_time() - spent
peak = resource.getrusage(resource.RUSAGE_SELF)
a = world.analyzer
a.basic_analysis()
print(json.dumps({
    "trips": int(a.trip_all), "completed": int(a.trip_completed), "total_travel_time": float(a.total_travel_time),
    "link_entries": int(sum(l.cum_arrival[-1] for l in world.LINKS) / PLATOON), "seconds": seconds, "cpu_seconds": spent, "max_rss_bytes": peak.ru_maxrss * 1024,
}))
