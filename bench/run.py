#!/usr/bin/env python3
"""Measures the built program and keeps what was measured.

    python3 bench/run.py quick|whatif|full|load|assign|import|streets|cores [--name NAME]

quick: the what-if of Newport with 3,000 people, baseline and scenario, five
replications each, three times over. The city is compiled and its morning
settled beforehand (`make build` does both), as for everybody's second run.

whatif: the same with 10,000 people and two replications, the fewest that give an
interval, in a process that has the city open, three times over; full: 100,000
people, five replications, once. Both through bench/whatif, which also says the
processor seconds of every stage and the worst relative gap.

load: 200 clients that submit and poll a what-if of Newport for a minute; then
half a minute beside a worker that does new runs in the same process; then ten
seconds against the rates of a public server, where most are told to wait. Fails
when any answer is an error other than 429 with Retry-After.

assign: static equilibrium of the published networks (validation data, folder
VALIDATION_DATA or ../shared/data/validation) to three gaps, each several
times: seconds of the solve as the program says, reading excluded, and the
greatest memory of the whole process.

streets: 10,000 random street queries from point to point on a grid of 40,000
nodes, without and with banned turns, and on three compiled cities: median and 99th
percentile, what preparing takes, and plain Dijkstra in the same run. All 10,000 costs
and paths are checked against it, or it fails.

cores: what the second core gives to loading and to street queries, beside controls
of the machine. On a machine with other work the "alone" is not alone: run it on a
quiet one.

import: `city build` of every shipped city and of Sao Paulo's centre (validation
data) from its files to pack and report, each several times: wall seconds and
greatest memory of the whole process. Maps for the page, where a city has them,
are part of it.

Writes bench/results/NAME.json: command, version, machine, seconds, memory.
"""
import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "bin/cityflow"


def machine():
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            model = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "")
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cpu": model or platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory / 2**30, 1), "system": f"{platform.system()} {platform.machine()}"}


def load():
    """Others at work on this machine, as processes wanting a core."""
    return round(os.getloadavg()[0], 1)


def measure(command):
    """Wall seconds, processor seconds and peak memory of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cityflow-bench-") as out:
        done = subprocess.run([*command, "--out", out], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=600)
    wall = time.monotonic() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # ru_maxrss is the largest of all children so far (KiB on Linux).
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss * 1024


def output(command, seconds):
    """Runs a command to its good end: standard output and error."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout, done.stderr


def answer(command, seconds):
    """What a command answers as JSON."""
    return json.loads(output(command, seconds)[0])


def rounded(row, digits):
    return {k: round(v, digits) if isinstance(v, float) else v for k, v in row.items()}


def quick(runs=3):
    command = [PROGRAM, "simulate", "--city", "newport", "--agents", "3000", "--replications", "5"]
    loaded = load()
    measure([*command[:-3], "300", "--replications", "2"])  # settles the morning if nobody has; not counted
    walls, cpus, peaks = zip(*(measure(command) for _ in range(runs)))
    return {
        "what": "default what-if of Newport, 3,000 people, baseline and scenario, 5 replications, settled morning present",
        "command": " ".join([*command, "--out", "DIR"]), "runs": runs,
        "must_seconds": 15, "met": statistics.median(walls) <= 15,
        "wall_seconds": {"min": round(min(walls), 2), "median": round(statistics.median(walls), 2), "max": round(max(walls), 2)},
        "cpu_seconds": {"median": round(statistics.median(cpus), 2)},
        "max_rss_bytes": max(peaks), "load_before": loaded,
    }


