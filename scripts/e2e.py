#!/usr/bin/env python3
"""The built program with a real browser, a real city and a real job.

Starts bin/cityflow on a free port with an empty data folder, clicks through
its pages in chromium, runs its own acceptance tests, posts the short form of
a request the way a stranger would with curl, and stops it with SIGTERM.
Everything is bounded in time; what was started is ended; the server's log is
shown when something is wrong. Without a browser the pages are not clicked
through, which is said loudly, and in CI (CI=true) is a failure.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "bin" / "cityflow"
CITY = "newport"  # the city whose settled morning `make build` prepares
SHORT_FORM = {  # as the contract writes it, with stops of Newport
    "city": CITY, "tram_start": "Royal Gwent Hospital", "tram_end": "Ringland Centre", "num_agents": 600,
    "agent_distribution": {"drive": 60, "cycle": 10, "tram": 30}, "traffic_level": "peak", "sim_date": "2023-06-13", "sim_time": "08:00",
}


class Wrong(Exception):
    """A check that did not hold."""


def check(holds, what):
    if not holds:
        raise Wrong(what)


def run(name, command, seconds, cwd=ROOT, env=None):
    """Runs a command in its own process group, which is gone afterwards."""
    print(f"-- {name}", flush=True)
    child = subprocess.Popen(command, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = child.wait(seconds)
    except subprocess.TimeoutExpired:
        raise Wrong(f"{name}: not done after {seconds} s") from None
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    check(code == 0, f"{name}: exit code {code}")


class Server:
    """bin/cityflow serve on a free port."""

    def __init__(self, folder, *more):
        self.log = open(folder / "server.log", "w+", encoding="utf-8")
        self.child = subprocess.Popen([PROGRAM, "serve", "--addr", "127.0.0.1:0", "--data", folder / "data", *more], cwd=ROOT,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        # A program that never says its address must not hold us for ever.
        alarm = threading.Timer(60, self.child.kill)
        alarm.start()
        line = self.child.stdout.readline()
        alarm.cancel()
        check(" at http" in line, f"the server says {line!r} instead of its address")
        self.url = line.split(" at ")[1].strip()

    def ask(self, path, body=None, want=200):
        """Answer of the API as JSON, and the answer's headers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"} if data else {})
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                status, headers, text = r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            with e:
                status, headers, text = e.code, e.headers, e.read()
        check(status == want, f"{path}: {status}, want {want}: {text[:500]!r}")
        return json.loads(text), headers

    def healthy(self, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                return self.ask("/v1/health")[0]
            except (Wrong, OSError) as e:
                check(self.child.poll() is None and time.monotonic() < end, f"never healthy: {e}")
                time.sleep(0.2)

    def complete(self, job, seconds):
        end = time.monotonic() + seconds
        while True:
            status, _ = self.ask(f"/v1/status/{job}")
            if status["status"] == "complete":
                return status
            check(status["status"] in ("queued", "running"), f"job {job} is {status['status']}: {status['message']}")
            check(time.monotonic() < end, f"job {job} is still {status['status']} ({status['message']}) after {seconds} s")
            time.sleep(0.25)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(30)
        except subprocess.TimeoutExpired:
            raise Wrong("the server does not end within 30 s of SIGTERM") from None
        check(code == 0, f"after SIGTERM the server ends with {code}, want 0")

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.log.close()


def browser():
    """The path of a chromium, or None."""
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        path = name and shutil.which(name)
        if path:
            return path
    return None


def click_through(server):
    chromium, npm = browser(), shutil.which("npm")
    if not chromium or not npm:
        missing = "chromium" if not chromium else "npm"
        check(os.environ.get("CI") != "true", f"there is no {missing}: the pages cannot be tested")
        print(f"\n*** SKIPPED: no {missing}, so nobody clicked through the pages ***\n", flush=True)
        return
    run("pages in a browser", [npm, "run", "--silent", "e2e"], 600, ROOT / "web",
        {"BASE_URL": server.url, "CITY": CITY, "CHROMIUM": chromium, "PATIENCE_MS": "240000"})
    run("basemaps in a browser", [npm, "run", "--silent", "basemap"], 600, ROOT / "web", {"BASE_URL": server.url, "CHROMIUM": chromium})


def short_form(server):
    print("-- the short form of a request", flush=True)
    submitted, headers = server.ask("/v1/submit", SHORT_FORM, want=202)
    check(not submitted["cached"], f"a new request is answered from the cache: {submitted}")
    check(headers["Location"] == f"/v1/status/{submitted['job_id']}", f"Location {headers['Location']}")
    started = time.monotonic()
    status = server.complete(submitted["job_id"], 300)
    share = status["config"]["mode_share"]
    check(share == {"car": 60, "bike": 10, "walk": 0, "transit": 30} and status["config"]["mode_share_non_walk"], f"shares became {share}")
    check(len(status["artifacts"]) >= 10, f"only {len(status['artifacts'])} artifacts")
    summary, _ = server.ask(f"/files/jobs/{submitted['job_id']}/summary.json")
    check(summary["verdict"] and len(summary["kpis"]) >= 8, "the summary has no verdict or few indicators")
    print(f"complete after {time.monotonic() - started:.1f} s: {summary['verdict'][0]}")

    again = time.monotonic()
    repeated, _ = server.ask("/v1/submit", SHORT_FORM, want=202)
    took = time.monotonic() - again
    check(repeated["cached"] and repeated["job_id"] == submitted["job_id"] and repeated["status"] == "complete", f"the same request again: {repeated}")
    check(took < 2, f"the kept answer took {took:.1f} s")
    print(f"the same request again: the same job, cached, after {1000 * took:.0f} ms")

    refused, headers = server.ask("/v1/submit", {**SHORT_FORM, "tram_end": "Ringland Center", "num_agents": 0}, want=422)
    check(headers["Content-Type"] == "application/problem+json", f"a refusal of type {headers['Content-Type']}")
    check({p["path"] for p in refused["errors"]} == {"tram_end", "num_agents"}, f"the refusal names {refused['errors']}")
    check(any("Ringland Centre" in v for p in refused["errors"] for v in p.get("valid", [])), f"no near match in {refused['errors']}")


def main():
    with tempfile.TemporaryDirectory(prefix="cityflow-e2e-") as name:
        folder = pathlib.Path(name)
        server = None
        try:
            server = Server(folder)
            print(f"CityFlow {server.healthy(60)['version']} at {server.url}")
            click_through(server)
            run("acceptance tests", [PROGRAM, "smoke", "--web", server.url, "--api", server.url, "--city", CITY], 240)
            short_form(server)
            server.stop()
        except (Wrong, OSError) as e:
            print(f"FAILED: {e}", file=sys.stderr)
            log = folder / "server.log"
            if log.exists():
                lines = log.read_text(encoding="utf-8").splitlines()
                print("the server's last words:", *lines[-80:], sep="\n  ", file=sys.stderr)
            return 1
        finally:
            if server:
                server.kill()
    print("end to end: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
