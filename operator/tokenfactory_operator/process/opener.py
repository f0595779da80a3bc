"""Opens the connections of a credential, as the settings say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from tokenfactory_operator.cloud.client import HttpCloud
from tokenfactory_operator.cloud.failures import Advice
from tokenfactory_operator.cloud.transport import CloudSettings, tls_context
from tokenfactory_operator.credentials.choice import Credential
from tokenfactory_operator.defects import Defects
from tokenfactory_operator.domain.errors import CredentialsError
from tokenfactory_operator.network.proxies import of_environment
from tokenfactory_operator.ports import Clock
from tokenfactory_operator.settings import Settings, StartupError
from tokenfactory_operator.settings.names import ENV_PREFIX
from tokenfactory_operator.telemetry.metrics import Metrics

OF_A_SECRET: Final = Advice(token="the Secret of spec.credentials", project="spec.credentials.projectId")  # noqa: S106 - names
"""Where the owner of an object finds its credential."""


_LOG = logging.getLogger(__name__)


class CloudOpener:
    """Opens the connections of a credential; the TLS context, which is costly, is shared by all."""

    def __init__(
        self, settings: Settings, metrics: Metrics, clock: Clock, defects: Defects, *, own: Callable[[], Credential]
    ) -> None:
        self._clock = clock
        self._defects = defects
        self._metrics = metrics
        self._own = own
        self._advice = Advice(token=f"{ENV_PREFIX}{'TOKEN' if settings.token_file is None else 'TOKEN_FILE'}")
        self._settings = CloudSettings(
            base_url=settings.api_url,
            request_timeout=settings.request_timeout,
            max_connections=settings.concurrency + 1,
            rate_limit=settings.rate_limit,
            ca_bundle=settings.ca_file,
        )
        try:
            self._tls = tls_context(settings.ca_file)
            unread = self._settings.proxy(self._tls) is None and of_environment().unread()
        except ValueError as error:  # of a variable of the environment: the settings were checked before
            raise StartupError(str(error)) from None
        if unread:
            _LOG.warning("%s", unread)

    def __call__(self, credential: Credential) -> HttpCloud:
        """The cloud with this credential's rights."""
        cloud = HttpCloud(
            self._settings,
            token=lambda: credential.token,
            clock=self._clock,
            project_id=credential.project_id,
            advice=self._advice if self._is_own(credential) else OF_A_SECRET,
            tls=self._tls,
            observe=self._metrics.observe_request,
        )
        cloud.on_defect = self._defects.note
        return cloud

    def _is_own(self, credential: Credential) -> bool:
        try:
            return credential == self._own()
        except CredentialsError:  # a Secret's is none the worse for it
            return False
