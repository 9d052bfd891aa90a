"""Checks manifests against the schemas of several Kubernetes versions, without a cluster.

usage: schemas.py VERSION[,VERSION…] FILE…

Kinds of custom resources have no schema here; they are counted apart.
"""

import sys

import kubernetes_validate
import yaml

CUSTOM = ("tenantry.dev/", "monitoring.coreos.com/")


def main() -> int:
    versions, files = sys.argv[1].split(","), sys.argv[2:]
    checked = custom = 0
    wrong = []
    for file in files:
        with open(file, encoding="utf-8") as stream:
            objects = [o for o in yaml.safe_load_all(stream) if o]
        for item in objects:
            if item["apiVersion"].startswith(CUSTOM):
                custom += 1
                continue
            for version in versions:
                try:
                    kubernetes_validate.validate(item, version, strict=True)
                    checked += 1
                except Exception as error:  # a missing schema is a failure too
                    wrong.append(f"{file}: {item['kind']} {item['metadata']['name']} on {version}: {str(error).splitlines()[0]}")
    print("\n".join(wrong) if wrong else f"{checked} checks of built-in kinds, {custom} custom resources left to the cluster")
    return 1 if wrong or not checked else 0


sys.exit(main())
