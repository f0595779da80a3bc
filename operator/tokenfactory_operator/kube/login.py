"""Where the Kubernetes API server is and who the operator is there.

The order is that of kubectl and controller-runtime: the files in `KUBECONFIG`, else the pod's service account, else
`~/.kube/config`. TLS verification cannot be switched off and a request is never anonymous. This module reads files and
makes no request; error texts never quote them, since a kubeconfig carries credentials.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException, load_kube_config
from pydantic import SecretStr

from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.network.proxies import Proxies, ProxyError, usable
from tokenfactory_operator.network.tls import contents

CREDENTIAL_LIFETIME: Final = timedelta(minutes=10)
"""How long a token is used before it is read again. The kubelet replaces a one-hour token 12 minutes before its end."""
ENVIRONMENT: Final = "remove it, so that HTTPS_PROXY and NO_PROXY count"
"""What to do instead about a proxy that a kubeconfig names."""
SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod finds its token, CA and namespace (Kubernetes: "Accessing the API from a Pod")."""
DEFAULT_NAMESPACE: Final = "default"

_HOST: Final = "KUBERNETES_SERVICE_HOST"
_PORT: Final = "KUBERNETES_SERVICE_PORT"


@dataclass(frozen=True)
class Connection:
    """One way to reach the API server, as both kopf and `kubernetes.aio` need it. Its repr shows no secret."""

    server: str
    """`https://host:port`, and a path behind it where a proxy for many clusters has one."""
    namespace: str = DEFAULT_NAMESPACE
    """The operator's own: the pod's, or the kubeconfig context's."""
    ca_path: str | None = None
    """PEM file; `None` means the system's authorities."""
    scheme: str = "Bearer"
    token: SecretStr | None = None
    certificate_path: str | None = None
    private_key_path: str | None = None
    proxy_url: str | None = None
    """The kubeconfig's own `proxy-url`, else what the environment says for the server; nothing else is read there."""
    sources: tuple[str, ...] = ()
    """The files that say all of this but the token: what changes there may be another server, CA or certificate."""
    expiration: datetime | None = None
    """Aware UTC time at which to load again, so that rotated tokens are followed; `None` without a token."""

    @property
    def trust(self) -> tuple[str, tuple[bytes, ...]]:
        """Whom this trusts, and as whom it is known: what a connection pool keeps as it was when it was made."""
        return self.server, contents(self.ca_path, self.certificate_path, self.private_key_path)

    @property
    def written(self) -> tuple[bytes, ...]:
        """What the files hold now of which it was read."""
        return contents(*self.sources, self.ca_path, self.certificate_path, self.private_key_path)

    @property
    def authorization(self) -> str | None:
        """The value of the `Authorization` header: a secret."""
        return f"{self.scheme} {self.token.get_secret_value()}" if self.token else None


async def load_connection(
    environ: Mapping[str, str] = os.environ, *, service_account: Path = SERVICE_ACCOUNT, context: str | None = None
) -> Connection:
    """Find the API server and the credentials, read afresh from their files.

    `context` names one of a kubeconfig, in place of its current one; with it no pod's service account is used.

    Raises:
        SetupError: nothing was found, or what was found cannot be used.
    """
    connection = await _found(environ, service_account, context)
    own = connection.proxy_url
    try:
        if own:
            return replace(connection, proxy_url=usable(own, name="proxy-url of the kubeconfig", otherwise=ENVIRONMENT))
        return replace(connection, proxy_url=Proxies(environ).of(connection.server))
    except ProxyError as error:
        raise SetupError(str(error)) from None


async def _found(environ: Mapping[str, str], service_account: Path, context: str | None) -> Connection:
    named = environ.get("KUBECONFIG", "")
    if named.strip(os.pathsep):
        return await _from_kubeconfig(named, origin="KUBECONFIG", context=context)
    if environ.get(_HOST) and context is None:
        return _from_service_account(environ, service_account)
    usual = f"{environ.get('HOME', '~')}/.kube/config"
    if _existing(usual):
        return await _from_kubeconfig(usual, origin="the default kubeconfig", context=context)
    raise SetupError(
        f"No Kubernetes API server to connect to: KUBECONFIG is not set, this is no pod ({_HOST} is not set), and "
        f"{usual} does not exist. Set KUBECONFIG to a kubeconfig file, or run the operator in a pod with a service "
        "account."
    )


