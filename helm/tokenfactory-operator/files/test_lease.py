"""What `helm test` runs in a pod: wait, two minutes at most, until a process holds a Lease and renews it."""

import json
import os
import ssl
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
HOST, PORT = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
NAMESPACE, _, LEASE = os.environ["LEASE"].partition("/")
SERVER = f"[{HOST}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
URL = f"https://{SERVER}/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/{LEASE}"
TIMEOUT = float(os.environ.get("WAIT", "120"))


def problem() -> str:
    """What keeps the Lease from being a living one; empty where nothing does."""
    headers = {"Authorization": f"Bearer {(FOLDER / 'token').read_text().strip()}"}
    trust = ssl.create_default_context(cafile=str(FOLDER / "ca.crt"))
    try:
        with urllib.request.urlopen(urllib.request.Request(URL, headers=headers), context=trust, timeout=10) as answer:
            spec = json.load(answer)["spec"]
    except OSError as error:
        return f"the Lease cannot be read: {error}"
    if not spec.get("holderIdentity"):
        return "nobody leads"
    age = datetime.now(UTC) - datetime.fromisoformat(spec["renewTime"])
    if age > timedelta(seconds=spec["leaseDurationSeconds"]):
        return f"{spec['holderIdentity']} has not renewed the Lease for {age}"
    print(f"{spec['holderIdentity']} leads")
    return ""


deadline = time.monotonic() + TIMEOUT
while said := problem():
    if time.monotonic() > deadline:
        sys.exit(f"{URL}: {said}")
    time.sleep(1)
