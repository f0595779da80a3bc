"""A small client of the API server as admin, for tests that ask often: a kubectl process for each look is too slow.

Must not interpret anything; what an object says is read in `views`.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import httpx

from tokenfactory_operator.api import v1alpha1 as api

JsonObject = dict[str, Any]

_MERGE_PATCH = {"content-type": "application/merge-patch+json"}


class Reachable(Protocol):
    """A control plane, as far as it takes to reach it."""

    @property
    def kubeconfig(self) -> Path:
        """The admin's."""
        ...

    @property
    def server(self) -> str:
        """Its address."""
        ...

    @property
    def ca_file(self) -> Path:
        """Who vouches for it."""
        ...


class KubeApi:
    """Objects, Events and namespaces; raises `AssertionError` with the server's text where it refuses."""

    def __init__(self, cluster: Reachable) -> None:
        config = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
        token = config["users"][0]["user"]["token"]
        self._http = httpx.Client(
            base_url=cluster.server,
            headers={"authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(cluster.ca_file)),
            timeout=60.0,
            # Several threads share it: one may close what has expired, just as another begins to use it (httpcore 1.0).
            limits=httpx.Limits(keepalive_expiry=None),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create(self, namespace: str, name: str, spec: Mapping[str, Any], **metadata: object) -> JsonObject:
        """Create an object."""
        body = {
            "apiVersion": api.API_VERSION,
            "kind": api.KIND,
            "metadata": {"name": name, **metadata},
            "spec": dict(spec),
        }
        return self.ask("POST", objects_path(namespace), body)

    def get(self, namespace: str, name: str) -> JsonObject | None:
        """The object as it is now."""
        return self.find(objects_path(namespace, name))

    def find(self, path: str) -> JsonObject | None:
        """Whatever is at this path; None where there is nothing."""
        answer = self._http.get(path)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else _json(answer)

    def objects(self, namespace: str) -> list[JsonObject]:
        """All objects of a namespace."""
        items: list[JsonObject] = self.ask("GET", objects_path(namespace))["items"]
        return items

    def patch(self, namespace: str, name: str, change: Mapping[str, Any], *, subresource: str = "") -> JsonObject:
        """A merge patch; `None` removes a field."""
        return self.ask("PATCH", objects_path(namespace, name, subresource), change)

    def delete(self, namespace: str, name: str) -> None:
        """Begin a deletion; it is not waited for."""
        self.ask("DELETE", objects_path(namespace, name))

    def delete_all(self, namespace: str) -> None:
        """Begin the deletion of every object of a namespace in one request."""
        self.ask("DELETE", objects_path(namespace))

    def events(self, namespace: str) -> list[JsonObject]:
        """The Events of a namespace."""
        items: list[JsonObject] = self.ask("GET", f"/api/v1/namespaces/{namespace}/events")["items"]
        return items

    def put_secret(self, namespace: str, name: str, data: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """Create a Secret, or give it this content."""
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": labels},
            "stringData": data,
        }
        path = f"/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager=tests&force=true"
        self.ask("PATCH", path, body, kind="application/apply-patch+yaml")

    def annotate_secret(self, namespace: str, name: str, value: str) -> None:
        """Write to a Secret what nobody reads."""
        body = {"metadata": {"annotations": {"example.com/written": value}}}
        self.ask("PATCH", f"/api/v1/namespaces/{namespace}/secrets/{name}", body)

    def create_secret(
        self, namespace: str, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> JsonObject:
        """Create a Secret with these values."""
        body = {"metadata": {"name": name, "labels": labels}, "stringData": data}
        return self.ask("POST", f"/api/v1/namespaces/{namespace}/secrets", body)

    def write_secret(self, namespace: str, name: str, data: Mapping[str, str]) -> JsonObject:
        """Set these values of a Secret, and leave its others."""
        return self.ask("PATCH", f"/api/v1/namespaces/{namespace}/secrets/{name}", {"stringData": data})

    def create_namespace(self, name: str) -> None:
        """Create a namespace."""
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def delete_namespace(self, name: str) -> None:
        """Begin the deletion of a namespace; it is not waited for."""
        self.ask("DELETE", f"/api/v1/namespaces/{name}")

    def has_namespace(self, name: str) -> bool:
        """Whether the namespace is there, be it terminating."""
        return self.find(f"/api/v1/namespaces/{name}") is not None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, kind: str = "") -> JsonObject:
        """Any call, which has to succeed; a PATCH is a merge patch, if `kind` names no other type of content."""
        headers = {"content-type": kind} if kind else _MERGE_PATCH if method == "PATCH" else {}
        return _json(self._http.request(method, path, json=body, headers=headers))

    def answer(self, method: str, path: str, body: Mapping[str, Any], *, user: str = "") -> httpx.Response:
        """As `ask`, but a refusal is an answer too; `user`: on behalf of whom."""
        headers = dict(_MERGE_PATCH) if method == "PATCH" else {}
        return self._http.request(method, path, json=body, headers={**headers, **_on_behalf(user)})


def _on_behalf(user: str) -> dict[str, str]:
    return {"impersonate-user": user} if user else {}


def objects_path(namespace: str, name: str = "", subresource: str = "") -> str:
    """Where our objects of a namespace are, or one of them, or a subresource of it."""
    path = f"/apis/{api.API_VERSION}/namespaces/{namespace}/{api.PLURAL}"
    return "/".join(part for part in (path, name, subresource) if part)


def _json(answer: httpx.Response) -> JsonObject:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    content: JsonObject = answer.json()
    return content
