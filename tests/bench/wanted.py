#!/usr/bin/env python3
"""Reads the events of a first plan (mailprov plan --json) and prints what it manages,
a line each: `package NAME`, `file PATH`, `path PATH` (its content is not ours),
`table SOURCE COMPILED`, `unit NAME`."""

import json
import sys


def lines(kind, name, after):
    if kind == "package":
        # What comes along with another is in nobody's list.
        return [] if after.get("automatic") else [f"package {name}"]
    if kind == "certificate":
        key = name.replace("/certs/", "/private/").replace(".pem", ".key")
        return [f"file {name}", f"file {key}"]
    if kind in ("file", "key_pair", "secret"):
        return [f"file {name}"]
    if kind == "data_file":
        return [f"path {name}"]
    if kind == "table":
        is_sieve = name.endswith(".sieve")
        compiled = name.removesuffix(".sieve") + ".svbin" if is_sieve else f"{name}.db"
        return [f"table {name} {compiled}"]
    if kind == "service":
        return [f"unit {name}" if "." in name else f"unit {name}.service"]
    return []


for event in map(json.loads, sys.stdin):
    if event.get("event") == "change":
        kind, name = event["key"].split(":", 1)
        for line in lines(kind, name, event["after"]):
            print(line)
