"""What the tenant of one namespace can do with the rights of an editor: loads that go on until they are told to end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cluster.support.eventually import eventually
from cluster.support.kube import KubeApi
from tokenfactory_operator.api import v1alpha1 as api
from unit.api.invalid_specs import valid_spec

BOGUS: Final = "bogus-token-of-a-tenant"
LABEL: Final = {api.CREDENTIALS_LABEL: "true"}
SEEN: Final = {"tenants": "here"}
"""Labels of the objects that the operator looks at."""
FLOOD: Final = 300
"""Objects of a flood; with 2,000 and more a test would take too long."""
BUSY: Final = 20
"""Objects that are written again and again."""
LONGEST_TOKEN: Final = 4096
THREADS: Final = 4
PACE: Final = 0.02
"""Seconds between two things that he does: as fast as it goes would measure the machine."""


@dataclass(frozen=True)
class Loud:
    """One neighbour: what he brings along, and what he then does as fast as the API server lets him."""

    kube: KubeApi
    namespace: str

    def secret(self, name: str, **data: str) -> None:
        """A labelled Secret, new or changed."""
        self.kube.put_secret(self.namespace, name, data, LABEL)

    def objects(self, count: int, spec_of: Callable[[int], Mapping[str, Any]]) -> None:
        """So many, by several hands."""

        def make(number: int) -> None:
            self.kube.create(self.namespace, f"loud-{number}", spec_of(number), labels=SEEN)

        with ThreadPoolExecutor(THREADS) as hands:
            list(hands.map(make, range(count)))

    def change(self, number: int, change: Mapping[str, Any]) -> None:
        """Of one object."""
        self.kube.patch(self.namespace, f"loud-{number}", change)


Arrive = Callable[[Loud], None]
Insist = Callable[[Loud, int], None]
"""The number counts up from 0."""


def projects(loud: Loud) -> None:
    """One invalid token, and each object in another project."""
    loud.secret("bogus", token=BOGUS)
    loud.objects(FLOOD, lambda n: valid_spec(credentials={"secretRef": {"name": "bogus"}, "projectId": f"project-{n}"}))


def another_project(loud: Loud, number: int) -> None:
    """An object that fails moves on to yet another one."""
    credentials = {"secretRef": {"name": "bogus"}, "projectId": f"moved-{number}"}
    loud.change(number % FLOOD, {"spec": {"credentials": credentials}})


def long_tokens(loud: Loud) -> None:
    """Secrets with the longest tokens that there may be, each named by an object."""
    for number in range(6):
        keys = {f"k{key}": f"{number}-{key}-".ljust(LONGEST_TOKEN, "x") for key in range(10)}
        loud.secret(f"long-{number}", **keys)
    loud.objects(60, lambda n: valid_spec(credentials={"secretRef": {"name": f"long-{n % 6}", "key": f"k{n // 6}"}}))


def rotate(loud: Loud, number: int) -> None:
    """One of them has other tokens, again and again."""
    keys = {f"k{key}": f"{number}-rotated-{key}-".ljust(LONGEST_TOKEN, "y") for key in range(10)}
    loud.secret(f"long-{number % 6}", **keys)


def busy(loud: Loud) -> None:
    """Ordinary endpoints."""
    loud.objects(BUSY, lambda _: valid_spec())


def edit(loud: Loud, number: int) -> None:
    """Each edit is a PATCH of the cloud."""
    loud.change(number % BUSY, {"spec": {"description": f"edit {number}"}})


def ask(loud: Loud, number: int) -> None:
    """Each new value asks for a LIST."""
    loud.change(number % BUSY, {"metadata": {"annotations": {api.RECONCILE_REQUESTED_AT: f"now-{number}"}}})


def refused(loud: Loud) -> None:
    """Half has no room and is tried again, half can never be."""
    loud.objects(FLOOD, lambda n: valid_spec(region="eu-west1") if n % 2 else valid_spec(model="no/such-model"))


def refused_again(loud: Loud, number: int) -> None:
    """An edit makes each be tried anew."""
    loud.change(number % FLOOD, {"spec": {"description": f"again {number}"}})


def nothing(_loud: Loud) -> None:
    """All is in what he then does."""


def come_and_go(loud: Loud, number: int) -> None:
    """An object for a moment, each a create and a delete in the cloud."""
    loud.kube.create(loud.namespace, f"moment-{number}", valid_spec(), labels=SEEN)
    if number >= BUSY:
        loud.kube.delete(loud.namespace, f"moment-{number - BUSY}")


def adopt_in_vain(loud: Loud, number: int) -> None:
    """Objects that name endpoints which do not exist, and new ones of them."""
    loud.kube.create(loud.namespace, f"vain-{number}", valid_spec(endpointId=f"ep-never-{number}"), labels=SEEN)
    if number >= FLOOD // 2:
        loud.kube.delete(loud.namespace, f"vain-{number - FLOOD // 2}")


NEIGHBOURS: Final[Mapping[str, tuple[Arrive, Insist]]] = {
    "a project for each object": (projects, another_project),
    "many long tokens": (long_tokens, rotate),
    "edits in a loop": (busy, edit),
    "requests in a loop": (busy, ask),
    "a flood that is refused": (refused, refused_again),
    "objects that come and go": (nothing, come_and_go),
    "adoptions of nothing": (nothing, adopt_in_vain),
}


@dataclass(frozen=True)
class Place:
    """Where a neighbour's process works; implements `Reachable`."""

    kubeconfig: Path
    server: str
    ca_file: Path
    namespace: str

    def leave(self, *, within: float) -> None:
        """Delete what is there, and return when it is gone."""
        with KubeApi(self) as kube:
            kube.delete_all(self.namespace)
            eventually(lambda: not kube.objects(self.namespace), within=within, what="a neighbour who has left")


@contextmanager
def at_work(place: Place, case: str) -> Iterator[Callable[[], int]]:
    """A neighbour in a process of his own, once he has arrived; answers how often he has insisted by now."""
    arguments = [str(place.kubeconfig), place.server, str(place.ca_file), place.namespace, case]
    command = [sys.executable, "-m", __name__, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers, questions = process.stdout, process.stdin

        def insisted() -> int:
            questions.write("\n")
            questions.flush()
            return int(answers.readline())

        try:
            assert insisted() == 0, "he did not arrive"
            yield insisted
        finally:
            questions.close()
            process.wait(60)


def main(kubeconfig: str, server: str, ca_file: str, namespace: str, case: str) -> None:
    """Arrive, then insist until the input ends; each line of it is answered with how often that was."""
    arrive, insist = NEIGHBOURS[case]
    with KubeApi(Place(Path(kubeconfig), server, Path(ca_file), namespace)) as kube:
        loud = Loud(kube, namespace)
        arrive(loud)
        counted, stop = [0], threading.Event()

        def go_on() -> None:
            while not stop.wait(PACE):
                insist(loud, counted[0])
                counted[0] += 1

        sys.stdin.readline()
        print(0, flush=True)  # noqa: T201 - the answer
        hand = threading.Thread(target=go_on, name="neighbour")
        hand.start()
        try:
            for _ in sys.stdin:
                print(counted[0], flush=True)  # noqa: T201 - as above
        finally:
            stop.set()
            hand.join(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
