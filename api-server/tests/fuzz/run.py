"""Fuzzes a running API server from its OpenAPI document, with a token of every kind.

The server is a process of its own on a ledger of its own. Each kind of token has its run, on every
operation. What must not happen: a server error, an answer that the document does not have, input
that the document forbids and the server takes. The server counts the cases itself.
"""

import argparse
import base64
import json
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

import bodies

HERE = Path(__file__).resolve().parent
CLUSTER = "https://kubernetes.default.svc"
ACCOUNTS = ("acme", "globex")
SCOPES = (
    "billing:read billing:read:own billing:correct billing:plan onboarding:approve usage:write "
    "usage:read success:write support:write privacy:erase billing:export billing:audit "
    "webhooks:admin"
)


class Ground:
    """A server on a ledger in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder, self.process = program, folder, None
        self.secret = folder / "secret"
        self.secret.write_text(secrets.token_hex(32))
        self.storage = folder / "billing"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuers = folder / "issuers.yaml"

    def call(self, *arguments, **options):
        done = subprocess.run(
            [self.program, *arguments], check=True, capture_output=True, text=True, env={}, **options
        )
        return done.stdout.strip()

    def prepare(self):
        """Accounts and bindings, which need the ledger for themselves."""
        jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        jwk.update(kid="k1", use="sig", alg="ES256")
        keys = self.folder / "cluster.json"
        keys.write_text(json.dumps({"keys": [jwk]}))
        self.issuers.write_text(
            f"issuers: [{{issuer: '{CLUSTER}', kind: kubernetes, keys: {{file: {keys}}}}}]\n"
        )
        at = ("--storage", str(self.storage))
        for account in ACCOUNTS:
            self.call("accounts", "create", account, *at)
            for name in ("core", "tenantry-gateway"):
                names = ("--namespace", f"tenant-{account}", "--service-account", name)
                self.call("accounts", "bind", account, *names, "--uid", f"{account}-{name}", *at)

    def start(self):
        kinds = ("public", "read", "write", "ingest", "onboarding")
        many = [f"--rate-{kind}=1000000" for kind in kinds]
        self.process = subprocess.Popen(
            [
                self.program, "serve", "--address", "127.0.0.1:0", "--health-address", "127.0.0.1:0",
                "--storage", str(self.storage), "--issuers", str(self.issuers),
                "--development-secret-file", str(self.secret),
                "--backups", str(self.folder / "backups"), *many,
            ],
            env={},
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stderr:
            entry = json.loads(line)
            if entry.get("message") == "serving":
                self.url, self.health = f"http://{entry['address']}", f"http://{entry['health']}"
                break
        else:
            raise SystemExit("the server ended before it served")
        self.log = (self.folder / "log").open("w+")
        subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=self.log)

    def person(self, audiences, scopes, roles=(), tenant=None):
        arguments = ["token", "--development-secret-file", str(self.secret), "--seconds", "7200"]
        for name, values in (("audience", audiences), ("scope", scopes.split()), ("role", roles)):
            for value in values:
                arguments += [f"--{name}", value]
        if tenant:
            arguments += ["--tenant", tenant]
        return self.call(*arguments)

    def pod(self, name, audience):
        now = int(time.time())
        claims = {
            "iss": CLUSTER, "aud": [audience], "iat": now, "nbf": now, "exp": now + 7200,
            "sub": f"system:serviceaccount:tenant-acme:{name}",
            "kubernetes.io": {
                "namespace": "tenant-acme", "serviceaccount": {"name": name, "uid": f"acme-{name}"},
            },
        }
        # Kubernetes sets no typ.
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"kid": "k1", "typ": None})

    def post(self, path, body, token=None):
        headers = {"content-type": "application/json"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def answered(self):
        """How many requests the server has answered, by operation and class of status."""
        with urllib.request.urlopen(self.health + "/metrics") as answer:
            text = answer.read().decode()
        counts = {}
        for line in text.splitlines():
            found = re.match(r"tenantry_api_requests_total\{(.*)\} (\d+)", line)
            if found:
                labels = dict(re.findall(r'(\w+)="([^"]*)"', found[1]))
                key = (f"{labels['method']} {labels['route']}", labels["status"])
                counts[key] = counts.get(key, 0) + int(found[2])
        return counts

    def stop(self):
        """Ends the server as an operator would; the exit code says whether it ended well."""
        self.process.terminate()
        return self.process.wait(timeout=60)


def tokens(ground, receipt):
    """One of every kind."""
    manager = ("CustomerSuccessManager",)
    return {
        "none": None,
        "person": ground.person(("billing", "tenantry-usage"), SCOPES, manager, "acme"),
        "customer": ground.person(("billing",), "billing:read:own", (), "acme"),
        "sender": ground.person(("tenantry-usage",), "usage:write usage:read", (), "acme"),
        "workload": ground.pod("core", "tenantry-usage"),
        "gateway": ground.pod("tenantry-gateway", "tenantry-gateway"),
        "receipt": receipt,
    }


# Those whose runs have schemathesis' systematic phases too: between them they reach every operation.
# The other kinds are refused nearly everywhere, and random input is enough to show that.
THOROUGH = ("person", "workload")


def fuzz(ground, name, token, known, options):
    """One run of schemathesis; the answer is its exit code."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file", str(HERE / "schemathesis.toml"),
        "run", str(HERE.parent.parent / "openapi.json"), "--url", ground.url,
        "--max-examples", str(options.examples), "--seed", str(options.seed), "--no-color",
        # Several threads that generate trip over a fault of CPython 3.11's parser.
        "--workers", "1",
    ]
    if name not in THOROUGH:
        command += ["--phases", "fuzzing"]
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
    environment = {
        "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), **known,
        "PATH": "/usr/bin:/bin", "HOME": str(ground.folder), "LANG": "C.UTF-8",
    }
    done = subprocess.run(
        command, env=environment, cwd=ground.folder, capture_output=True, text=True
    )
    if done.returncode:
        print(f"-- with the token of kind {name}\n{done.stdout[-options.tail:]}{done.stderr[-4000:]}")
    return done.returncode


