"""Files that a run writes for its programs, and command lines that name them."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from controlplane import audit
from controlplane.audit import AuditLog
from controlplane.commands import Layout
from controlplane.kubeconfig import Access
from controlplane.signing import private_key_pem
from tokenfactory_operator.api import v1alpha1


def access(directory: Path, *, token: str) -> Access:
    return Access(
        server="https://127.0.0.1:20001", ca_file=directory / "apiserver.crt", user="admin", token=token, namespace="ml"
    )


def layout(directory: Path) -> Layout:
    return Layout(bin=directory / "bin", directory=directory, etcd_client=20001, etcd_peer=20002, api=20003)


def test_kubeconfig_verifies_the_server(tmp_path: Path) -> None:
    """Clients read the file as YAML, check the server's certificate, and start in the namespace given."""
    document = yaml.safe_load(access(tmp_path, token="t0").write(tmp_path / "kubeconfig").read_text(encoding="utf-8"))
    assert document["clusters"][0]["cluster"] == {
        "server": "https://127.0.0.1:20001",
        "certificate-authority": str(tmp_path / "apiserver.crt"),
    }
    assert document["users"] == [{"name": "admin", "user": {"token": "t0"}}]
    assert [context["name"] for context in document["contexts"]] == [document["current-context"]]
    assert document["contexts"][0]["context"]["namespace"] == "ml"


def test_kubeconfig_is_for_its_owner_only(tmp_path: Path) -> None:
    """The token in it is a credential; writing it again replaces the old one and leaves nothing beside it."""
    path = access(tmp_path, token="t0").write(tmp_path / "new" / "kubeconfig")
    access(tmp_path, token="t1").write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text(encoding="utf-8"))["users"][0]["user"]["token"] == "t1"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("program", [pytest.param(name, id=name) for name in ("etcd", "kube_apiserver")])
def test_servers_listen_on_loopback_only(tmp_path: Path, program: str) -> None:
    """Nobody else on the network can reach a test's API server."""
    listening = [
        flag
        for flag in getattr(layout(tmp_path), program)()
        if flag.startswith(("--listen", "--bind-address", "--advertise", "--initial"))
    ]
    assert listening
    assert all("127.0.0.1" in flag for flag in listening)


def test_limits_of_concurrent_requests_are_passed_on(tmp_path: Path) -> None:
    """Load tests raise them."""
    limited = replace(layout(tmp_path), max_requests_inflight=2000, max_mutating_requests_inflight=1000)
    flags = limited.kube_apiserver()
    assert {"--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000"} <= set(flags)


def test_half_written_audit_event_is_read_when_it_is_whole(tmp_path: Path) -> None:
    """A reader that comes while the server writes sees whole events, each once, in order.

    The user of a request whose token is not accepted has no name.
    """
    path = tmp_path / "audit.log"
    log = AuditLog(path)
    assert log.events() == []
    path.write_text('{"auditID": "1", "user": {"username": "someone"}}\n{"audit', encoding="utf-8")
    first, second = {"auditID": "1", "user": {"username": "someone"}}, {"auditID": "2", "user": {"username": ""}}
    assert log.events() == [first]
    with path.open("a", encoding="utf-8") as stream:
        stream.write('ID": "2", "user": {}}\n')
    assert log.events() == [first, second]


def test_audit_answer_is_the_callers_own(tmp_path: Path) -> None:
    """Who filters the list in place does not change what the next reader gets."""
    path = tmp_path / "audit.log"
    path.write_text('{"auditID": "1", "user": {}}\n', encoding="utf-8")
    log = AuditLog(path)
    log.events().clear()
    assert len(log.events()) == 1


def test_audit_policy_names_the_group_of_the_resource() -> None:
    """The policy would silently log nothing under a misspelt group."""
    assert audit.GROUP == v1alpha1.GROUP


def test_signing_keys_differ_and_are_well_formed() -> None:
    """Every run has a signing key of its own: a DER sequence (RFC 5915) of exactly the length that it claims."""
    first, second = private_key_pem(), private_key_pem()
    assert first != second
    begin, *lines, end = first.splitlines()
    assert (begin, end) == ("-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----")
    der = base64.b64decode("".join(lines))
    assert der[:5] == bytes([0x30, len(der) - 2, 0x02, 0x01, 0x01])
