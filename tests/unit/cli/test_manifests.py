"""Which files are manifests, and what is said of a kustomization."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tokenfactory_operator.cli import manifests
from tokenfactory_operator.cli.errors import CliError

OBJECT = "apiVersion: tokenfactory.nebius.com/v1alpha1\nkind: DedicatedEndpoint\nmetadata: {name: a}\n"
KUSTOMIZATION = "resources:\n- a.yaml\n"


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml"])
@pytest.mark.parametrize("head", ["", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"])
def test_a_kustomization_beside_objects(tmp_path: Path, name: str, head: str) -> None:
    """It is no object, and no other kind of object: `kubectl kustomize` reads it, and here it is named."""
    (tmp_path / "a.yaml").write_text(OBJECT)
    (tmp_path / name).write_text(head + KUSTOMIZATION)
    read = manifests.read([str(tmp_path)])
    assert [each["metadata"]["name"] for each in read.found] == ["a"]
    assert read.others == 0
    assert read.kustomizations == [tmp_path / name]


@pytest.mark.parametrize("given", ["", "kustomization.yaml"])
def test_nothing_but_a_kustomization(tmp_path: Path, given: str) -> None:
    """The message has what to type."""
    (tmp_path / "kustomization.yaml").write_text(KUSTOMIZATION)
    with pytest.raises(CliError, match="no DedicatedEndpoint") as failure:
        manifests.read([str(tmp_path / given)]).needed()
    assert failure.value.hint == f"`kubectl kustomize {tmp_path} | kubectl tokenfactory plan -f -`"


def test_nothing(tmp_path: Path) -> None:
    """Objects of other kinds are no reason to speak of kustomize."""
    (tmp_path / "a.yaml").write_text("kind: Secret\n")
    read = manifests.read([str(tmp_path)])
    assert read.others == 1
    with pytest.raises(CliError, match="no DedicatedEndpoint") as failure:
        read.needed()
    assert failure.value.hint == manifests.PLACES


def of(tmp_path: Path, text: str | bytes) -> list[manifests.Manifest]:
    """The objects of a file with this text."""
    file = tmp_path / "a.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifests.read([str(file)]).found


HEAD = "apiVersion: tokenfactory.nebius.com/v1alpha1\nkind: DedicatedEndpoint\n"


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        pytest.param("kind: List\nitems: [null, foo]", "no object of Kubernetes: null", "items of a List", id="items"),
        pytest.param("[]", "no object of Kubernetes: []", "Each document", id="no object"),
        pytest.param("kind: DedicatedEndpoint\n\tx", "no YAML", "kubectl apply --dry-run=client", id="no YAML"),
        pytest.param(
            f"{HEAD}metadata: foo", 'metadata of a DedicatedEndpoint is no mapping: "foo"', "name:", id="meta"
        ),
        pytest.param(f"{HEAD}metadata: {{}}", "no metadata.name", "Give it a name", id="no name"),
        pytest.param(HEAD, "no metadata.name", "Give it a name", id="no metadata"),
        pytest.param(f"{HEAD}metadata: {{name: 123}}", "metadata.name of a", "in quotes", id="name"),
        pytest.param(f"{HEAD}metadata: {{name: a, namespace: 1}}", "metadata.namespace", "in quotes", id="namespace"),
        pytest.param(
            f"{HEAD}metadata: {{name: a, annotations: [x]}}", "annotations", "`name: value`", id="annotations"
        ),
        pytest.param(f"{HEAD}metadata: {{name: a, annotations: {{x: yes}}}}", "annotations.x", "in quotes", id="value"),
        pytest.param(f"{HEAD}metadata: {{name: a, labels: {{x: 1}}}}", "labels.x", "in quotes", id="label"),
        pytest.param(f"{HEAD}metadata: {{name: a, finalizers: x}}", "finalizers", "behind a dash", id="finalizers"),
        pytest.param(f"{HEAD}metadata: {{name: a, finalizers: [1]}}", "finalizers[]", "in quotes", id="finalizer"),
        pytest.param(f"{HEAD}metadata: {{name: a, ownerReferences: [1]}}", "ownerReferences[]", "name:", id="owner"),
        pytest.param(
            f"{HEAD}metadata: {{name: a}}\nspec: foo", 'spec of a DedicatedEndpoint is no mapping: "foo"', "", id="spec"
        ),
        pytest.param(f"{HEAD}metadata: {{name: a}}\nspec: {{a: .inf}}", "JSON has not", "in quotes", id="infinite"),
        pytest.param(
            "apiVersion: tokenfactory.nebius.com/v1\nkind: DedicatedEndpoint\nmetadata: {name: a}",
            'apiVersion "tokenfactory.nebius.com/v1" of a DedicatedEndpoint is not served',
            "Write apiVersion: tokenfactory.nebius.com/v1alpha1.",
            id="another version",
        ),
        pytest.param(b"\xff\xfe", "no text in UTF-8", "Save it in UTF-8", id="no UTF-8"),
    ],
)
def test_a_form_that_nothing_takes(tmp_path: Path, text: str | bytes, says: str, hint: str) -> None:
    """One sentence that names the file, and one that says what to change."""
    with pytest.raises(CliError) as failure:
        of(tmp_path, text)
    assert says in failure.value.message
    assert failure.value.message.startswith(str(tmp_path / "a.yaml"))
    assert hint in failure.value.hint
    assert "\n" not in failure.value.message


def test_what_may_be_left_out(tmp_path: Path) -> None:
    """Kubernetes takes null for what is not given."""
    (found,) = of(
        tmp_path, f"{HEAD}metadata: {{name: a, namespace: null, labels: null, annotations: {{1: x}}}}\nspec:\n"
    )
    assert found["metadata"]["annotations"] == {"1": "x"}


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    """Nobody reads a whole manifest in an error."""
    with pytest.raises(CliError) as failure:
        of(tmp_path, f"{HEAD}metadata: {{name: a}}\nspec: {'x' * 500}")
    assert len(failure.value.message) < len(str(tmp_path)) + 150


@pytest.mark.parametrize(
    ("source", "says"),
    [
        pytest.param(None, "Standard input cannot be read: it is closed.", id="closed"),
        pytest.param(b"\xff", "Standard input cannot be read: it is no text in UTF-8.", id="no UTF-8"),
    ],
)
def test_standard_input(source: bytes | None, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be anything."""
    monkeypatch.setattr("sys.stdin", None if source is None else io.TextIOWrapper(io.BytesIO(source)))
    with pytest.raises(CliError) as failure:
        manifests.read(["-"])
    assert failure.value.message == says