# Operations of which no request is taken here, and why.
NEVER = {
    "GET /profiles": "there is no cluster beside this server",
    "GET /profiles/{name}/revisions": "there is no cluster beside this server",
    "GET /profiles/{name}/tenants": "there is no cluster beside this server",
    "PUT /backups/{id}": "an archive of a spool is a gateway's to make: tests/process/gateway/backing.rs",
}


def untaken(counts):
    """The operations of the document that took no request at all: of these nothing was shown."""
    document = json.loads((HERE.parent.parent / "openapi.json").read_text())
    methods = ("get", "put", "post", "delete", "patch")
    names = {
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items() for method in operations if method in methods
    }
    taken = {name for (name, status), count in counts.items() if status == "2xx" and count}
    for name in sorted(names):
        print(f"{sum(count for (of, status), count in counts.items() if of == name and status == '2xx'):6} taken  {name}")
    wrong = [f"{name} took no request" for name in sorted(names - taken - set(NEVER))]
    return wrong + [f"{name} takes some: strike it off NEVER" for name in sorted(taken & set(NEVER))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the api-server to run")
    parser.add_argument("--examples", type=int, default=50, help="generated for each operation and token")
    parser.add_argument("--least", type=int, default=5000, help="fewer cases in all is a failure")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--only", help="one kind of token")
    parser.add_argument("--tail", type=int, default=20000, help="characters of a failing run to show")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tenantry-fuzz-") as folder:
        ground = Ground(options.program, Path(folder))
        ground.prepare()
        ground.start()
        failed = []
        try:
            # As many as are decided: each is approved, turned down or withdrawn once.
            forms = [{**bodies.form(), "tenant": f"initech-{n}"} for n in range(40)]
            intakes = [ground.post("/onboarding", form) for form in forms]
            kinds = tokens(ground, intakes[0]["receipt_token"])
            webhook = ground.post("/webhooks", {"url": bodies.HOOK}, kinds["person"])["id"]
            message = ground.post(f"/webhooks/{webhook}/test", {}, kinds["person"])["message"]
            known = {
                "TENANTRY_FUZZ_FORMS": ",".join(one["follow"].rsplit("/", 1)[1] for one in intakes),
                "TENANTRY_FUZZ_WEBHOOK": webhook, "TENANTRY_FUZZ_MESSAGE": message,
            }
            for name, token in kinds.items():
                if options.only not in (None, name):
                    continue
                before, began = sum(ground.answered().values()), time.monotonic()
                if fuzz(ground, name, token, known, options):
                    failed.append(name)
                cases = sum(ground.answered().values()) - before
                print(f"{name:10} {cases:6} requests {time.monotonic() - began:6.1f} s", flush=True)
            counts = ground.answered()
        finally:
            code = ground.stop()
        by_class = {}
        for (_, status), count in counts.items():
            by_class[status] = by_class.get(status, 0) + count
        cases, errors = sum(by_class.values()), by_class.get("5xx", 0)
        classes = ", ".join(f"{count} {status}" for status, count in sorted(by_class.items()))
        print(f"{cases} cases ({classes}), {errors} server errors, {len(failed)} kinds of token with findings")
        verify = subprocess.run(
            [options.program, "verify", "--storage", str(ground.storage)], env={}, text=True
        )
        if options.only is None and cases < options.least:
            failed.append(f"only {cases} cases")
        failed += untaken(counts) if options.only is None else []
        if errors or code or verify.returncode:
            failed.append(f"{errors} server errors, exit code {code}, verify {verify.returncode}")
        if failed:
            raise SystemExit("; ".join(failed))


if __name__ == "__main__":
    main()
