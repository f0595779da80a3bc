"""kubectl and helm as a person has them: by PATH and KUBECONFIG, on whatever cluster that is."""

from __future__ import annotations

import json
import subprocess
from typing import Any

JsonObject = dict[str, Any]
Result = subprocess.CompletedProcess[str]


def run(program: str, *arguments: str, text: str | None = None, timeout: float = 120.0, check: bool = True) -> Result:
    """Run a command; a failure is a failed assertion with what it said."""
    source = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    result = subprocess.run(
        [program, *arguments], **source, capture_output=True, text=True, check=False, timeout=timeout
    )
    if check:
        command = f"{program} {' '.join(arguments)}"
        assert result.returncode == 0, f"{command} ended with {result.returncode}:\n{result.stderr}{result.stdout}"
    return result


def kubectl(*arguments: str, text: str | None = None, timeout: float = 120.0, check: bool = True) -> Result:
    """Run kubectl."""
    return run("kubectl", *arguments, text=text, timeout=timeout, check=check)


def get(*arguments: str) -> JsonObject:
    """What `kubectl get` answers."""
    answer: JsonObject = json.loads(kubectl("get", *arguments, "-o", "json").stdout)
    return answer


def items(*arguments: str) -> list[JsonObject]:
    """The objects of a list."""
    found: list[JsonObject] = get(*arguments)["items"]
    return found
