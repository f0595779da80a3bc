"""Which Events are one, and which are too many."""

from tokenfactory_operator.kube.correlation import (
    BURST,
    NAMESPACE_BURST,
    NAMESPACE_REFILL,
    REFILL,
    WINDOW,
    Correlator,
    Occurrence,
    Series,
    Subject,
)

SUBJECT = Subject(api_version="v1", kind="ConfigMap", namespace="ml", name="a", uid="1")
OTHER = Subject(api_version="v1", kind="ConfigMap", namespace="ml", name="a", uid="2")
OCCURRENCE = Occurrence(subject=SUBJECT, kind="Normal", reason="R", message="m")


def test_repetition_within_the_window_is_the_same_event() -> None:
    """The window runs from the last occurrence."""
    correlator = Correlator()
    assert correlator.series(OCCURRENCE, 0.0) is None
    correlator.recorded(OCCURRENCE, event_name="e", count=1, now=0.0)
    assert correlator.series(OCCURRENCE, WINDOW - 1) == Series("e", 1, 0.0)
    correlator.recorded(OCCURRENCE, event_name="e", count=2, now=WINDOW - 1)
    assert correlator.series(OCCURRENCE, 2 * WINDOW - 2) == Series("e", 2, WINDOW - 1)
    assert correlator.series(OCCURRENCE, 2 * WINDOW) is None


def test_anything_different_is_another_event() -> None:
    """Another uid, type, reason or message is told apart."""
    correlator = Correlator()
    correlator.recorded(OCCURRENCE, event_name="e", count=1, now=0.0)
    for other in (
        Occurrence(subject=OTHER, kind="Normal", reason="R", message="m"),
        Occurrence(subject=SUBJECT, kind="Warning", reason="R", message="m"),
        Occurrence(subject=SUBJECT, kind="Normal", reason="S", message="m"),
        Occurrence(subject=SUBJECT, kind="Normal", reason="R", message="n"),
    ):
        assert correlator.series(other, 1.0) is None


def test_forgotten_event_is_made_anew() -> None:
    """An Event that is gone from the API server cannot be counted up."""
    correlator = Correlator()
    correlator.recorded(OCCURRENCE, event_name="e", count=1, now=0.0)
    correlator.forget(OCCURRENCE)
    correlator.forget(OCCURRENCE)
    assert correlator.series(OCCURRENCE, 1.0) is None


def test_each_object_has_its_own_bound() -> None:
    """A burst, then one Event per refill; the neighbour is not concerned."""
    correlator = Correlator()
    assert [correlator.admit(SUBJECT, 0.0) for _ in range(BURST + 2)] == [True] * BURST + [False] * 2
    assert correlator.admit(OTHER, 0.0)
    assert not correlator.admit(SUBJECT, REFILL / 2)
    assert correlator.admit(SUBJECT, REFILL)
    assert not correlator.admit(SUBJECT, REFILL)


def test_a_namespace_has_its_bound() -> None:
    """Many objects with few Events each are a flood too; the next namespace is not concerned."""
    correlator = Correlator()

    def admitted(namespace: str, first: int, now: float) -> int:
        subjects = [
            Subject(api_version="v1", kind="ConfigMap", namespace=namespace, name="a", uid=str(first + number))
            for number in range(2 * NAMESPACE_BURST)
        ]
        return sum(correlator.admit(subject, now) for subject in subjects)

    assert admitted("loud", 0, 0.0) == NAMESPACE_BURST
    assert admitted("quiet", 0, 0.0) == NAMESPACE_BURST
    assert admitted("loud", 10_000, 60.0) == 60 / NAMESPACE_REFILL


def test_bucket_never_holds_more_than_the_burst() -> None:
    """A long silence buys no more than one burst."""
    correlator = Correlator()
    correlator.admit(SUBJECT, 0.0)
    later = 1000 * REFILL
    assert sum(correlator.admit(SUBJECT, later) for _ in range(2 * BURST)) == BURST


def test_memory_is_bounded() -> None:
    """The least recently used is forgotten first."""
    correlator = Correlator(capacity=2)
    occurrences = [Occurrence(subject=SUBJECT, kind="Normal", reason="R", message=str(number)) for number in range(3)]
    for number, occurrence in enumerate((occurrences[0], occurrences[1], occurrences[0], occurrences[2])):
        correlator.recorded(occurrence, event_name=str(number), count=1, now=0.0)
    assert [correlator.series(occurrence, 1.0) is None for occurrence in occurrences] == [False, True, False]
