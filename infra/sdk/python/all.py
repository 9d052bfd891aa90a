"""Sends what standard input says, an order a line, each in the way that it names, and prints what became of each.

The modes `v1-binary` and `v1-structured` are the package's older interface, which most code was written for.
"""

import json
import os
import sys
from datetime import datetime
from pathlib import Path

import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import http as v1

TOKEN = Path(os.environ["TENANTRY_USAGE_TOKEN_FILE"]).read_text().strip()


def attributes(said):
    return {"id": said["id"], "source": "/all", "type": said["type"], **said.get("extensions", {})}


def current(said):
    given = attributes(said)
    if "time" in said:
        given["time"] = datetime.fromisoformat(said["time"])
    return CloudEvent(given, said.get("data"))


def older(said):
    given = attributes(said)
    if "time" in said:
        given["time"] = said["time"]
    return v1.CloudEvent(given, said.get("data"))


def batch(events):
    body = b"[" + b",".join(JSONFormat().write(current(event)) for event in events) + b"]"
    return {"content-type": "application/cloudevents-batch+json"}, body


def message(mode, events):
    match mode:
        case "binary":
            made = to_binary_event(current(events[0]))
            return made.headers, made.body
        case "structured":
            made = to_structured_event(current(events[0]))
            return made.headers, made.body
        case "v1-binary":
            return v1.to_binary(older(events[0]))
        case "v1-structured":
            return v1.to_structured(older(events[0]))
        case "batch":
            return batch(events)
    raise ValueError(f"no mode {mode}")


def send(order):
    headers, body = message(order["mode"], order["events"])
    answer = requests.post(
        os.environ["TENANTRY_USAGE_URL"],
        data=body,
        headers={**headers, "Authorization": f"Bearer {TOKEN}"},
        timeout=35,
    )
    said = answer.json()
    if answer.status_code // 100 != 2:
        return {"taken": False, "problem": said, "rejected": None}
    return {"taken": answer.status_code == 200, "problem": None, "rejected": said["rejected"]}


for line in sys.stdin:
    print(json.dumps(send(json.loads(line))))
