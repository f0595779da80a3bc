"""Counting the operator's writes in an audit log."""

import json
from pathlib import Path

from bench.audit import AuditLog, Write

ACCOUNT = "system:serviceaccount:ops:operator"


def event(**changes: object) -> str:
    """A line of the log: a status write of the operator that was accepted, with some of its fields replaced."""
    made: dict[str, object] = {
        "stage": "ResponseComplete",
        "verb": "patch",
        "user": {"username": ACCOUNT},
        "objectRef": {"resource": "dedicatedendpoints", "subresource": "status", "namespace": "ml", "name": "one"},
        "responseStatus": {"code": 200},
        "responseObject": {"status": {"state": "Starting", "readiness": "NotReady"}},
    }
    return json.dumps({**made, **changes}) + "\n"


def test_only_finished_writes_of_the_account_count(tmp_path: Path) -> None:
    """Reads, beginnings, other people's writes, the Lease and questions about rights do not; a refused write does."""
    path = tmp_path / "audit.log"
    lines = [
        event(),
        event(verb="watch"),
        event(stage="ResponseStarted"),
        event(user={"username": "admin", "extra": ACCOUNT}),
        event(responseStatus={"code": 409}, responseObject={"kind": "Status", "status": "Failure"}),
        event(objectRef={"resource": "events", "namespace": "ml"}, verb="create"),
        event(objectRef={"resource": "leases", "namespace": "ops"}, verb="update"),
        event(objectRef={"resource": "selfsubjectaccessreviews"}, verb="create"),
    ]
    path.write_text("".join(lines), encoding="utf-8")
    log = AuditLog(path, account=ACCOUNT)
    assert log.since(0) == [
        Write("ml", "one", "dedicatedendpoints/status", 200, "Starting NotReady"),
        Write("ml", "one", "dedicatedendpoints/status", 409, ""),
    ]
    assert log.events_since(0) == 1


def test_the_log_is_read_as_it_grows_and_a_line_being_written_waits(tmp_path: Path) -> None:
    """A mark divides before from after."""
    path = tmp_path / "audit.log"
    log = AuditLog(path, account=ACCOUNT)
    assert log.mark() == 0, "a log that is not there yet is empty"
    line = event()
    path.write_text(line + line[:40], encoding="utf-8")
    mark = log.mark()
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line[40:])
    assert mark == 1
    assert len(log.since(mark)) == 1
