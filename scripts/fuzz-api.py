#!/usr/bin/env python3
"""Requests made up from the OpenAPI document, sent to the running program.

Starts bin/cityflow on a free port and lets schemathesis (pinned in
scripts/requirements.lock) ask everything that the document allows, and much
that it does not. No answer may be a server error, have a status, a content type
or a header that is not documented, or a body that does not fit its schema; bad
input must be refused. Three passes: the document as published; the same with
the ids of a job that is complete, so that its files and results are reached; a
private deployment with low rates, where most answers are 401 and 429.
Seeded and bounded in time (SECONDS below, about a minute and a half in all).
Without schemathesis nothing is tested, which is said loudly, and in CI
(CI=true) is a failure.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from e2e import ROOT, Server, Wrong, check  # noqa: E402

CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,ignored_auth")
SECONDS = {"as published": 30, "a job that is there": 20, "private, with rates": 10}
SEED = 20231


def schemathesis():
    """The program, or None."""
    mine = ROOT / "build" / "venv" / "bin" / "schemathesis"
    make = ROOT / "scripts" / "python-env"
    if not mine.exists() and make.exists():
        subprocess.run([make], check=False)
    return str(mine) if mine.exists() else os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis")


def fuzz(program, name, schema, server, folder, *more):
    print(f"-- {name}", flush=True)
    path = folder / (name.replace(" ", "-").replace(",", "") + ".json")
    path.write_text(json.dumps(schema), encoding="utf-8")
    command = [program, "run", str(path), "--url", server.url, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", "20",
               "--max-time", str(SECONDS[name]), "--seed", str(SEED), "--request-timeout", "30", "--no-color", "--warnings", "off", *more]
    # Its own folder: it keeps a database of what it found.
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS[name] + 60)
    except subprocess.TimeoutExpired as e:
        raise Wrong(f"{name}: not done {60} s after its time: {(e.stdout or b'')[-2000:]!r}") from None
    if done.returncode:
        print(done.stdout[-12000:])
        raise Wrong(f"{name}: schemathesis ends with {done.returncode}")
    check("Test cases:" in done.stdout, f"{name}: nothing was tested: {done.stdout[-2000:]}")
    print("  " + done.stdout.split("Test cases:")[1].strip().splitlines()[0].strip())
    check(server.child.poll() is None, f"{name}: the server is gone")
    server.ask("/v1/health")


def with_values(schema, values):
    """The document with nothing but the given values in some parameters."""
    schema = json.loads(json.dumps(schema))
    for item in schema["paths"].values():
        for operation in item.values():
            for p in operation.get("parameters", []):
                if p["name"] in values:
                    p["schema"]["enum"] = values[p["name"]]
    # Another pass submits.
    del schema["paths"]["/v1/submit"]
    return schema


def main():
    program = schemathesis()
    if not program:
        if os.environ.get("CI") == "true":
            print("FAILED: there is no schemathesis", file=sys.stderr)
            return 1
        print("\n*** SKIPPED: no schemathesis, so nobody made up requests from the OpenAPI document ***\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="cityflow-fuzz-") as name:
        folder = pathlib.Path(name)
        server = None
        try:
            server = Server(folder)
            server.healthy(60)
            schema, _ = server.ask("/openapi.json")
            job = server.ask("/v1/submit", {"city": "newport", "num_agents": 300, "replications": 2}, want=202)[0]["job_id"]
            files = [a["name"] for a in server.complete(job, 240)["artifacts"]]
            server.stop()
            server.kill()

            # What is made up must not run: it may ask for hours.
            server = Server(folder, "--workers", "0")
            server.healthy(60)
            fuzz(program, "as published", schema, server, folder)
            fuzz(program, "a job that is there", with_values(schema, {"job_id": [job], "slug": ["newport", "heidelberg"], "artifact": files}), server, folder)
            server.stop()
            server.kill()

            token = json.loads(subprocess.run([ROOT / "bin" / "cityflow", "--format", "json", "token"], capture_output=True, text=True, check=True).stdout)
            server = Server(folder, "--workers", "0", "--private", "--token-hash", token["hash"], "--rate-read", "20/s", "--rate-submit", "2/s")
            server.healthy(60)
            fuzz(program, "private, with rates", schema, server, folder)
            server.stop()
        except (Wrong, OSError) as e:
            print(f"FAILED: {e}", file=sys.stderr)
            log = folder / "server.log"
            if log.exists():
                lines = log.read_text(encoding="utf-8").splitlines()
                print("the server's last words:", *lines[-40:], sep="\n  ", file=sys.stderr)
            return 1
        finally:
            if server:
                server.kill()
    print("made-up requests: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
