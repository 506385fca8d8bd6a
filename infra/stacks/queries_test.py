"""Runs every saved question over a small access log and compares the answers
with what was counted by hand. The questions are in Athena's SQL (Trino);
sqlglot says them in DuckDB's, which runs them."""

import pathlib
import sys

import duckdb
import sqlglot

A, B, C = ("1.1.1.1", "Firefox"), ("2.2.2.2", "Chrome"), ("3.3.3.3", "Googlebot/2.1")
SITE = "cityflow.example.org"
# who, time, path, status, bytes, referrer, result, country
LOG = [
    (A, "10:00:00", "/web/index.html", "200", 1000, "https://news.example.com/a?b", "Miss", "GB"),
    (A, "10:00:01", "/web/assets/x.js", "200", 3000, "-", "Hit", "GB"),
    (A, "10:05:00", "/web/plan.html", "200", 1000, f"https://{SITE}/web/index.html", "Hit", "GB"),
    # 31 minutes of silence: a second session, of 60 seconds.
    (A, "10:36:00", "/web/results.html", "304", 500, "-", "RefreshHit", "GB"),
    (A, "10:37:00", "/web/index.html", "200", 1000, "https://News.example.com/b", "Hit", "GB"),
    (B, "12:00:00", "/web/index.html", "200", 1000, "-", "Miss", "DE"),
    (B, "12:00:10", "/web/nowhere.html", "404", 100, "-", "Error", "DE"),
    (B, "12:00:20", "/files/jobs/x/summary.json", "206", 2000, "-", "Miss", "DE"),
    # A machine: counted nowhere but among the bytes.
    (C, "13:00:00", "/web/index.html", "200", 500, "-", "Hit", "US"),
    # Somebody who only sends: no page view.
    (B, "12:00:30", "/web/index.html", "403", 100, "-", "Error", "DE"),
]

WANT = {
    # A and B; A saw 4 pages, B one.
    "visitors-per-day": [("DAY", 2, 5)],
    # A: 10:00:00-10:05:00 = 300 s and 60 s; B: 20 s (errors do not count). (300 + 60 + 20) / 3
    "average-session": [("DAY", 3, 380 / 3)],
    "top-pages": [("/web/index.html", 3, 2), ("/web/plan.html", 1, 1), ("/web/results.html", 1, 1)],
    "countries": [("DE", 1, 1), ("GB", 1, 4)],
    "referrers": [("news.example.com", 2)],
    # Hit, RefreshHit: 5 of 8; their bytes 3000+1000+500+1000+500 of 6000+1000+1000+2000.
    "cache-hits": [("DAY", 8, 62.5, 60.0)],
    "errors": [("/web/index.html", "403", "Error", 1), ("/web/nowhere.html", "404", "Error", 1)],
}


def main():
    db = duckdb.connect()
    db.execute("CREATE TABLE access_log (day_utc text, time_utc text, c_ip text, method text, host text, path text, status text, bytes text,"
               " referrer text, user_agent text, edge_location text, result_type text, seconds text, tls text, protocol text, country text, day text)")
    today = db.execute("SELECT strftime(current_date, '%Y-%m-%d')").fetchone()[0]
    for (ip, agent), time, path, status, size, referrer, result, country in LOG:
        db.execute("INSERT INTO access_log VALUES (?, ?, ?, 'GET', ?, ?, ?, ?, ?, ?, 'LHR50-C1', ?, '0.01', 'TLSv1.3', 'HTTP/2.0', ?, ?)",
                   [today, time, ip, SITE, path, status, str(size), referrer, agent, result, country, today.replace("-", "/")])
        # An old day, that every question leaves out.
        db.execute("INSERT INTO access_log VALUES ('2025-01-01', ?, ?, 'GET', ?, ?, ?, ?, ?, ?, 'LHR50-C1', ?, '0.01', 'TLSv1.3', 'HTTP/2.0', ?, '2025/01/01')",
                   [time, ip, SITE, path, status, str(size), referrer, agent, result, country])
    failed = 0
    found = sorted(p.stem for p in (pathlib.Path(__file__).parent / "queries").glob("*.sql"))
    if found != sorted(WANT):
        print(f"questions {found}, answers known for {sorted(WANT)}")
        failed += 1
    for name in found:
        sql = (pathlib.Path(__file__).parent / "queries" / f"{name}.sql").read_text()
        rows = db.execute(sqlglot.transpile(sql, read="athena", write="duckdb")[0]).fetchall()
        got = [tuple("DAY" if str(v) == today else v for v in row) for row in rows]
        want = WANT.get(name, [])
        if name == "errors":
            got = [row[:4] for row in got]
        same = len(got) == len(want) and all(
            len(g) == len(w) and all(abs(x - y) < 1e-9 if isinstance(y, float) else x == y for x, y in zip(g, w)) for g, w in zip(got, want))
        if not same:
            print(f"{name}: {got}, want {want}")
            failed += 1
    print(f"queries: {len(found) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
