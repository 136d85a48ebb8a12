#!/usr/bin/env python3
"""Holds the records of a table and prints each change: listen.py http://127.0.0.1:3000 orders fields=customer"""

import http.client
import json
import random
import sys
import time
import urllib.error
import urllib.request

# The server says something every 30 s: a longer silence means that nobody is there.
SILENCE = 75

url, table, scope = sys.argv[1], sys.argv[2], "".join(sys.argv[3:])
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())


def get(path):
    return browser.open(url + path, timeout=SILENCE)


def read_all():
    """All records by id, and the position up to which they are known."""
    get("/").close()  # Any public page gives a guest's session, kept as a cookie.
    with get(f"/api/tables/{table}/records?limit=500&{scope}") as answer:
        page = json.load(answer)
    return {record["id"]: record["fields"] for record in page["records"]}, page["position"]


def messages(since):
    """What came after a position, then what follows; each with the position after it."""
    with get(f"/api/tables/{table}/subscribe/sse?since={since}&{scope}") as stream:
        position = since
        for line in stream:
            name, _, value = line.decode().partition(": ")
            if not value.endswith("\n"):
                continue  # An empty line, or one that was cut off.
            if name == "id":
                position = value.strip()
            elif name == "data":
                yield position, json.loads(value)


def apply(message, records):
    if message["event"] == "delete":
        key, fields = str(message["recordId"]), ""
        records.pop(key, None)
    else:
        key, fields = message["record"]["id"], message["record"]["fields"]
        records[key] = fields
        fields = " " + json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    print(f"{message['event']} {key}{fields}: {len(records)} in all", flush=True)


position, failures = None, 0
while True:
    try:
        if position is None:
            records, position = read_all()
            print(f"read: {len(records)} in all", flush=True)
        for position, message in messages(position):
            failures = 0
            if message["type"] == "change":
                apply(message, records)
            elif message["type"] == "resync":
                print(f"resync: {message['reason']}", flush=True)
                position = None
                break
        if position is None:
            continue
    except urllib.error.HTTPError as error:
        told = json.load(error).get("message", error)
        if error.code in (400, 403, 404):  # Asking again would be refused again.
            sys.exit(told)
        print(told, file=sys.stderr)
        if error.code == 401:  # The session has ended.
            position = None
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
    time.sleep(min(2**failures, 30) * random.uniform(0.5, 1))
    failures += 1
