"""Namespaces that several files of tests may make on one control plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.support.eventually import eventually
from controlplane import Cluster


def have_namespace(cluster: Cluster, name: str) -> None:
    """It is there afterwards; one of that name that is being deleted is waited for first."""

    def there() -> bool:
        made = cluster.kubectl("create", "namespace", name, check=False)
        if not made.returncode:
            return True
        assert "AlreadyExists" in made.stderr, made.stderr
        found = cluster.kubectl("get", "namespace", name, "-o", "json", "--ignore-not-found").stdout
        return bool(found) and json.loads(found)["status"]["phase"] == "Active"

    eventually(there, what=f"the namespace {name}")


@contextmanager
def a_namespace(cluster: Cluster, name: str) -> Iterator[str]:
    """It is there until the end, and gone afterwards: Helm and `kubectl apply` refuse a namespace that is ending."""
    have_namespace(cluster, name)
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--timeout=60s", timeout=90)
