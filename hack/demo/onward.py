"""What a person may type next, in another terminal, while the demo stays: commands that work as they stand."""

from __future__ import annotations

from collections.abc import Sequence

from demo.install import NAMESPACE

EXAMPLE = "gpt-oss-120b"
"""The object that the commands speak of: the one that the demo has changed."""


def looks(url: str, log: object) -> tuple[str, ...]:
    """See and change objects, and see what reached the cloud."""
    return (
        f"kubectl get dep -n {NAMESPACE} -o wide",
        f"kubectl describe dep {EXAMPLE} -n {NAMESPACE}",
        f"kubectl scale dep/{EXAMPLE} -n {NAMESPACE} --replicas=2",
        f"kubectl annotate dep {EXAMPLE} -n {NAMESPACE} tokenfactory.nebius.com/paused=true",
        f"kubectl annotate dep {EXAMPLE} -n {NAMESPACE} tokenfactory.nebius.com/paused-",
        f"curl {url}/_admin/summary   # what the cloud has, and every call that it got",
        f"tail -n 20 {log}   # the operator's log",
    )


def calls(token: str) -> tuple[str, ...]:
    """Call the endpoint as an application does: its address and its model's name stand in the status."""
    body = '"{\\"model\\": \\"$MODEL\\", \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"Hello\\"}]}"'
    return (
        f"URL=$(kubectl get dep {EXAMPLE} -n {NAMESPACE} -o jsonpath='{{.status.inferenceURL}}')",
        f"MODEL=$(kubectl get dep {EXAMPLE} -n {NAMESPACE} -o jsonpath='{{.status.routingKey}}')",
        f'curl "$URL/chat/completions" -H "Authorization: Bearer {token}" \\',
        f'  -H "Content-Type: application/json" -d {body}',
    )


def text(exports: Sequence[str], first: Sequence[str], second: Sequence[str]) -> str:
    """All of it, as it is printed."""
    parts = (("", (*exports, *first)), ("Call the endpoint (the simulator answers; no GPU is used):", second))
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]).lstrip("\n") for title, lines in parts)