def test_standard_input_in_another_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests are UTF-8, whatever the terminal has."""
    stream = io.TextIOWrapper(io.BytesIO(f"{OBJECT}spec: {{displayName: ä}}".encode()), encoding="latin-1")
    monkeypatch.setattr("sys.stdin", stream)
    assert manifests.read(["-"]).found[0]["spec"]["displayName"] == "ä"


def test_a_folder_in_the_folder(tmp_path: Path) -> None:
    """As for `kubectl apply -f`, it is read with -R only."""
    for name in ("a", "b"):
        (tmp_path / name / f"{name}.yaml").mkdir(parents=True)  # a folder with the name of a manifest is a folder
        (tmp_path / name / "x.yaml").write_text(OBJECT.replace("name: a", f"name: {name}"))
    with pytest.raises(CliError, match="has no manifest") as failure:
        manifests.read([str(tmp_path)])
    assert failure.value.hint == "-R reads the folders in it, too."
    (tmp_path / "top.yml").write_text(OBJECT.replace("name: a", "name: top"))
    assert [each["metadata"]["name"] for each in manifests.read([str(tmp_path)]).found] == ["top"]
    every = manifests.read([str(tmp_path)], recursive=True).found
    assert sorted(each["metadata"]["name"] for each in every) == ["a", "b", "top"]
