"""Other credentials for a stage, of the same project or of another."""

from __future__ import annotations

import random

from tokenfactory_operator.defects import Defects
from tokenfactory_operator.observe.poller import Common, Poller
from tokenfactory_operator.state.inventory import Inventory
from tokenfactory_operator.state.sequence import SequenceClock
from unit.support.builders import CLUSTER, NAMESPACE
from unit.support.fakes import InMemoryCloud, Script
from unit.support.stage import Stage


def another(stage: Stage, *, scope: str, cloud: InMemoryCloud | None = None, namespace: str = NAMESPACE) -> Poller:
    """The poller of another credential, that objects of this namespace have.

    With the stage's own cloud it sees the same endpoints.
    """
    inventory = Inventory(
        scope=scope,
        cluster_id=CLUSTER,
        sequence=SequenceClock(stage.clock),
        timing=stage.timing,
        namespace=namespace,
    )
    common = Common(
        cache=stage.cache,
        wake=lambda _key, _after, **_: None,
        clock=stage.clock,
        timing=stage.timing,
        telemetry=stage.witness,
        rng=random.Random(7),
        defects=Defects(stage.witness),
    )
    return Poller(common, cloud=cloud or stage.cloud, inventory=inventory)


def elsewhere(stage: Stage) -> Poller:
    """A credential of another project, in which nothing of this object is."""
    return another(stage, scope="project-2", cloud=InMemoryCloud(Script()))
