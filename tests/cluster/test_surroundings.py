"""Variables of the environment that are no settings of ours: understood as kubectl does, or named in one sentence."""

from __future__ import annotations

import pytest

from cluster.support.worlds import WorldMaker

pytestmark = pytest.mark.cluster

SECRET = "a-proxys-password"
CLOUD = "https://api.invalid"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        pytest.param(
            {"HTTPS_PROXY": f"socks5://user:{SECRET}@proxy.invalid:1080"},
            "HTTPS_PROXY names a proxy of the kind socks5, which the operator does not speak.",
            id="SOCKS",
        ),
        pytest.param({"HTTPS_PROXY": f"http://[{SECRET}"}, "HTTPS_PROXY holds no address of a proxy.", id="no address"),
        pytest.param(
            {"SSL_CERT_FILE": "/nonexistent.pem"}, "SSL_CERT_FILE names /nonexistent.pem, which cannot be used", id="CA"
        ),
    ],
)
def test_what_cannot_be_used_ends_the_start(new_world: WorldMaker, variables: dict[str, str], says: str) -> None:
    """With status 2 and one sentence, before anything is called."""
    world = new_world(start=False, settings={"API_URL": CLOUD})
    world.operator.surround(**variables)
    world.operator.start(wait=False)
    assert world.operator.wait() == 2
    sentences = [line for line in world.operator.log_text().splitlines() if not line.startswith("{")]
    assert len(sentences) == 1
    assert sentences[0].startswith(f"tokenfactory-operator: {says}")
    assert SECRET not in world.operator.log_text()


def test_what_kubectl_understands_works(new_world: WorldMaker) -> None:
    """Networks of both families in NO_PROXY, a proxy that answers nobody, and ALL_PROXY, which has no effect."""
    world = new_world(start=False)
    world.operator.surround(
        HTTPS_PROXY="http://127.0.0.1:1",
        HTTP_PROXY="http://127.0.0.1:1",
        NO_PROXY="10.0.0.0/8,fd00::/8,[::1]:8080,*.svc",
        ALL_PROXY="socks5://127.0.0.1:1",
    )
    world.operator.start()
    world.created("subject")
    assert "ALL_PROXY is set and is not used" in world.operator.log_text()
