"""A path says what a request is about by its form, whatever names are in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenfactory_operator.kube.paths import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    OBJECTS,
    PODS,
    REVIEWS,
    REVIEWS_OF_OTHERS,
    SECRETS,
    Collection,
    Target,
    kind_of,
    target_of,
)
from tokenfactory_operator.ports import Key

COLLECTIONS = (OBJECTS, SECRETS, CONFIG_MAPS, EVENTS, LEASES, DEPLOYMENTS)
WORDS = ("events", "events-prod", "leases", "configmaps", "secrets", "status", "namespaces", "api", "apis", "llm")
"""Names that somebody may give, and that are words of paths too."""
NAMES = st.sampled_from(WORDS) | st.text(st.characters(categories=(), include_characters="a-./%?#é "), min_size=1)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (OBJECTS.within(), "/apis/tokenfactory.nebius.com/v1alpha1/dedicatedendpoints"),
        (OBJECTS.within("ml"), "/apis/tokenfactory.nebius.com/v1alpha1/namespaces/ml/dedicatedendpoints"),
        (SECRETS.at(Key("ml", "token")), "/api/v1/namespaces/ml/secrets/token"),
        (NAMESPACES.named("ml"), "/api/v1/namespaces/ml"),
        (DEPLOYMENTS.within(), "/apis/apps/v1/deployments"),
        (REVIEWS.within(), "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
        (SECRETS.at(Key("ml", "../../x?y#z")), "/api/v1/namespaces/ml/secrets/..%2F..%2Fx%3Fy%23z"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    """Each name is one segment."""
    assert path == expected


@given(collection=st.sampled_from(COLLECTIONS), namespace=NAMES, name=NAMES)
def test_what_is_at_a_path(collection: Collection, namespace: str, name: str) -> None:
    """The way back, for each name, also for those that are words of paths."""
    plural = collection.plural
    assert target_of(collection.within(namespace)) == Target(plural, namespace, "", "")
    assert target_of(collection.within()) == Target(plural, "", "", "")
    assert target_of(collection.at(Key(namespace, name))) == Target(plural, namespace, name, "")
    assert target_of(collection.at(Key(namespace, name)) + "/status") == Target(plural, namespace, name, "status")


def test_a_proxy_leads_to_a_port_of_the_object() -> None:
    """An answer that there is no such pod names the pod alone."""
    path = PODS.named("leader-0:8080", "ml") + "/proxy/metrics"
    assert target_of(path) == Target("pods", "ml", "leader-0", "proxy")


def test_a_namespace_is_no_place_of_its_own() -> None:
    """Its path has the form of a place."""
    assert target_of(NAMESPACES.named("ml")) == Target("namespaces", "", "ml", "")


@pytest.mark.parametrize("namespace", WORDS)
@pytest.mark.parametrize("name", WORDS)
def test_the_kind_of_a_write(namespace: str, name: str) -> None:
    """By what is written, and not by a word in a name: a write of the status in `events-prod` is no Event."""
    key = Key(namespace, name)
    assert kind_of(OBJECTS.at(key)) == "metadata"
    assert kind_of(f"{OBJECTS.at(key)}/status") == "status"
    assert kind_of(SECRETS.at(key)) == "metadata"
    assert kind_of(EVENTS.within(namespace)) == kind_of(EVENTS.at(key)) == "event"
    assert kind_of(CONFIG_MAPS.at(key)) == "configmap"


@pytest.mark.parametrize("reviews", [REVIEWS, REVIEWS_OF_OTHERS])
def test_a_question_about_rights_writes_nothing(reviews: Collection) -> None:
    """Though it is a POST; whoever's rights are asked for."""
    assert kind_of(reviews.within()) == ""
