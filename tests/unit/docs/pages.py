"""The pages as commands and files: what tests run of them, and why they do not run the rest.

A scenario is run as one script: the console blocks below its headings, in their order. YAML and Python blocks become
the files that their first line names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "helm/tokenfactory-operator/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
)
LANGUAGES: Final = frozenset({"console", "yaml", "python", "text", "mermaid"})
"""`console` is run or has its reason, `yaml` and `python` are files with a name; the others are only read."""
FILE_NAME: Final = re.compile(r"# ([a-z-]+\.(?:yaml|py))$")
VALUES: Final = "values.yaml"
"""A file of this name has values of the chart."""

INSTALLED: Final = "installed"
"""Run on an API server with the chart installed and the operator at work against the simulated cloud."""
BARE: Final = "bare"
"""Run on an API server with nothing of ours."""
INSTALLS: Final = "installs"
"""Run on an API server with nothing of ours; a Deployment has to be there then."""
REMOVES: Final = "removes"
"""Run after an installation; nothing of ours has to be there then."""
ADOPTS: Final = "adopts"
"""As `INSTALLED`, in a cloud that has the endpoint whose id the page uses, and a namespace `ml` that may adopt."""
SYNCS: Final = "syncs"
"""Run where the kinds of Flux and Argo CD are served; what is applied names the chart."""

INSTALL: Final = "docs/install.md"
TROUBLESHOOTING: Final = "docs/troubleshooting.md"
HAVE_AN_ENDPOINT: Final = (
    "kubectl apply -f deploy/samples/gpt-oss-120b.yaml",
    "kubectl wait --for=condition=Ready dep/gpt-oss-120b --timeout=1m",
)
HAVE_ANOTHER_ENDPOINT: Final = tuple(command.replace("120b", "20b") for command in HAVE_AN_ENDPOINT)
HAVE_A_LABELLED_ONE: Final = (
    "kubectl create namespace ml",
    "kubectl -n ml apply -f deploy/samples/gpt-oss-120b.yaml",
    "kubectl -n ml label dep gpt-oss-120b team=ml",
    "kubectl -n ml wait --for=condition=Ready dep/gpt-oss-120b --timeout=1m",
)


@dataclass(frozen=True)
class Scenario:
    """Headings whose commands are run together.

    Attributes:
        kind: on what.
        parts: pages and headings, in the order in which they are typed; a heading `*` is the whole page.
        first: what is typed before, and stands on no page.
    """

    kind: str
    parts: tuple[tuple[str, str], ...]
    first: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """For people: the last part."""
        page, heading = self.parts[-1]
        return f"{page}: {heading}"


def _after_helm(kind: str, page: str, *headings: str) -> Scenario:
    before = ((INSTALL, "The token"), (INSTALL, "Helm"))
    return Scenario(kind, (*before, *((page, heading) for heading in headings)))


SCENARIOS: Final = (
    Scenario(INSTALLS, (("README.md", "Install"),)),
    Scenario(INSTALLED, (("README.md", "An endpoint"), ("README.md", "Call it"))),
    Scenario(BARE, (("README.md", "From install to the first answer"),), (". .venv/bin/activate",)),
    Scenario(INSTALLED, (("docs/quickstart.md", "An endpoint of your own"),)),
    Scenario(INSTALLED, (("docs/quickstart.md", "Look around"), ("docs/quickstart.md", "Delete it")), HAVE_AN_ENDPOINT),
    _after_helm(INSTALLS, INSTALL),
    Scenario(INSTALLS, ((INSTALL, "The token"), (INSTALL, "kustomize"))),
    Scenario(SYNCS, ((INSTALL, "The token"), (INSTALL, "Flux"))),
    Scenario(SYNCS, ((INSTALL, "The token"), (INSTALL, "Argo CD"))),
    Scenario(BARE, ((INSTALL, "As a process on your machine"),)),
    Scenario(INSTALLED, (("docs/how-to/call.md", "From a pod"), ("docs/how-to/call.md", "By hand"))),
    Scenario(INSTALLED, (("docs/how-to/projects.md", "Another token for a namespace"),)),
    Scenario(ADOPTS, (("docs/how-to/move-in.md", "One endpoint, by hand"),)),
    Scenario(
        INSTALLED,
        tuple(
            ("docs/how-to/cost.md", heading)
            for heading in ("The largest bill of an object", "Stop paying", "Find what nobody needs")
        ),
        HAVE_AN_ENDPOINT,
    ),
    Scenario(INSTALLED, (("docs/how-to/autoscaling.md", "*"),), HAVE_ANOTHER_ENDPOINT),
    _after_helm(INSTALLS, "docs/how-to/upgrade.md", "With Helm", "The CRD", "Go back"),
    _after_helm(REMOVES, "docs/how-to/uninstall.md", "And end the bill"),
    Scenario(INSTALLED, ((TROUBLESHOOTING, "*"),), HAVE_A_LABELLED_ONE),
)

NOT_RUN: Final[Mapping[str, str]] = {
    r"make demo\b.*": "tests/cluster/test_demo.py runs it",
    r"make (test|verify)\b.*": "it is what runs the tests",
    r"make help\b.*": "it only prints",
    r"make check\b.*": "it is what runs the checks",
    r"make format\b.*": "it changes the files that are tested",
    r"make bench\b.*": "minutes long; tests/bench runs its parts",
    r"make venv": "the tests run in what it makes",
    r"make cluster": "tests/cluster/test_controlplane_background.py runs it",
    r"kubectl rollout status .*": "no pod runs without a node; make e2e looks at the pods",
    r"kubectl -n ml (get|describe|edit) dep( typo)?": "tests/cluster/test_kubectl.py has the output",
    r"kubectl get lease .*": "it only reads; tests/cluster/test_leader_election.py has the Lease",
    r"helm test .*": "it needs a pod; make e2e runs it",
    r"kubectl -n \S+ (logs|scale) deploy/.*": "it needs a pod",
    r"kubectl -n NAMESPACE (port-forward|describe pods) .*": "it needs a pod",
    r"(helm|kubectl) .*(…|endpoints/).*": "it leaves out what the reader has; see tests/cluster/test_disaster.py",
    r"kubectl create clusterrole(binding)? finish-\w+ .*": "tests/cluster/test_rights_lost.py grants the same rights",
    r"kubectl .* annotate dep \$NAME tokenfactory.nebius.com/force-release=true": "it would leave an endpoint; "
    "tests/cluster/test_deletion.py does it",
    r"kubectl .* patch dep \$NAME --type=json .*/metadata/finalizers.*": "it would leave an endpoint",
    r"kubectl patch dep .*\"deletionPolicy\":\"Retain\".*": "tests/cluster/test_deletion.py does it",
    r"kubectl get events .*reason=CreatedBesideNamesake": "it only reads; tests/cluster/test_disaster.py has the Event",
    r"helm upgrade --install --take-ownership .*": "tests/packaging/test_crd_life.py does it",
    r"kubectl tokenfactory simulator": "tests/contract/test_cli_simulator.py runs it",
    r"kubectl tokenfactory .*": "tests/cluster/test_cli_page.py has the output",
    r"source <\(tokenfactory-operator completion bash\)": "tests/unit/cli/test_main.py prints the script",
    r"pipx install .*": "it changes the account; see tests/cluster/test_cli_plugin.py",
    r"(repository=|cosign |gh ).*": "it needs a release that is published",
}
"""Commands that no scenario runs, as regular expressions, each with the reason."""


@dataclass(frozen=True)
class Block:
    """One block of code below its nearest heading."""

    page: str
    heading: str
    language: str
    text: str

    @property
    def commands(self) -> tuple[str, ...]:
        """Of a console block: its commands, each with its continued lines."""
        if self.language != "console":
            return ()
        return tuple(re.sub(r"\s+", " ", line).strip() for line in _whole_lines(self.text))

    @property
    def file(self) -> str | None:
        """Of a YAML or Python block: the name in its first line."""
        found = FILE_NAME.match(self.text.partition("\n")[0])
        return found[1] if self.language in ("yaml", "python") and found else None


def _whole_lines(text: str) -> Iterator[str]:
    """Lines of a shell, each with those that continue it: after a backslash, or within quotes."""
    line = ""
    for part in text.replace("\\\n", " ").splitlines():
        line = f"{line} {part}" if line else part
        if line.partition(" #")[0].count("'") % 2 == 0:
            if line.strip() and not line.startswith("#"):
                yield line
            line = ""


@cache
def blocks() -> tuple[Block, ...]:
    """All blocks of all pages, in their order."""
    found = []
    for page in PAGES:
        heading = ""
        tokens = MarkdownIt().parse((ROOT / page).read_text(encoding="utf-8"))
        for before, token in zip([None, *tokens], tokens, strict=False):
            if before is not None and before.type == "heading_open":
                heading = token.content
            if token.type in ("fence", "code_block"):
                found.append(Block(page, heading, token.info, token.content))
    return tuple(found)


def reason_not_to_run(command: str) -> str | None:
    """Why no test runs the command; None where one has to."""
    return next((reason for pattern, reason in NOT_RUN.items() if re.fullmatch(pattern, command)), None)


def of(scenario: Scenario) -> Iterator[Block]:
    """The blocks of a scenario."""
    for page, heading in scenario.parts:
        yield from (block for block in blocks() if block.page == page and heading in ("*", block.heading))


def commands(scenario: Scenario) -> tuple[str, ...]:
    """What a scenario types of its pages."""
    found = (command for block in of(scenario) for command in block.commands)
    return tuple(command for command in found if reason_not_to_run(command) is None)


def files(scenario: Scenario) -> Mapping[str, str]:
    """The files that a scenario's commands use, by name."""
    return {block.file: block.text for block in of(scenario) if block.file is not None}


def scenarios(*kinds: str) -> list[Scenario]:
    """Those of some kinds."""
    return [scenario for scenario in SCENARIOS if scenario.kind in kinds]
