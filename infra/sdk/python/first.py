"""Reports that 12.5 GB were ingested."""

import os
from pathlib import Path

import requests
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

# What may not have arrived is sent again, by the same id: it counts once.
again = Retry(total=8, backoff_factor=0.5, status_forcelist=[429, 502, 503, 504], allowed_methods=["POST"])
session = requests.Session()
session.mount("http://", HTTPAdapter(max_retries=again))
session.mount("https://", HTTPAdapter(max_retries=again))


def report(meter, quantity):
    event = CloudEvent(
        {"type": f"dev.tenantry.usage.{meter}", "source": "/shop/python", "region": "eu"},
        {"quantity": quantity},
    )
    message = to_structured_event(event)
    # Read each time: the kubelet replaces it.
    token = Path(os.environ["TENANTRY_USAGE_TOKEN_FILE"]).read_text().strip()
    answer = session.post(
        os.environ["TENANTRY_USAGE_URL"],
        data=message.body,
        headers={**message.headers, "Authorization": f"Bearer {token}"},
        timeout=35,
    )
    if answer.status_code != 200:
        raise RuntimeError(answer.text)
    return answer.json()


print(report("ingestion", "12.5"))