def stages(agents, replications, must, runs):
    """The what-if of Newport by bench/whatif: seconds by stage, gap, memory."""
    with tempfile.TemporaryDirectory(prefix="cityflow-bench-") as folder:
        program = f"{folder}/whatif"
        subprocess.run(["go", "build", "-o", program, "./bench/whatif"], cwd=ROOT, check=True)
        loaded = load()
        answers = [answer([program, "-packs", "build", "-agents", str(agents), "-replications", str(replications)], 3600) for _ in range(runs)]
    walls, cpus = [a["wall_s"] for a in answers], [a["cpu_s"] for a in answers]
    median = sorted(answers, key=lambda a: a["wall_s"])[len(answers) // 2]
    return {
        "what": f"default what-if of Newport, {agents} people, baseline and scenario, {replications} replications, {median['iterations']} iterations; city open, settled morning present",
        "command": f"go run ./bench/whatif -agents {agents} -replications {replications}", "runs": runs,
        "must_seconds": must, "met": statistics.median(walls) <= must,
        "wall_seconds": {"min": round(min(walls), 2), "median": round(statistics.median(walls), 2), "max": round(max(walls), 2)},
        "cpu_seconds": {"min": round(min(cpus), 2), "median": round(statistics.median(cpus), 2)},
        "stages_of_the_median": median["stages"], "relative_gap": median["relative_gap"],
        "max_rss_bytes": max(a["max_rss_bytes"] for a in answers), "load_before": loaded, "load_after": load(),
    }


def whatif():
    return stages(10000, 2, 5, 3)


def full():
    return stages(100000, 5, 300, 1)


def serve(folder, *more):
    """bin/cityflow serve on a free port, and its address."""
    child = subprocess.Popen([PROGRAM, "--log-level", "warn", "serve", "--addr", "127.0.0.1:0", "--data", folder, *more], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    alarm = threading.Timer(60, child.kill)
    alarm.start()
    line = child.stdout.readline()
    alarm.cancel()
    if " at http" not in line:
        child.kill()
        sys.exit(f"the server says {line!r} instead of its address")
    child.url = line.split(" at ")[1].strip()
    return child


def again(child, folder, *more):
    """Ends a server and starts it anew on the same data."""
    child.terminate()
    child.wait(60)
    child.stdout.close()
    return serve(f"{folder}/data", *more)


def complete(url, seed):
    """Has the what-if of the load program run once."""
    body = json.dumps({"city": "newport", "num_agents": 300, "replications": 2, "seed": seed}).encode()
    with urllib.request.urlopen(urllib.request.Request(url + "/v1/submit", body, {"Content-Type": "application/json"}), timeout=60) as r:
        job = json.load(r)["job_id"]
    end = time.monotonic() + 300
    while True:
        with urllib.request.urlopen(f"{url}/v1/status/{job}", timeout=60) as r:
            state = json.load(r)["status"]
        if state == "complete":
            return
        if state not in ("queued", "running") or time.monotonic() > end:
            sys.exit(f"job {job} is {state}")
        time.sleep(0.2)


def under_load(program, url, pid, seconds, *more):
    done = subprocess.run([program, "--url", url, "--for", f"{seconds}s", "--pid", str(pid), *more], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=seconds + 60)
    if done.returncode:
        sys.exit(f"load: exit code {done.returncode}")
    return json.loads(done.stdout)


def load200(seconds=60):
    with tempfile.TemporaryDirectory(prefix="cityflow-load-") as folder:
        program = f"{folder}/load"
        subprocess.run(["go", "build", "-o", program, "./bench/load"], cwd=ROOT, check=True)
        loaded = load()
        child = serve(f"{folder}/data", "--workers", "1")
        url = child.url
        try:
            for seed in (1, 900001, 900002):  # the cached one, and two so that memory is where it will be
                complete(url, seed)
            child = again(child, folder, "--workers", "0")
            alone = under_load(program, child.url, child.pid, seconds, "--new", "0")
            child = again(child, folder, "--workers", "1")
            complete(child.url, 900003)
            busy = under_load(program, child.url, child.pid, 30)
            child = again(child, folder, "--workers", "0", "--rate-submit", "10/m", "--rate-read", "600/m")
            bounded = under_load(program, child.url, child.pid, 10, "--new", "0")
        finally:
            child.terminate()
            child.wait(60)
            child.stdout.close()
    for name, r in (("alone", alone), ("beside a worker", busy), ("with rates", bounded)):
        if r["errors"]:
            sys.exit(f"{name}: {r['errors']} errors, the first: {r['first_error']}")
    if not bounded["throttled_with_retry_after"]:
        sys.exit("with rates: nobody was told to wait")
    p99 = alone["milliseconds"]["status"]["p99"]
    return {
        "what": f"200 clients on loopback, each a request every 200 ms, every 20th a submit of a run that is cached, for {seconds} s; then 30 s with a worker in the same process doing a new run of 300 people every 10 s; then 10 s against the rates of a public server",
        "command": f"bin/cityflow serve --workers 0; bench/load --clients 200 --for {seconds}s --new 0", "errors_other_than_429": 0,
        "aim_status_p99_ms": 50, "status_p99_ms": p99, "met": p99 <= 50, "load_before": loaded,
        "alone": alone, "beside_a_worker": busy, "with_rates": bounded,
    }


# Folder, file, options, seconds at gap 1e-12: TAP-B on this kind of machine
# (the peer), what we must and what we aim to reach.
NETWORKS = {
    "Sioux Falls": ("SiouxFalls", "SiouxFalls", [], 0.006, 0.006, 0.0025),
    "Anaheim": ("Anaheim", "Anaheim", [], 0.024, 0.024, 0.010),
    "Chicago Sketch": ("Chicago-Sketch", "ChicagoSketch", ["--toll-weight", "0.02", "--distance-weight", "0.04"], 0.830, 0.800, 0.350),
}

# A child that runs a program and says what memory that program alone took.
RSS = "import resource,subprocess,sys; r=subprocess.run(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024, file=sys.stderr); sys.exit(r.returncode)"


def assign(runs=15):
    data = pathlib.Path(os.environ.get("VALIDATION_DATA", ROOT.parent / "shared" / "data" / "validation")) / "tntp"
    if not data.is_dir():
        sys.exit(f"VALIDATION DATA ABSENT: no {data} (set VALIDATION_DATA)")
    loaded, rows = load(), []
    for name, (folder, file, options, peer, must, aim) in NETWORKS.items():
        for gap in ("1e-4", "1e-6", "1e-12"):
            command = [PROGRAM, "--format", "json", "assign", f"{data}/{folder}/{file}_net.tntp", f"{data}/{folder}/{file}_trips.tntp", "--gap", gap, *options]
            seconds, peak = [], 0
            for _ in range(runs):
                out, err = output([sys.executable, "-c", RSS, *command], 300)
                solved = json.loads(out)
                seconds.append(solved["seconds"])
                peak = max(peak, int(err.split()[-1]))
            row = {
                "network": name, "gap": float(gap), "relative_gap": solved["relative_gap"], "iterations": solved["iterations"],
                "objective": solved["objective"], "seconds": {"min": round(min(seconds), 5), "median": round(statistics.median(seconds), 5)}, "max_rss_bytes": peak,
            }
            if gap == "1e-12":
                median = statistics.median(seconds)
                row |= {"peer_seconds": peer, "must_seconds": must, "aim_seconds": aim, "met_must": median <= must, "met_aim": median <= aim, "met_aim_at_best": min(seconds) <= aim}
            rows.append(row)
    return {
        "what": "static user equilibrium; seconds of the solve, reading excluded; one thread; peer: TAP-B, measured earlier on this kind of machine",
        "command": f"{PROGRAM} --format json assign NET.tntp TRIPS.tntp --gap GAP", "runs": runs, "load_before": loaded, "load_after": load(), "rows": rows,
    }


def streets():
    loaded, rows = load(), []
    for what in (["-grid", "200"], ["-grid", "200", "-banned", "0.02"], ["-city", "newport"], ["-city", "porto-alegre"], ["-city", "london-camden"]):
        row = answer(["go", "run", "./bench/streets", *what], 900)
        assert row["pairs"] == row["costs_equal_to_dijkstra"] == row["paths_legal_and_of_that_cost"], row
        for part in ("cost", "path", "to", "all", "dijkstra", "dijkstra_all"):
            row[part] = rounded(row[part], 2)
        rows.append(rounded(row, 2) | {"dijkstra_to_path": round(row["dijkstra"]["median_us"] / row["path"]["median_us"])})
    grid = max(r["cost"]["median_us"] for r in rows[:2])
    return {
        "what": "street queries from point to point on free-flow costs, turn restrictions exact, one thread; least of three rounds for each pair",
        "command": "go run ./bench/streets", "must_us": 150, "aim_us": 20, "grid_cost_median_us": grid, "met_must": grid <= 150, "met_aim": grid <= 20,
        "load_before": loaded, "load_after": load(), "rows": rows,
    }


def cores(seconds=6):
    loaded = load()
    rows = answer(["go", "run", "./bench/cores", "-seconds", str(seconds)], 900)
    loading = next(r for r in rows if r["work"].startswith("loading"))
    assert loading["pieces_seen_both_ways"] > 0, "the machine is too busy: no piece of the loading ran through"
    return {
        "what": "time of two equal pieces of work side by side over one alone; processor time of threads that were not off their core, least of each piece",
        "command": "go run ./bench/cores", "must_ratio": 1.15, "ratio": round(loading["ratio"], 3), "met": loading["ratio"] <= 1.15,
        "load_before": loaded, "load_after": load(), "rows": [rounded(r, 3) for r in rows],
    }


# The longest that an import may take, in seconds.
IMPORTS = {"newport": 4, "heidelberg": 8, "porto-alegre": 10, "london-camden": 10, "sao-paulo": 10}


def importing(runs=5):
    data = pathlib.Path(os.environ.get("VALIDATION_DATA", ROOT.parent / "shared" / "data" / "validation")) / "sao-paulo"
    if not data.is_dir():
        sys.exit(f"VALIDATION DATA ABSENT: no {data} (set VALIDATION_DATA)")
    loaded, rows = load(), []
    for city, must in IMPORTS.items():
        args = ["city", "build", city]
        if city == "sao-paulo":
            args = ["city", "build", "--slug", city, "--osm", f"{data}/osm.pbf", "--gtfs", f"{data}/gtfs.zip", "--population", f"{data}/population.csv", "--jobs", f"{data}/jobs.csv"]
        walls, cpus, peak = [], [], 0
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="cityflow-bench-") as out:
                pack = f"{out}/{city}.pack"
                before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
                _, err = output([sys.executable, "-c", RSS, PROGRAM, *args, "--out", pack], 300)
                walls.append(time.monotonic() - start)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
                peak, size = max(peak, int(err.split()[-1])), os.path.getsize(pack)
        median = statistics.median(walls)
        rows.append({
            "city": city, "wall_seconds": {"min": round(min(walls), 2), "median": round(median, 2), "max": round(max(walls), 2)},
            "cpu_seconds": {"median": round(statistics.median(cpus), 2)}, "must_seconds": must, "met": median < must, "max_rss_bytes": peak, "pack_bytes": size,
        })
    return {
        "what": "whole import of a city, from its files to pack and report; the process's start and Python's around it included",
        "command": f"{PROGRAM} city build CITY --out FILE.pack", "runs": runs, "load_before": loaded, "load_after": load(), "rows": rows,
    }


MEASUREMENTS = {"quick": quick, "whatif": whatif, "full": full, "load": load200, "assign": assign, "import": importing, "streets": streets, "cores": cores}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurement", choices=MEASUREMENTS, nargs="?", default="quick")
    parser.add_argument("--name", help="name of the result file; default: the measurement")
    args = parser.parse_args()
    version = json.loads(subprocess.run([PROGRAM, "--format", "json", "version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    result = {"date": time.strftime("%Y-%m-%d"), "version": version, "machine": machine(), **MEASUREMENTS[args.measurement]()}
    text = json.dumps(result, indent=1) + "\n"
    path = ROOT / "bench" / "results" / f"{args.name or args.measurement}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
