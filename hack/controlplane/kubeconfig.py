"""kubeconfig files, as JSON (which is YAML): the standard library has no YAML writer.

The server's certificate is always verified, against the one that it has made for itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who talks to which server.

    Attributes:
        server: such as `https://127.0.0.1:20123`.
        ca_file: PEM file that the server's certificate is verified with.
        user: a name for people.
        token: the bearer token.
        namespace: where requests without a namespace go.
    """

    server: str
    ca_file: Path
    user: str
    token: str
    namespace: str = "default"

    def document(self) -> dict[str, object]:
        """The kubeconfig, https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/."""
        name = "tokenfactory-test"
        context = {"cluster": name, "user": self.user, "namespace": self.namespace}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": name, "cluster": {"server": self.server, "certificate-authority": str(self.ca_file)}}
            ],
            "users": [{"name": self.user, "user": {"token": self.token}}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }

    def write(self, path: Path) -> Path:
        """Write it for the owner's eyes only, atomically: a process may be reading the file; answers the path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(self.document(), stream, indent=2)
        fresh.replace(path)
        return path
