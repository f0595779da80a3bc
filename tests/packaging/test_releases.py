"""Two releases side by side: two operators must never manage the same objects."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.support.chart import CHART, ROOT
from cluster.support.namespaces import have_namespace
from controlplane import Cluster

pytestmark = pytest.mark.cluster

VALUES: Final = ("--set=crds.install=false", "--set=rbac.aggregate=false", "--set=token.existingSecret=token")
FIRST, SECOND = "first-ns", "second-ns"


@pytest.fixture
def cluster(bare_cluster: Cluster) -> Iterator[Cluster]:
    """Two namespaces, and no release afterwards."""
    for namespace in (FIRST, SECOND, "a", "b"):
        have_namespace(bare_cluster, namespace)
    yield bare_cluster
    for namespace in (FIRST, SECOND):
        for release in bare_cluster.helm("list", "--namespace", namespace, "--short").stdout.split():
            bare_cluster.helm("uninstall", release, "--namespace", namespace)


def refusal(cluster: Cluster, name: str, namespace: str, watched: list[str], *values: str) -> str:
    """Install; answers why Helm did not, or nothing."""
    flags = [f"--set-json=watchNamespaces={json.dumps(watched)}", *(f"--set={value}" for value in values)]
    done = cluster.helm("install", name, str(CHART), "--namespace", namespace, *VALUES, *flags, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param([], [], id="both everywhere"),
        pytest.param(["a", "b"], [], id="everywhere beside some"),
        pytest.param([], ["b"], id="some beside everywhere"),
        pytest.param(["a", "b"], ["b"], id="one in common"),
    ],
)
def test_an_overlap_is_refused(cluster: Cluster, first: list[str], second: list[str]) -> None:
    """The message names the other release and the ways out; the same name in another namespace is another release."""
    assert not refusal(cluster, "one", FIRST, first)
    said = refusal(cluster, "one", SECOND, second)
    assert f"the release one in the namespace {FIRST} manages the same objects" in said
    assert f"helm uninstall one -n {FIRST}" in said
    assert not refusal(cluster, "two", SECOND, second, "refuseOverlap=false")


def test_disjoint_releases_are_installed(cluster: Cluster) -> None:
    """Also beside one that only brings rights; and an upgrade does not see its own release as another."""
    assert not refusal(cluster, "one", FIRST, ["a"])
    assert not refusal(cluster, "two", SECOND, ["b"])
    assert not refusal(cluster, "rights", SECOND, [], "deployment.create=false")
    upgrade = ("upgrade", "one", str(CHART), "--namespace", FIRST, *VALUES, "--set=watchNamespaces={a}")
    assert "STATUS: deployed" in cluster.helm(*upgrade).stdout


def test_nothing_breaks_where_nothing_can_be_seen(cluster: Cluster) -> None:
    """Not without a cluster, and not for an account that may not read ClusterRoles and brings none."""
    assert not refusal(cluster, "one", FIRST, ["b"])
    assert "Deployment" in cluster.helm("template", "two", str(CHART), *VALUES).stdout
    cluster.kubectl("create", "serviceaccount", "tenant", "-n", SECOND)
    kinds = "--resource=secrets,serviceaccounts,services,deployments.apps"
    cluster.kubectl("create", "role", "tenant", "-n", SECOND, "--verb=get,list,create,patch", kinds)
    bound = ("--role=tenant", f"--serviceaccount={SECOND}:tenant")
    cluster.kubectl("create", "rolebinding", "tenant", "-n", SECOND, *bound)
    mine = (f"watchNamespaces={{{SECOND}}}", "clusterId=x", "rbac.create=false", "podDisruptionBudget.enabled=false")
    tenant = str(cluster.token_kubeconfig(SECOND, "tenant"))
    flags = [f"--set={value}" for value in mine]
    install = ("install", "two", str(CHART), "--namespace", SECOND, "--kubeconfig", tenant, *VALUES, *flags)
    assert "STATUS: deployed" in cluster.helm(*install).stdout


def test_a_release_keeps_its_name(cluster: Cluster) -> None:
    """Helm deletes what has the old name last: until then there would be two Leases, and two leaders."""
    assert not refusal(cluster, "one", FIRST, ["a"], "fullnameOverride=old")
    upgrade = ("upgrade", "one", str(CHART), "--namespace", FIRST, *VALUES, "--set=watchNamespaces={a}")
    said = cluster.helm(*upgrade, "--set=fullnameOverride=new", check=False).stderr
    assert "this release has the Deployment old" in said
    assert "set fullnameOverride=old" in said
    assert "STATUS: deployed" in cluster.helm(*upgrade, "--set=fullnameOverride=old").stdout
    assert not refusal(cluster, "two", FIRST, ["b"])


def test_the_election_is_switched_on_when_nobody_acts_without_it(cluster: Cluster) -> None:
    """The new pod starts before the old one ends, and takes a Lease that the old one does not hold."""
    assert not refusal(cluster, "one", FIRST, ["a"], "settings.leaderElection=false", "replicas=1")
    upgrade = ("upgrade", "one", str(CHART), "--namespace", FIRST, *VALUES, "--set=watchNamespaces={a}")
    said = cluster.helm(*upgrade, check=False).stderr
    assert "without leader election" in said
    (command,) = re.findall(r"kubectl (scale \S+ --replicas=0 -n \S+)", said)
    cluster.kubectl(*command.split())
    assert "STATUS: deployed" in cluster.helm(*upgrade).stdout


def test_a_strategy_by_somebody_else_is_no_lack_of_an_election(cluster: Cluster) -> None:
    """What the pod is told decides, and not how pods are replaced."""
    assert not refusal(cluster, "one", FIRST, ["a"], "fullnameOverride=one")
    recreate = '{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}'
    cluster.kubectl("patch", "deployment", "one", "-n", FIRST, "-p", recreate)
    upgrade = ("upgrade", "one", str(CHART), "--namespace", FIRST, *VALUES, "--set=watchNamespaces={a}")
    assert "without leader election" not in cluster.helm(*upgrade, "--set=fullnameOverride=one", check=False).stderr


def test_an_upgrade_brings_values_that_the_old_chart_did_not_have(cluster: Cluster, tmp_path: Path) -> None:
    """By the command of the page: with `--reuse-values` Helm knows the old chart's values only."""
    old = tmp_path / "old"
    shutil.copytree(CHART, old)
    (old / "templates" / "admission.yaml").unlink()
    (old / "values.schema.json").unlink()
    values = (old / "values.yaml").read_text(encoding="utf-8")
    (old / "values.yaml").write_text(values.partition("admission:")[0], encoding="utf-8")
    given = ("--set=watchNamespaces={a}", "--set=replicas=3")
    cluster.helm("install", "one", str(old), "--namespace", FIRST, *VALUES, *given)
    page = (ROOT / "docs" / "how-to" / "upgrade.md").read_text(encoding="utf-8")
    (flag,) = re.findall(r"^helm upgrade .*(--re\S+)$", page, flags=re.MULTILINE)
    cluster.helm("upgrade", "one", str(CHART), "--namespace", FIRST, flag)
    kept = json.loads(cluster.helm("get", "values", "one", "--namespace", FIRST, "--all", "-o", "json").stdout)
    assert (kept["watchNamespaces"], kept["replicas"], kept["admission"]["limitOperator"]) == (["a"], 3, False)