def _from_service_account(environ: Mapping[str, str], folder: Path) -> Connection:
    token, authority = _required_text(folder / "token"), folder / "ca.crt"
    _required_text(authority)
    host = environ[_HOST]
    return Connection(
        server=f"https://{f'[{host}]' if ':' in host else host}:{environ.get(_PORT) or '443'}",
        namespace=_optional_text(folder / "namespace") or DEFAULT_NAMESPACE,
        ca_path=str(authority),
        token=SecretStr(token),
        expiration=_expiration(),
    )


def _required_text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SetupError(
            f"{_HOST} is set, so this is a pod, but its service account cannot be read: {path}: "
            f"{type(error).__name__}. Give the pod a serviceAccountName and leave automountServiceAccountToken on."
        ) from error
    if not text:
        raise SetupError(f"The service account's file {path} is empty.")
    return text


def _optional_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _files(paths: str) -> tuple[str, ...]:
    return tuple(str(Path(path).expanduser()) for path in paths.split(os.pathsep) if path)


def _existing(paths: str) -> bool:
    """Whether one of the paths, separated as in PATH, is a file; the others are left out, as kubectl does."""
    return any(Path(path).is_file() for path in _files(paths))


def _expiration() -> datetime:
    return datetime.now(UTC) + CREDENTIAL_LIFETIME


async def _from_kubeconfig(paths: str, *, origin: str, context: str | None = None) -> Connection:
    if not _existing(paths):
        raise SetupError(f"{origin} names {paths}, which does not exist. Set KUBECONFIG to an existing file.")
    configuration = Configuration()
    try:
        load: Callable[..., Awaitable[Any]] = load_kube_config  # unannotated in the library
        loader = await load(
            config_file=paths, client_configuration=configuration, persist_config=False, context=context
        )
        chosen: Mapping[str, Any] = loader.current_context["context"]
    except (ConfigException, yaml.YAMLError, OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        # No cause: these exceptions of the library quote whole entries of the file, tokens included.
        raise SetupError(
            f"{origin} ({paths}) cannot be used ({type(error).__name__}). Check that `kubectl version` works with it: "
            f"it needs a {f'context {context}' if context else 'current-context'} whose cluster and user exist."
        ) from None
    return _checked(
        configuration,
        namespace=chosen.get("namespace") or DEFAULT_NAMESPACE,
        origin=f"{origin} ({paths})",
        sources=_files(paths),
    )


def _checked(configuration: Configuration, *, namespace: str, origin: str, sources: tuple[str, ...]) -> Connection:
    """Refuse what would be insecure, anonymous, or served by only one of the two clients."""
    if not configuration.verify_ssl:
        raise SetupError(
            f"{origin} sets insecure-skip-tls-verify, which the operator does not accept: put the cluster's CA into "
            "certificate-authority-data instead."
        )
    if not configuration.host.startswith("https://"):
        raise SetupError(f"{origin} names a server that is not https://: the operator does not send its token there.")
    if configuration.tls_server_name:
        raise SetupError(f"{origin} sets tls-server-name, which is not supported: use a server name that is certified.")
    scheme, _, token = str(configuration.api_key.get("BearerToken", "")).partition(" ")
    if not token.strip() and not configuration.cert_file:
        raise SetupError(
            f"{origin} gives its user neither a token nor a client certificate (an exec plugin that fails gives none): "
            "try `kubectl auth whoami` with it."
        )
    return Connection(
        server=configuration.host,
        namespace=namespace,
        ca_path=configuration.ssl_ca_cert,
        scheme=scheme or "Bearer",
        token=SecretStr(token.strip()) if token.strip() else None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=str(configuration.proxy or ""),
        sources=sources,
        expiration=_expiration() if token.strip() else None,
    )
