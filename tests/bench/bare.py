"""The yardstick: the writes that creating an endpoint needs, by a bare asyncio script in a process of its own.

It knows nothing of the protocol: no cache, watch, queue, inventory or decision. For each object of a namespace it
sends the finalizer, the opened attempt, the POST and the id, in that order and with the operator's preconditions, one
object per worker at a time. Its work is a JSON object on standard input; whoever started it reads from the simulator's
record how fast it was. It must not import anything of the operator's.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

FINALIZER: Final = "tokenfactory.nebius.com/endpoint"
SINCE: Final = "2026-01-01T00:00:00Z"
_MERGE_PATCH: Final = {"content-type": "application/merge-patch+json"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Work:
    """What to do: where the objects are, and with whose tokens to write."""

    collection: str
    """URL of the namespace's objects."""
    ca_file: str
    kube_token: str
    cloud: str
    """URL to POST to."""
    cloud_token: str
    concurrency: int


class Script:
    """Two connection pools and the writes."""

    def __init__(self, work: Work, kube: aiohttp.ClientSession, cloud: aiohttp.ClientSession) -> None:
        self._work = work
        self._kube = kube
        self._cloud = cloud

    async def objects(self) -> list[Json]:
        """Everything to be done."""
        async with self._kube.get(self._work.collection) as answer:
            items: list[Json] = (await answer.json())["items"]
            return items

    async def worker(self, objects: deque[Json]) -> None:
        """Take objects until there are none."""
        while objects:
            await self._create(objects.popleft())

    async def _create(self, body: Json) -> None:
        body = await self._write(body, {"metadata": {"finalizers": [FINALIZER]}})
        body = await self._write(body, {"status": _opened(body)}, "/status")
        endpoint = await self._post(body)
        await self._write(body, {"status": _created(body, endpoint)}, "/status")

    async def _write(self, body: Json, change: Json, subresource: str = "") -> Json:
        metadata = {"resourceVersion": body["metadata"]["resourceVersion"], **change.get("metadata", {})}
        url = f"{self._work.collection}/{body['metadata']['name']}{subresource}"
        content = json.dumps({**change, "metadata": metadata})
        async with self._kube.patch(url, data=content, headers=_MERGE_PATCH) as answer:
            written: Json = await answer.json()
            return written

    async def _post(self, body: Json) -> Json:
        async with self._cloud.post(self._work.cloud, json=_endpoint(body)) as answer:
            made: Json = await answer.json()
            endpoint: Json = made["endpoint"]
            return endpoint


def _condition(kind: str, status: str, reason: str, body: Json) -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "Written by the yardstick.",
        "observedGeneration": body["metadata"]["generation"],
        "lastTransitionTime": SINCE,
    }


def _conditions(reason: str, body: Json) -> list[Json]:
    kinds = (("Ready", "False"), ("Synced", "Unknown"), ("Serving", "False"), ("Reconciling", "True"))
    return [_condition(kind, status, reason, body) for kind, status in kinds]


def _opened(body: Json) -> Json:
    return {
        "uid": body["metadata"]["uid"],
        "scope": "yardstick",
        "selector": "tokenfactory.nebius.com/no-pods",
        "observedGeneration": body["metadata"]["generation"],
        "createAttempt": {"id": "0123abcd", "state": "Pending", "since": SINCE},
        "conditions": _conditions("Creating", body),
    }


def _created(body: Json, endpoint: Json) -> Json:
    scaling, deployment = endpoint["scaling"], endpoint["deployment"]
    return {
        "endpointId": endpoint["id"],
        "routingKey": endpoint["routing_key"],
        "inferenceURL": "https://api.example.com/v1",
        "createdAt": endpoint["created_at"],
        "state": "Starting",
        "readiness": "NotReady",
        "replicas": scaling["min_replicas"],
        "readyReplicas": deployment["ready_replicas"],
        "gpus": {"ready": 0, "min": scaling["min_replicas"], "max": scaling["max_replicas"]},
        "createAttempt": {"state": "Created"},
        "conditions": _conditions("Starting", body),
    }


def _endpoint(body: Json) -> Json:
    spec, metadata = body["spec"], body["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    return {
        "name": name,
        "description": f"[k8s 01234567 {name} uid={metadata['uid']} try=0123abcd]",
        "model_name": spec["model"],
        "flavor_name": spec["flavor"],
        "gpu_type": spec["gpu"]["type"],
        "gpu_count": spec["gpu"]["count"],
        "region": spec["region"],
        "scaling": {
            "min_replicas": spec["scaling"]["minReplicas"],
            "max_replicas": spec["scaling"]["maxReplicas"],
        },
    }


def _pool(token: str, concurrency: int, tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:  # noqa: FBT001 - aiohttp's own type
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=concurrency, ssl=tls),
        headers={"authorization": f"Bearer {token}"},
        raise_for_status=True,
    )


async def run(work: Work) -> int:
    """Do it; answers the number of objects. Raises `aiohttp.ClientError` at the first write that is refused."""
    tls = ssl.create_default_context(cafile=work.ca_file)
    async with (
        _pool(work.kube_token, work.concurrency, tls) as kube,
        _pool(work.cloud_token, work.concurrency, tls=True) as cloud,
    ):
        script = Script(work, kube, cloud)
        objects = deque(await script.objects())
        count = len(objects)
        async with asyncio.TaskGroup() as workers:
            for _ in range(work.concurrency):
                workers.create_task(script.worker(objects))
    return count


def main() -> None:
    """Read the work, do it, write the number of objects to standard output."""
    given: Mapping[str, Any] = json.load(sys.stdin)
    count = asyncio.run(run(Work(**given)))
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main()
