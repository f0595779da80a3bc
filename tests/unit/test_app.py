"""The wiring that no test of a part sees."""

from __future__ import annotations

from pydantic import SecretStr

from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.process.leadership import SystemClock
from tokenfactory_operator.process.opener import CloudOpener
from tokenfactory_operator.settings import Settings
from tokenfactory_operator.telemetry.metrics import Metrics


async def test_a_secrets_cloud_opens_without_the_operators_own_token() -> None:
    """That one cannot be read at the moment, which is no fault of an object with a Secret."""

    def own() -> Credential:
        raise CredentialsError("the file is empty")

    metrics = Metrics(version="1")
    opener = CloudOpener(Settings(token=SecretStr("canary")), metrics, SystemClock(), Defects(metrics), own=own)
    cloud = opener(Credential(SecretStr("of-a-secret"), None))
    await cloud.aclose()
