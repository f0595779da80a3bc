"""Where a node's programs keep their files, and the files that they read. Pure: paths and ports in, text out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane.commands import Layout
from node.machine import CNI_PLUGINS

NAMESPACE = "tokenfactory-node"
BRIDGE = "node0"
ADDRESS = "10.99.0.1"
PREFIX = 24
PODS = "10.88.0.0/16"
NAME = "node"
SERVICE_ADDRESS = "10.0.0.1"
"""The Service `kubernetes`: the first address of the API server's range."""
PAUSE_IMAGE = "tokenfactory-pause:1"


@dataclass(frozen=True, kw_only=True)
class NodeLayout(Layout):
    """As the control plane's, with a node beside it.

    Attributes:
        node_bin: the folder with kubelet and kube-scheduler.
        state: where containerd and kubelet keep what is mounted; apart from the logs, which may be removed at any time.
    """

    node_bin: Path
    state: Path

    @property
    def socket(self) -> Path:
        """Where containerd answers."""
        return self.state / "containerd.sock"

    @property
    def containerd_file(self) -> Path:
        """The configuration of containerd."""
        return self.state / "containerd.toml"

    @property
    def kubelet_file(self) -> Path:
        """The configuration of the kubelet."""
        return self.state / "kubelet.json"

    @property
    def network_folder(self) -> Path:
        """CNI's configuration."""
        return self.state / "net.d"

    def kube_apiserver(self) -> list[str]:
        """As without a node, and reachable by pods; a node is asked for logs by its address, since no name is known."""
        return [
            *super().kube_apiserver(),
            f"--advertise-address={self.address}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def kube_controller_manager(self) -> list[str]:
        """All controllers; the certificate goes to every namespace, or no pod would start."""
        return [*super().kube_controller_manager(), f"--root-ca-file={self.ca_file}"]

    def kube_scheduler(self) -> list[str]:
        """https://kubernetes.io/docs/reference/command-line-tools-reference/kube-scheduler/."""
        program = str(self.node_bin / "kube-scheduler")
        return [program, f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]

    def containerd(self) -> list[str]:
        """Version 1.6 or newer, with the CRI plugin."""
        return ["containerd", f"--config={self.containerd_file}"]

    def kubelet(self) -> list[str]:
        """https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/."""
        return [
            str(self.node_bin / "kubelet"),
            f"--config={self.kubelet_file}",
            f"--kubeconfig={self.kubeconfig}",
            f"--root-dir={self.state / 'kubelet'}",
            f"--cert-dir={self.state / 'kubelet-certificates'}",
            f"--node-ip={self.address}",
            f"--hostname-override={NAME}",
        ]

    def kubelet_configuration(self) -> dict[str, Any]:
        """What differs from a node of its own machine: it shares this one, and may not even be its first root."""
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.address,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "enforceNodeAllocatable": [],
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            "failCgroupV1": False,
            "failSwapOn": False,
            "healthzPort": 0,
            "localStorageCapacityIsolation": False,
            "podLogsDir": str(self.state / "pod-logs"),
            "resolvConf": "",
            "volumePluginDir": str(self.state / "plugins"),
        }

    def containerd_configuration(self) -> str:
        """Its own folders and socket, and no rise of a process's oom score, which a root without that right lacks."""
        cri = '[plugins."io.containerd.grpc.v1.cri"'
        return f"""version = 2
root = "{self.state}/containerd"
state = "{self.state}/containerd-run"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.state}/containerd-opt"
{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
{cri}.cni]
  bin_dir = "{CNI_PLUGINS}"
  conf_dir = "{self.network_folder}"
"""

    def network_configuration(self) -> dict[str, Any]:
        """One bridge for all pods; they reach this machine's namespace and nothing outside it."""
        return {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": "pods0",
                    "isGateway": True,
                    "ipMasq": True,
                    "hairpinMode": True,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(self.state / "addresses"),
                        "ranges": [[{"subnet": PODS}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                    },
                },
            ],
        }
