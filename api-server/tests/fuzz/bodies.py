"""A body for each operation that takes one, which the server takes as it stands.

What is drawn from the document alone is refused nearly always: a decimal, a currency and a meter are
texts to it. Half of what is drawn is therefore laid over one of these, a few of its members at a time, so
that what computes, and not only what reads, meets what nobody thought of.
"""

import datetime
import hashlib
import json
from pathlib import Path

TODAY = datetime.date.today()
HOOK = "https://hooks.invalid/"


def usd(amount):
    return {"amount": amount, "currency": "USD"}


def form():
    """Of `POST /onboarding`."""
    form = json.loads((Path(__file__).parent / "form.json").read_text())
    form["go_live_date"] = str(TODAY + datetime.timedelta(days=30))
    return form


def good(draw):
    """By method and path; ids are of the draw, so that none is the one of before with another content."""
    hours = {"low": "3", "base": "4", "high": "5"}
    now = datetime.datetime.now(datetime.timezone.utc)
    ago = (now - datetime.timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "POST /onboarding": form(),
        "POST /roi": {
            "departments": [{"people": 12, "weeks_per_year": 46, "hours_per_week": hours}],
            "salary": usd("52000.00"), "burden": "0.30", "one_off": usd("12000.00"),
            "subscription": usd("10788.00"), "productive_hours": 1800, "risk": "0.15",
            "discount": "0.10", "ramp": ["0.5"], "years": 3,
        },
        "POST /recommendation": {
            "usage": {"agents": {"low": "1", "base": "2", "high": "3"}}, "support_hours": 8,
            "currency": "USD", "purpose": "production", "voice_minutes": 12000,
        },
        "POST /onboarding/{id}/reject": {"reason": "no"},
        "POST /billing/corrections": {
            "account": "acme", "id": draw, "row": 1, "change": {"by": "-0.01"}, "reason": "twice",
            "reference": "T-17",
        },
        "POST /accounts/{account}/plan": {"plan": "team", "version": 1, "preview": True},
        "PUT /accounts/{account}/facts": {
            "stage": "live", "go_live_date": str(TODAY), "departments": {"active": 2, "planned": 5},
            "criteria": {"met": 1, "due": 3}, "error_budget_used": "0.35", "days_overdue": 12,
            "open_incidents": {"sev1": 2, "sev2": 1, "sev1_past_sla": 1},
        },
        "POST /support/interactions": {
            "account": "acme", "source": "helpdesk", "id": draw, "opened_at": ago,
            "answered_at": ago, "sla_hours": 8,
        },
        "POST /erasures": {
            "subject": {"dimension": {"account": "acme", "name": "user", "value": draw}},
            "reason": "asked to", "reference": "GDPR-7",
        },
        "POST /webhooks": {"url": HOOK, "types": ["health.flagged"]},
        "PUT /webhooks/{id}": {"url": HOOK, "types": ["health.flagged"], "enabled": True},
        "POST /webhooks/{id}/secret": {"overlap_hours": 24},
        "POST /gateway/heartbeat": {
            "version": "0.1.0", "held_events": 3, "held_bytes": 900, "refused": 1, "sealed": False,
        },
        "POST /usage/events": {
            "specversion": "1.0", "id": draw, "source": "/core", "type": "dev.tenantry.usage.query",
            "time": ago, "data": {"quantity": "0.01"},
        },
    }


def mixed(operation, drawn):
    """What was drawn, or a good body with some of it: the same for the same draw."""
    digest = hashlib.sha256(json.dumps(drawn, sort_keys=True, default=str).encode()).digest()
    body = good(digest.hex()[:16]).get(operation)
    if body is None or digest[0] % 2:
        return drawn
    chances = iter(digest[1:])
    if isinstance(drawn, list):
        return [laid_over(body, member, chances) for member in drawn[:3]] or drawn
    return laid_over(body, drawn, chances)


def laid_over(body, drawn, chances):
    """One member of four is the drawn one; members of members as well."""
    if not isinstance(body, dict) or not isinstance(drawn, dict):
        return body
    body = dict(body)
    for name, value in sorted(drawn.items()):
        if next(chances, 1) % 4 == 0:
            body[name] = value
        elif name in body:
            body[name] = laid_over(body[name], value, chances)
    return body
