"""What schemathesis is told of this API.

Paths name what is there now and then: random ids alone would find nothing behind a 404.
"""

import base64
import hashlib
import os
import re

import schemathesis

import bodies

FORMS = os.environ["TENANTRY_FUZZ_FORMS"].split(",")
WEBHOOK = os.environ["TENANTRY_FUZZ_WEBHOOK"]
MESSAGE = os.environ["TENANTRY_FUZZ_MESSAGE"]


def known(value):
    return len(str(value)) % 2 == 0


# What decides about a form has some of its own, which nothing else has decided about.
DECIDED = {"approve": 1, "reject": 14, "withdraw": 27}
EACH = 13


def form(path, value):
    drawn = hashlib.sha256(str(value).encode()).digest()[0]
    first = DECIDED.get(path.rsplit("/", 1)[1])
    if first:
        return FORMS[first + drawn % EACH]
    # Half of them the one whose receipt is among the tokens.
    return FORMS[0 if drawn % 2 else drawn // 2 % len(FORMS)]


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    if not path_parameters:
        return path_parameters
    path = context.operation.path
    if "account" in path_parameters and known(path_parameters["account"]):
        path_parameters["account"] = "acme"
    if "id" in path_parameters and path.startswith("/onboarding") and known(path_parameters["id"]):
        path_parameters["id"] = form(path, path_parameters["id"])
    kept = context.operation.method.upper() != "DELETE"
    if kept and path.startswith("/webhooks/{id}") and known(path_parameters.get("id", "1")):
        path_parameters["id"] = WEBHOOK
        if "message" in path_parameters:
            path_parameters["message"] = MESSAGE
    return path_parameters


def whole(value):
    """JSON Schema calls 50.0 an integer; the API wants it as 50 (docs/api.md, quirks)."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [whole(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def nowhere(body):
    """A webhook that the server would take goes to a host that nobody can have (RFC 2606)."""
    url = body.get("url") if isinstance(body, dict) else None
    short = isinstance(url, str) and 9 <= len(url) <= 2048
    if short and re.fullmatch(r"https://[^/?#@]+([/?][^#]*)?", url):
        return {**body, "url": "https://hooks.invalid/"}
    return body


@schemathesis.hook
def map_body(context, body):
    return whole(nowhere(body) if context.operation.path.startswith("/webhooks") else body)


@schemathesis.serializer("application/x-tar")
def archive(context, value):
    """A file is its bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Bodies that the document allows are in part those that the server takes, and half of the backups are
    what their digest says: what is behind reading them is to be met too."""
    meta = case.meta
    if meta is not None and not meta.generation.mode.is_negative and isinstance(case.body, (dict, list)):
        case.body = bodies.mixed(f"{case.operation.method.upper()} {case.operation.path}", case.body)
    if case.operation.path == "/backups/{id}" and isinstance(case.body, str) and known(case.body):
        digest = base64.b64encode(hashlib.sha256(case.body.encode()).digest()).decode()
        case.headers["Content-Digest"] = f"sha-256=:{digest}:"
