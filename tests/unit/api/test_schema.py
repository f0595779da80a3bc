"""The CRD file: current, complete, and structural."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import Field

from tokenfactory_operator.api import schema
from tokenfactory_operator.api import v1alpha1 as api
from tokenfactory_operator.api.rules import RULES, Rule

CRD_FILE = Path(__file__).parents[3] / "crds" / schema.FILE_NAME


class TwoTypes(api.ApiModel):
    """Cannot be said in a structural schema."""

    value: int | str


class FreeMap(api.ApiModel):
    """Uses a keyword that the generator does not know."""

    value: dict[str, str]


class Nested(api.ApiModel):
    """Refers to the same model twice, optional and not."""

    required: api.Gpu = Field(description="One.")
    optional: api.Gpu | None = Field(default=None, description="Other.")


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema node with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")


def test_the_file_is_current() -> None:
    """`make crds` has been run since the models changed."""
    assert schema.check(CRD_FILE) is None


def test_the_file_is_what_the_generator_means() -> None:
    """The YAML reads back as the generated document and says where it comes from."""
    text = CRD_FILE.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == schema.custom_resource_definition()
    assert "make crds" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "does not exist: run `make crds`", id="missing"),
        pytest.param("spec: {}\n", "is stale, it differs from the models: run `make crds`", id="stale"),
    ],
)
def test_check_fails_and_says_what_renews_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, says: str
) -> None:
    """--check ends with 1, names the command and leaves the file as it is."""
    path = tmp_path / "crd.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert schema.main([str(path), "--check"]) == 1
    assert says in capsys.readouterr().err
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == content


def test_what_was_written_is_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Writing, also into a new folder, satisfies --check at once and twice gives the same bytes."""
    path = tmp_path / "new" / "crd.yaml"
    assert schema.main([str(path)]) == 0
    first = path.read_bytes()
    assert schema.main([str(path)]) == 0
    assert (path.read_bytes(), schema.main([str(path), "--check"])) == (first, 0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("model", [pytest.param(TwoTypes, id="union"), pytest.param(FreeMap, id="keyword")])
def test_what_cannot_be_said_is_refused(model: type[api.ApiModel]) -> None:
    """A model beyond structural schemas is an error at generation, not a field without validation."""
    with pytest.raises(schema.UnsupportedSchemaError, match="structural"):
        schema.model_schema(model)


def test_references_are_inlined() -> None:
    """Each use of a shared model keeps its own description."""
    properties = schema.model_schema(Nested)["properties"]
    assert [properties[name]["description"] for name in ("required", "optional")] == ["One.", "Other."]
    assert properties["required"]["properties"] == properties["optional"]["properties"]


def test_every_text_of_the_spec_is_bounded() -> None:
    """The cost of CEL rules is estimated from bounds: no text of the spec may be of any length."""
    spec = schema.object_schema()["properties"]["spec"]
    texts = {path: node for path, node in nodes(spec) if node["type"] == "string" and "enum" not in node}
    assert texts
    assert {path for path, node in texts.items() if "maxLength" not in node} == set()


def test_only_our_own_words_are_enumerated() -> None:
    """What the vendor extends is never an enum."""
    enumerated = {path for path, node in nodes(schema.object_schema()) if "enum" in node}
    assert enumerated == {".spec.deletionPolicy", ".spec.managementPolicy"}


def test_defaults_are_few() -> None:
    """No default may put a value where the user means "as the cloud has it", and none into a status but the first."""
    defaults = {path: node["default"] for path, node in nodes(schema.object_schema()) if "default" in node}
    assert defaults == {
        ".spec.scaling.minReplicas": 1,
        ".spec.managementPolicy": "Manage",
        ".spec.credentials.secretRef.key": "token",
        ".status": {"observedGeneration": -1},
    }


def test_the_status_takes_any_words_of_the_cloud() -> None:
    """No status text but our own time stamps has a form that it must match."""
    status = schema.object_schema()["properties"]["status"]
    limits = {"maxLength", "minLength", "pattern", "format"}
    limited = {path for path, node in nodes(status) if node["type"] == "string" and limits & node.keys()}
    assert limited == {".conditions[].lastTransitionTime"}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.message.split(":")[0]) for rule in RULES])
def test_rules_name_their_field_and_what_to_do(rule: Rule) -> None:
    """Each message begins with the field and, after a colon, advises."""
    field = (rule.field or f".{rule.parent[-1]}").rpartition(".")[2]
    head, _, advice = rule.message.partition(": ")
    assert head.startswith(f"{field} ")
    assert advice
