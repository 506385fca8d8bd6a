#!/usr/bin/env python3
"""Measures `cityflow traffic` beside UXsim, in the same session.

    python3 bench/traffic.py [--data DIR] [--rounds N] [--peer-seconds S] [--only NAME,...]

Installs the pinned UXsim into build/bench-uxsim at the first call. DIR is the
folder with the UXsim scenarios as CSV (default: $VALIDATION_DATA/uxsim, or
../shared/data/validation/uxsim beside the repository; they may not be shipped).
Seconds are of the run alone, without reading, on both sides, the least of N
rounds (the machine may be busy: the load is kept beside them, and the processor
seconds, which suffer less; ours include reading). Every ratio
stands beside the work both did: the same platoons loaded (asserted), and trips
completed and link entries, which differ with the models but not by more than
5%, on Chicago 20%, where the peer jams (asserted). Exit code 1 when a stated time, memory
or gain of a second core is missed. Writes bench/results/traffic.json; with --only (names in
SCENARIOS) the other rows stay as they were, each with its own date and load.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import venv

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from run import PROGRAM, ROOT, load, machine  # noqa: E402

VENV = ROOT / "build" / "bench-uxsim"


def peer_python():
    python = VENV / "bin" / "python"
    wanted = (ROOT / "bench" / "requirements-uxsim.txt").read_text(encoding="utf-8")
    stamp = VENV / "requirements.txt"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        venv.create(VENV, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", ROOT / "bench" / "requirements-uxsim.txt"], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return str(python)


def grid(folder, side=11):
    """UXsim's grid: 1 km links, 125 vehicles in an hour from each end of every
    line to each end opposite: 484 pairs, 60,500 vehicles, over 7,200 s."""
    name = lambda x, y: f"n{x}_{y}"
    nodes, links, demand = ["name,x,y"], ["name,start,end,length,u"], ["orig,dest,t_start,t_end,volume"]
    for x in range(side):
        for y in range(side):
            nodes.append(f"{name(x, y)},{x},{y}")
            for u, v in ((x + 1, y), (x, y + 1)):
                if u < side and v < side:
                    for a, b in (((x, y), (u, v)), ((u, v), (x, y))):
                        links.append(f"{name(*a)}-{name(*b)},{name(*a)},{name(*b)},1000,20")
    last = side - 1
    for i in range(side):
        for j in range(side):
            for a, b in (((0, i), (last, j)), ((last, i), (0, j)), ((i, 0), (j, last)), ((i, last), (j, 0))):
                demand.append(f"{name(*a)},{name(*b)},0,3600,125")
    files = []
    for kind, lines in (("nodes", nodes), ("links", links), ("demand", demand)):
        path = pathlib.Path(folder) / f"grid_{kind}.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        files.append(str(path))
    return files


def ours(files, platoon, until, threads):
    flags = [x for pair in zip(("--nodes", "--links", "--demand"), files) for x in pair]
    command = [PROGRAM, "--format", "json", "traffic", *flags, "--platoon", str(platoon), "--until", str(until), "--threads", str(threads)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=900).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the whole process, reading included: what a busy machine distorts least.
    answer["cpu_seconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return answer


def entries(files, platoon, until):
    """Link entries are on the terminal answer only."""
    flags = [x for pair in zip(("--nodes", "--links", "--demand"), files) for x in pair]
    text = subprocess.run([PROGRAM, "traffic", *flags, "--platoon", str(platoon), "--until", str(until)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=900).stdout
    return int(re.search(r"(\d+) link entries", text).group(1))


def best(runs):
    """The quickest of equal runs; all but time and memory must be equal."""
    runs = list(runs)
    for r in runs[1:]:
        for key in ("trips", "completed", "total_travel_time"):
            assert r[key] == runs[0][key], (key, r, runs[0])
    return {**runs[0], "seconds": round(min(r["seconds"] for r in runs), 3), "slowest": round(max(r["seconds"] for r in runs), 3), "cpu_seconds": round(min(r["cpu_seconds"] for r in runs), 3), "max_rss_bytes": max(r["max_rss_bytes"] for r in runs)}


def peer(python, engine, files, platoon, until, threads, limit):
    command = [python, str(ROOT / "bench" / "uxsim_peer.py"), engine, str(platoon), str(until), str(threads), *files]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"error": f"not finished after {limit} s"}
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    return json.loads(done.stdout.splitlines()[-1])


def compare(python, what, files, platoon, until, engines, within, args):
    runs = {t: [] for t in (1, 2)}
    peers = {e: [] for e in engines}
    for _ in range(args.rounds):  # in turn, so that a busy minute hits both
        for t in runs:
            runs[t].append(ours(files, platoon, until, t))
        for e in engines:
            if not any("error" in p for p in peers[e]) and (e == "cpp" or not peers[e]):
                peers[e].append(peer(python, e, files, platoon, until, 1, args.peer_seconds))
    result = {"scenario": what, "platoon": platoon, "until": until, "cityflow": {f"threads_{t}": best(r) for t, r in runs.items()}}
    one, two = result["cityflow"]["threads_1"], result["cityflow"]["threads_2"]
    for key in ("trips", "completed", "total_travel_time"):
        assert one[key] == two[key], f"{what}: {key} depends on the number of threads"
    one["link_entries"] = entries(files, platoon, until)
    result["second_core"] = round(one["seconds"] / two["seconds"], 2)
    for e in engines:
        good = [p for p in peers[e] if "error" not in p]
        if not good:
            result[f"uxsim_{e}"] = peers[e][0]
            continue
        theirs = min(good, key=lambda p: p["seconds"])
        assert abs(theirs["trips"] - one["trips"]) < platoon, f"{what}: {theirs['trips']} trips, {one['trips']} of ours"
        for key in ("completed", "link_entries"):
            assert abs(theirs[key] / one[key] - 1) < within, f"{what}: {key}: {theirs[key]}, {one[key]} of ours"
        result[f"uxsim_{e}"] = {**theirs, "seconds": round(theirs["seconds"], 2), "cpu_seconds": round(min(p["cpu_seconds"] for p in good), 2), "times_as_long": round(theirs["seconds"] / one["seconds"], 1)}
    return result


# Name, title, file (none: made here), platoon, until, engines of the peer, how far
# completed trips and link entries may be apart. Chicago below 30 is beyond the
# peer's memory.
SCENARIOS = {
    "grid": ("11 x 11 grid of 1 km links, 60,500 vehicles", None, 5, 7200, ["cpp", "python"], 0.05),
    "sioux-falls": ("Sioux Falls with capacities", "sfnetwork", 5, 7200, ["cpp", "python"], 0.05),
    "chicago-30": ("Chicago Sketch", "chicago_sketch", 30, 10000, ["cpp"], 0.2),
    "chicago-5": ("Chicago Sketch", "chicago_sketch", 5, 10000, [], 0),
    "chicago-1": ("Chicago Sketch", "chicago_sketch", 1, 10000, [], 0),
}
MUST = {30: (0.8, 100e6), 5: (1.5, 150e6), 1: (4, 400e6)}
SECOND_CORE = 1.3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = os.environ.get("VALIDATION_DATA") or ROOT.parent / "shared" / "data" / "validation"
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path(root) / "uxsim")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-seconds", type=int, default=300)
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, by name: " + ", ".join(SCENARIOS))
    args = parser.parse_args()
    only = args.only.split(",")
    if unknown := [name for name in only if name not in SCENARIOS]:
        parser.error(f"no scenario {', '.join(unknown)}")
    python = peer_python() if any(SCENARIOS[name][4] for name in only) else None
    version = json.loads(subprocess.run([PROGRAM, "--format", "json", "version"], cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    files = lambda name: [str((args.data / f"{name}_{kind}.csv").resolve()) for kind in ("nodes", "links", "demand")]
    path = ROOT / "bench" / "results" / "traffic.json"
    before, kept, missed = load(), {}, []
    if path.exists():
        was = json.loads(path.read_text(encoding="utf-8"))
        kept = {(r["scenario"], r["platoon"]): {"date": was["date"], "version": was["version"], "load": was["load_after"], **r} for r in was["results"]}
    with tempfile.TemporaryDirectory(prefix="cityflow-bench-") as folder:
        for name in only:
            what, file, platoon, until, engines, within = SCENARIOS[name]
            r = compare(python, what, files(file) if file else grid(folder), platoon, until, engines, within, args)
            if file == "chicago_sketch":
                one = r["cityflow"]["threads_1"]
                seconds, memory = MUST[platoon]
                r["must"] = {"seconds": seconds, "max_rss_bytes": int(memory), "met": one["seconds"] <= seconds and one["max_rss_bytes"] <= memory,
                             "second_core": SECOND_CORE, "second_core_met": r["second_core"] >= SECOND_CORE}
                missed += [f"{name}: {key}" for key in ("met", "second_core_met") if not r["must"][key]]
            kept[what, platoon] = {"date": time.strftime("%Y-%m-%d"), "version": version, "load": load(), **r}
    results = [kept[key] for key in ((s[0], s[2]) for s in SCENARIOS.values()) if key in kept]
    out = {"date": time.strftime("%Y-%m-%d"), "version": version, "machine": machine(), "command": "python3 bench/traffic.py", "rounds": args.rounds,
           "peer": (ROOT / "bench" / "requirements-uxsim.txt").read_text(encoding="utf-8").split("\n")[1], "load_before": before, "load_after": load(), "results": results}
    text = json.dumps(out, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")
    print(text, end="")
    if missed:
        sys.exit("not as stated: " + ", ".join(missed))


if __name__ == "__main__":
    main()
