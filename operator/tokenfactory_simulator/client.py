"""The admin API's client, for tests and the demo.

Synchronous, over a pooled connection; it may be used from several threads, and from asynchronous code by
`await asyncio.to_thread(admin.endpoints)`, or directly where the simulator does not run in the same event loop.
Every method raises `httpx.HTTPStatusError` with the answer's text for what the simulator does not accept.
"""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx

Json = dict[str, Any]
_PAGE = 5000


class AdminClient:
    """Asks and commands one running simulator."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 30.0) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # a simulator has no TLS; to read the authorities takes 20 ms
        self._http = httpx.Client(
            base_url=f"{url}/_admin", headers=headers, timeout=timeout, trust_env=False, verify=nobody
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def endpoints(self, alive_only: bool = True) -> list[Json]:  # noqa: FBT001, FBT002 - reads well by name, and is called so
        """Every endpoint in the vendor's form, with `project`, `alive`, `gpu_seconds`, `calls` and more."""
        listed: list[Json] = self._ask("GET", "/endpoints", params={"alive_only": alive_only})["endpoints"]
        return listed

    def endpoint(self, endpoint_id: str) -> Json:
        """One endpoint, alive or not.

        Raises:
            KeyError: there never was such an id.
        """
        return {endpoint["id"]: endpoint for endpoint in self.endpoints(alive_only=False)}[endpoint_id]

    def calls(self, since: int = 0, method: str | None = None, path: str | None = None) -> list[Json]:
        """The record after that sequence number, oldest first; `path` is a regular expression for the whole path."""
        return [call for page in self._pages(since, method, path) for call in page]

    def summary(self) -> Json:
        """Counts per operation and status, per endpoint, endpoints alive, GPU-seconds."""
        return self._ask("GET", "/summary")

    def settings(self) -> Json:
        """How the cloud behaves."""
        return self._ask("GET", "/settings")

    def faults(self) -> list[Json]:
        """The rules, and how often each applied."""
        listed: list[Json] = self._ask("GET", "/faults")["faults"]
        return listed

    def fault(self, match: Mapping[str, Any] | None = None, *, effect: str, **parameters: object) -> int:
        """Script a fault, say `fault({"method": "POST", "count": 1}, effect="status", code=500)`; answers its id."""
        body = {"match": dict(match or {}), "effect": {"effect": effect, **parameters}}
        number: int = self._ask("POST", "/faults", json=body)["id"]
        return number

    def clear_faults(self, number: int | None = None) -> None:
        """Forget one rule, or all."""
        self._ask("DELETE", "/faults", params={} if number is None else {"id": number})

    def console_create(self, **fields: object) -> Json:
        """Make an endpoint as the vendor's console would; what is left out has a default."""
        return self._ask("POST", "/endpoints", json=fields)

    def console_patch(self, endpoint_id: str, **fields: object) -> Json:
        """Change any field of an endpoint."""
        return self._ask("PATCH", f"/endpoints/{endpoint_id}", json=fields)

    def console_delete(self, endpoint_id: str) -> Json:
        """Delete an endpoint."""
        return self._ask("DELETE", f"/endpoints/{endpoint_id}")

    def set_state(
        self,
        endpoint_id: str,
        *,
        status: str = "error",
        readiness: str = "not_ready",
        ready_replicas: int | None = None,
    ) -> Json:
        """Show a state until `clear_state`; an outage is `status="running"`, `readiness="not_ready"`."""
        body = {"status": status, "readiness": readiness, "ready_replicas": ready_replicas}
        return self._ask("PUT", f"/endpoints/{endpoint_id}/state", json=body)

    def clear_state(self, endpoint_id: str) -> Json:
        """Show the true state again."""
        return self._ask("DELETE", f"/endpoints/{endpoint_id}/state")

    def autoscale(self, endpoint_id: str, replicas: int) -> Json:
        """Let the vendor's autoscaler ask for so many replicas, up to the maximum; 0 takes it back."""
        return self._ask("PUT", f"/endpoints/{endpoint_id}/autoscaled", json={"replicas": replicas})

    def configure(self, **settings: object) -> Json:
        """Change settings (see `Settings`); answers all of them."""
        return self._ask("PATCH", "/settings", json=settings)

    def set_capacity(self, pool: str, gpus: int | None) -> Json:
        """Limit the GPUs of `region/gpu_type`; `None` lifts the limit."""
        others = {name: limit for name, limit in self.settings()["capacity"].items() if name != pool}
        return self.configure(capacity=others if gpus is None else others | {pool: gpus})

    def advance(self, seconds: float) -> float:
        """Move the simulator's clock forward; answers its new time."""
        now: float = self._ask("POST", "/clock", json={"seconds": seconds})["now"]
        return now

    def add_token(self, token: str, project: str) -> None:
        """Let a token use a project (too)."""
        self._ask("POST", "/tokens", json={"token": token, "project": project})

    def remove_token(self, token: str) -> None:
        """Forget a token."""
        self._ask("POST", "/tokens/revoke", json={"token": token})

    def add_model(self, name: str, **flavors: Mapping[str, Any]) -> None:
        """Offer a model; each flavor is `{gpu_types, gpu_counts, regions}`."""
        self._ask("POST", "/catalog", json={"name": name, "flavors": flavors})

    def remove_model(self, name: str) -> None:
        """Offer a model no longer."""
        self._ask("DELETE", f"/catalog/{name}")

    def reset(self) -> None:
        """Everything as at the start, but for the clock."""
        self._ask("POST", "/reset")

    def _pages(self, since: int, method: str | None, path: str | None) -> Iterator[list[Json]]:
        while True:
            asked = {"since": since, "method": method, "path": path, "limit": _PAGE}
            page = self._ask(
                "GET", "/calls", params={name: value for name, value in asked.items() if value is not None}
            )
            yield page["calls"]
            if page["complete"]:
                return
            since = page["last"]

    def _ask(self, method: str, path: str, *, json: object = None, params: Mapping[str, Any] | None = None) -> Json:
        answer = self._http.request(method, path, json=json, params=params)
        if answer.is_error:
            message = f"{method} /_admin{path} answered {answer.status_code}: {answer.text[-2000:]}"
            raise httpx.HTTPStatusError(message, request=answer.request, response=answer)
        content: Json = answer.json() if answer.content else {}
        return content
