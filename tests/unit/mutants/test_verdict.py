"""When a mutant counts as killed, and when nothing was shown at all."""

from __future__ import annotations

import pytest

from mutants.report import Failure, Report
from mutants.verdict import Ended, Kind, judged

FILE = "tree/rule.py"


def failed(error: str, **fields: object) -> Ended:
    """A run of the changed file that ended with one failed test."""
    failure = Failure(test="test_rule", error=error)
    return Ended(1, Report.model_validate({"loaded": FILE, "failures": (failure,), **fields}))


@pytest.mark.parametrize(
    ("ended", "kind", "reported"),
    [
        pytest.param(failed("AssertionError"), Kind.KILLED, "test_rule", id="a-test-failed"),
        pytest.param(Ended(0, Report(loaded=FILE, passed=3)), Kind.SURVIVED, "3 passed", id="none-failed"),
        pytest.param(Ended(0, Report(loaded=FILE)), Kind.DEFECT, "no test was run", id="nothing-ran"),
        pytest.param(failed("NameError"), Kind.DEFECT, "cannot run", id="crashes"),
        pytest.param(failed("ImportError"), Kind.DEFECT, "cannot run", id="cannot-be-imported"),
        pytest.param(
            failed("AssertionError", loaded="shared/rule.py"), Kind.DEFECT, "shared/rule.py", id="another-copy-was-run"
        ),
        pytest.param(failed("AssertionError", loaded=""), Kind.DEFECT, "nothing of it", id="was-not-imported"),
        pytest.param(
            failed("AssertionError", broken=("test_rule.py cannot be collected",)),
            Kind.DEFECT,
            "cannot be collected",
            id="collection-error",
        ),
        pytest.param(Ended(4, None, "no such file"), Kind.DEFECT, "no such file", id="usage-error"),
        pytest.param(Ended(1, None, "Traceback"), Kind.DEFECT, "Traceback", id="no-report"),
        pytest.param(Ended(2, Report(loaded=FILE, passed=1)), Kind.DEFECT, "status 2", id="interrupted"),
        pytest.param(Ended(None, None), Kind.DEFECT, "did not end", id="hangs"),
    ],
)
def test_judged(ended: Ended, kind: Kind, reported: str) -> None:
    """Only a test that fails by what the code does has killed it."""
    judgement = judged(ended, loaded=FILE)
    assert judgement[0] is kind
    assert reported in judgement[1]


def test_a_hang_counts_where_it_is_declared() -> None:
    """A rule may be one without which nothing ends."""
    assert judged(Ended(None, None), loaded=FILE, hangs=True)[0] is Kind.KILLED
