"""The three programs' command lines. Pure: paths and ports in, arguments out.

Flags as in the reference of each program; what is set here is what a control plane without nodes needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from controlplane.ports import ADDRESS

ADMIN = "admin"
_CONTROLLERS = (
    "namespace-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the programs of one run are, listen and keep their files.

    Attributes:
        bin: the folder with the programs.
        directory: the run's own directory.
        etcd_client, etcd_peer, api: ports, the first two on 127.0.0.1, the third on the address.
        address: where the API server listens.
        controllers: those that the controller manager runs; by default what a control plane without nodes needs.
        max_requests_inflight, max_mutating_requests_inflight: together the API server's limit of requests at a time.
    """

    bin: Path
    directory: Path
    etcd_client: int
    etcd_peer: int
    api: int
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    address: str = ADDRESS
    controllers: tuple[str, ...] = _CONTROLLERS

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self.address}:{self.api}"

    @property
    def ca_file(self) -> Path:
        """The certificate that the API server makes for itself."""
        return self.directory / "certificates" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """The key for service account tokens."""
        return self.directory / "sa.key"

    @property
    def tokens(self) -> Path:
        """The static token file with the admin in it."""
        return self.directory / "tokens.csv"

    @property
    def audit_policy(self) -> Path:
        """The audit policy."""
        return self.directory / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        """The audit log."""
        return self.directory / "audit.log"

    @property
    def kubeconfig(self) -> Path:
        """The admin's kubeconfig."""
        return self.directory / "kubeconfig"

    def etcd(self) -> list[str]:
        """https://etcd.io/docs/v3.7/op-guide/configuration/; without fsync, since the data is thrown away."""
        client, peer = f"http://{ADDRESS}:{self.etcd_client}", f"http://{ADDRESS}:{self.etcd_peer}"
        return [
            str(self.bin / "etcd"),
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def kube_apiserver(self) -> list[str]:
        """https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/."""
        return [
            str(self.bin / "kube-apiserver"),
            f"--etcd-servers=http://{ADDRESS}:{self.etcd_client}",
            f"--bind-address={self.address}",
            f"--secure-port={self.api}",
            f"--cert-dir={self.ca_file.parent}",
            f"--service-account-key-file={self.signing_key}",
            f"--service-account-signing-key-file={self.signing_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--token-auth-file={self.tokens}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--max-requests-inflight={self.max_requests_inflight}",
            f"--max-mutating-requests-inflight={self.max_mutating_requests_inflight}",
            f"--audit-policy-file={self.audit_policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=0",  # no rotation: a reader keeps its place in the one file
        ]

    def kube_controller_manager(self) -> list[str]:
        """https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/."""
        return [
            str(self.bin / "kube-controller-manager"),
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.signing_key}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            f"--controllers={','.join(self.controllers)}",
        ]
