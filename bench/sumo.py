#!/usr/bin/env python3
"""A Newport morning with fixed routes: CityFlow's loader beside SUMO's
mesoscopic model with junction control, in the same run.

    python3 bench/sumo.py [--runs N]

Both move the same vehicles along the same links (`city export --format sumo`).
Reading is excluded on both sides: CityFlow's time is that of the loader, SUMO's
is the duration that it reports for its simulation. That the work was equal is
checked: vehicles, arrivals, link entries on the routes, and the metres driven by
all of them. SUMO comes
from its package, pinned, in build/sumo-venv.
Writes bench/results/sumo.json.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

from run import ROOT, load, machine

VENV = ROOT / "build/sumo-venv"


def sumo_tools():
    """Folder of SUMO's programs."""
    if not (VENV / "bin/sumo").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", "--no-deps", "--require-hashes", "-r", ROOT / "bench/requirements-sumo.txt"], check=True)
    return VENV / "bin"


def entries(folder):
    """Links on the routes that SUMO is given; it drives them as they are."""
    n = 0
    for _, e in ET.iterparse(folder / "city.rou.xml"):
        if e.tag == "route":
            n += len(e.get("edges").split())
        e.clear()
    return n


def run_sumo(tools, folder):
    said = subprocess.run([tools / "sumo", "-c", "city.sumocfg", "--no-step-log", "--no-warnings", "--duration-log.statistics", "--statistic-output", "stat.xml", "--tripinfo-output", "trips.xml"],
                          cwd=folder, check=True, capture_output=True, text=True, timeout=900).stdout
    stat = ET.parse(folder / "stat.xml").getroot()
    vehicles, jams = stat.find("vehicles").attrib, stat.find("teleports").attrib
    metres = seconds = arrived = 0
    for _, e in ET.iterparse(folder / "trips.xml"):
        if e.tag == "tripinfo":
            arrived += 1
            metres += float(e.get("routeLength"))
            seconds += float(e.get("duration")) + float(e.get("departDelay"))
        e.clear()
    return {
        "seconds": float(re.search(r"Duration: ([\d.]+)s", said).group(1)),
        "trips": int(vehicles["inserted"]), "completed": arrived, "teleports": int(jams["total"]),
        "metres_driven": metres, "mean_travel_time_s": seconds / max(arrived, 1),
    }


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--runs", type=int, default=3)
    runs = args.parse_args().runs
    tools = sumo_tools()
    with tempfile.TemporaryDirectory(prefix="cityflow-sumo-") as out:
        folder = pathlib.Path(out)
        subprocess.run(["bin/cityflow", "city", "export", "--city", "newport", "--format", "sumo", "--out", folder], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        subprocess.run([tools / "netconvert", "-c", "city.netccfg", "--no-warnings"], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        work = json.loads((folder / "city.work.json").read_text())
        entered = entries(folder)
        ours, sumo = [], []
        for _ in range(runs):  # in turn, so that other work on the machine meets both
            ours.append(json.loads(subprocess.run(["go", "run", "./bench/morning", "-runs", "1"], cwd=ROOT, check=True, capture_output=True, text=True).stdout))
            sumo.append(run_sumo(tools, folder))
    assert entered == work["link_entries"], (entered, work)
    for r in ours:
        assert (r["trips"], r["completed"], r["link_entries"]) == (work["trips"], work["trips"], work["link_entries"]), (r, work)
    for r in sumo:
        assert (r["trips"], r["completed"]) == (work["trips"], work["trips"]), (r, work)
        # A vehicle's last link may end a metre early; a teleport leaves out none.
        assert abs(r["metres_driven"] / work["metres_driven"] - 1) < 1e-3, (r, work)
    a, b = (statistics.median(x) for x in ([r["seconds"][0] for r in ours], [r["seconds"] for r in sumo]))
    result = {
        "what": "a Newport morning with fixed routes, single vehicles; median seconds, reading excluded",
        "version": subprocess.run([ROOT / "bin/cityflow", "version"], check=True, capture_output=True, text=True).stdout.strip(),
        "sumo": "1.28.0, --mesosim --meso-junction-control, one thread, teleporting after 300 s as by default",
        "machine": machine(), "load": load(), "work": work,
        "cityflow": {"seconds": a, "runs": ours}, "sumo_meso": {"seconds": b, "runs": sumo}, "ratio": a / b, "must": 0.5, "aim": 0.1,
    }
    (ROOT / "bench/results/sumo.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"CityFlow {a:.2f} s, SUMO {b:.2f} s, ratio {a / b:.3f}")
    if a > 0.5 * b:
        sys.exit("slower than half of SUMO's time")


if __name__ == "__main__":
    main()
