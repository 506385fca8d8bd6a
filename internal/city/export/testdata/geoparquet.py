"""Compares GeoParquet with GeoJSON of the same layers, read by DuckDB and by
Python's own JSON: every row, every column, every coordinate, the metadata.

usage: geoparquet.py FOLDER    (links, nodes, stops, places: .parquet, .geojson)
"""
import json
import os
import struct
import sys

import duckdb


def wkb(b):
    order, kind = struct.unpack_from("<BI", b)
    assert order == 1, order
    if kind == 1:
        assert len(b) == 21, len(b)
        return "Point", list(struct.unpack_from("<2d", b, 5))
    assert kind == 2, kind
    (n,) = struct.unpack_from("<I", b, 5)
    flat = struct.unpack_from(f"<{2 * n}d", b, 9)
    assert len(b) == 9 + 16 * n, (len(b), n)
    return "LineString", [list(p) for p in zip(flat[::2], flat[1::2])]


def layer(folder, name):
    path = os.path.join(folder, name + ".parquet")
    db = duckdb.connect()
    got = db.execute("SELECT * FROM read_parquet(?)", [path])
    columns = [d[0] for d in got.description]
    rows = got.fetchall()
    meta = {bytes(k).decode(): bytes(v).decode() for k, v in db.execute("SELECT key, value FROM parquet_kv_metadata(?)", [path]).fetchall()}
    geo = json.loads(meta["geo"])
    assert geo["version"] == "1.1.0" and geo["primary_column"] == "geometry", geo
    about = geo["columns"]["geometry"]
    assert about["encoding"] == "WKB" and about["crs"]["id"] == {"authority": "OGC", "code": "CRS84"}, about

    with open(os.path.join(folder, name + ".geojson"), encoding="utf-8") as f:
        features = json.load(f)["features"]
    assert len(rows) == len(features) > 0, (len(rows), len(features))
    attributes = sorted(features[0]["properties"])
    assert sorted(columns) == sorted(attributes + ["geometry"]), (columns, attributes)
    at = columns.index("geometry")
    box = [180.0, 90.0, -180.0, -90.0]
    for i, (row, feature) in enumerate(zip(rows, features)):
        kind, points = wkb(bytes(row[at]))
        shape = feature["geometry"]
        assert about["geometry_types"] == [kind] == [shape["type"]], (kind, shape["type"])
        assert points == shape["coordinates"], (i, points, shape["coordinates"])
        for x, y in points if kind == "LineString" else [points]:
            box = [min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)]
        for k, column in enumerate(columns):
            if k != at:
                want = feature["properties"][column]
                assert row[k] == want and isinstance(row[k], bool) == isinstance(want, bool), (i, column, row[k], want)
    assert about["bbox"] == box, (about["bbox"], box)
    print(f"{name}: {len(rows)} rows, {len(columns)} columns")


for each in "links", "nodes", "stops", "places":
    layer(sys.argv[1], each)
