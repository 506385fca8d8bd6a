"""Prints what an independent validator says of feeds, as JSON: for each file
the codes of its errors and warnings. usage: gtfs.py FEED.zip..."""
import json
import sys

import gtfs_guru

out = {}
for path in sys.argv[1:]:
    r = gtfs_guru.validate(path)
    out[path] = {"errors": r.error_count, "codes": sorted({n.severity + " " + n.code for n in r.notices})}
json.dump(out, sys.stdout)
