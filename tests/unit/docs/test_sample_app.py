"""deploy/samples/app: what the Deployment takes its environment from is what the operator and the page make."""

from __future__ import annotations

from typing import Any, Final

import yaml

from tokenfactory_operator.domain.resource import parse
from tokenfactory_operator.report import connection
from unit.docs.pages import ROOT, blocks

SAMPLE: Final = ROOT / "deploy" / "samples" / "app"


def document(name: str) -> dict[str, Any]:
    """One file of the sample."""
    found: dict[str, Any] = yaml.safe_load((SAMPLE / name).read_text(encoding="utf-8"))
    return found


def test_the_environment_is_there() -> None:
    """The ConfigMap has the name that the operator gives it, the Secret that of the page's command."""
    (container,) = document("application.yaml")["spec"]["template"]["spec"]["containers"]
    config_maps = [item["configMapRef"]["name"] for item in container["envFrom"] if "configMapRef" in item]
    secrets = [item["secretRef"]["name"] for item in container["envFrom"] if "secretRef" in item]
    endpoint = document("endpoint.yaml")
    endpoint["metadata"]["uid"] = "uid"
    assert config_maps == [connection.name_of(parse(endpoint))]
    typed = [command for block in blocks() if block.page == "docs/how-to/call.md" for command in block.commands]
    made = [command.split()[4] for command in typed if command.startswith("kubectl create secret generic ")]
    assert secrets == made
