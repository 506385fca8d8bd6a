#!/usr/bin/env python3
"""Measures the built program and keeps what was measured.

    python3 bench/run.py quick [--name NAME]

quick: the what-if of Newport with 3,000 people, baseline and scenario, five
replications each, three times over. The city is compiled and its morning
settled beforehand (`make build` does both), as for everybody's second run.
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
import time

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


MEASUREMENTS = {"quick": quick}


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
