#!/usr/bin/env python3
"""Refreshes what README.md shows: the terminal output of its example, and the
picture of the results page. `make readme` runs it over the built program."""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from e2e import PROGRAM, ROOT, Server, browser

README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "images" / "results.png"
MOST_BYTES = 350_000
BLOCK = re.compile(r"(<!-- output of: (?P<command>.*?) -->\n```text\n).*?(```\n)", re.S)


def output(match):
    with tempfile.TemporaryDirectory() as out:
        command = shlex.split(match["command"]) + ["--out", out]
        text = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
    return match[1] + "".join(line.rstrip() + "\n" for line in text.splitlines()) + match[3]


def picture():
    with tempfile.TemporaryDirectory() as name:
        server = Server(pathlib.Path(name))
        try:
            server.healthy(60)
            job, _ = server.ask("/v1/submit", {"city": "newport", "tram_start": "Royal Gwent Hospital", "tram_end": "Ringland Centre"}, want=202)
            server.complete(job["job_id"], 300)
            PICTURE.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["node", "test/picture.mjs", server.url, job["job_id"], PICTURE], cwd=ROOT / "web", check=True, timeout=180,
                           env={**os.environ, "CHROMIUM": browser() or ""})
            server.stop()
        finally:
            server.kill()
    if PICTURE.stat().st_size > MOST_BYTES:
        sys.exit(f"{PICTURE} has {PICTURE.stat().st_size} bytes, at most {MOST_BYTES} are wanted")


if __name__ == "__main__":
    if not PROGRAM.exists():
        sys.exit("run `make build` first")
    text, n = BLOCK.subn(output, README.read_text(encoding="utf-8"))
    if n == 0:
        sys.exit("README.md has no block of output to refresh")
    README.write_text(text, encoding="utf-8")
    picture()
