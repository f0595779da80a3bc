"""Where the API server is found, and what is refused."""

from __future__ import annotations

import base64
import json
import os
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tokenfactory_operator.kube.client import KubeClient
from tokenfactory_operator.kube.errors import SetupError
from tokenfactory_operator.kube.login import CREDENTIAL_LIFETIME, Connection, load_connection
from unit.kube.loopback import CANARY

UNIT = Path(__file__).parents[1]
SERVER = "https://192.0.2.1:6443"


def write_kubeconfig(path: Path, *, user: object = None, cluster: object = None, namespace: str | None = None) -> str:
    """A kubeconfig with one context; what is not given is usable."""
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": SERVER} if cluster is None else cluster}],
        "users": [{"name": "u", "user": {"token": CANARY} if user is None else user}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def write_service_account(folder: Path, **files: str) -> Path:
    """The folder that a pod finds; a keyword replaces a file's text."""
    for name, text in {"token": CANARY, "ca.crt": "PEM", "namespace": "ops", **files}.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


async def load(path: Path, **kubeconfig: Any) -> Connection:  # noqa: ANN401 - passed on as it is
    return await load_connection({"KUBECONFIG": write_kubeconfig(path / "kubeconfig", **kubeconfig)})


async def test_token_of_a_kubeconfig(tmp_path: Path) -> None:
    """A token comes with server, namespace and the time at which to read it again."""
    connection = await load(tmp_path, namespace="ml")
    assert (connection.server, connection.namespace) == (SERVER, "ml")
    assert connection.authorization == f"Bearer {CANARY}"
    assert connection.expiration is not None
    left = connection.expiration - datetime.now(UTC)
    assert CREDENTIAL_LIFETIME - timedelta(minutes=1) < left <= CREDENTIAL_LIFETIME


def with_a_second_context(path: Path) -> str:
    """A kubeconfig with the contexts `x`, the current one, and `y`."""
    write_kubeconfig(path, namespace="ml")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["contexts"].append({"name": "y", "context": {"cluster": "c", "user": "u", "namespace": "web"}})
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


async def test_another_context_than_the_current_one(tmp_path: Path) -> None:
    """By its name; one that is not there is an error, and a pod's own account is not used in its place."""
    path = with_a_second_context(tmp_path / "kubeconfig")
    assert (await load_connection({"KUBECONFIG": path}, context="y")).namespace == "web"
    with pytest.raises(SetupError, match="context z"):
        await load_connection({"KUBECONFIG": path}, context="z")
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOME": str(tmp_path)}
    with pytest.raises(SetupError, match="does not exist"):
        await load_connection(pod, service_account=write_service_account(tmp_path), context="y")


async def test_token_file_is_read_at_each_load(tmp_path: Path) -> None:
    """A rotated token is seen by the next load."""
    token = tmp_path / "token"
    for text in ("first\n", "second\n"):
        token.write_text(text, encoding="utf-8")
        connection = await load(tmp_path, user={"tokenFile": str(token)})
        assert connection.authorization == f"Bearer {text.strip()}"


async def test_client_certificate_has_no_expiration(tmp_path: Path) -> None:
    """Inline certificates become files, and there is no token to renew."""
    pem = base64.b64encode(b"PEM").decode()
    connection = await load(tmp_path, user={"client-certificate-data": pem, "client-key-data": pem})
    assert connection.certificate_path is not None
    assert connection.private_key_path is not None
    assert (connection.authorization, connection.expiration) == (None, None)


@pytest.mark.parametrize(
    ("environ", "cluster", "proxy"),
    [
        pytest.param({"HTTPS_PROXY": "http://p:1"}, None, "http://p:1", id="environment"),
        pytest.param({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "192.0.2.0/24"}, None, None, id="spared network"),
        pytest.param({"ALL_PROXY": "socks5://p:1"}, None, None, id="not read"),
        pytest.param(
            {"HTTPS_PROXY": "http://p:1"}, {"server": SERVER, "proxy-url": "http://own:2"}, "http://own:2", id="its own"
        ),
        pytest.param(
            {"HTTPS_PROXY": "http://p:1"}, {"server": SERVER, "proxy-url": ""}, "http://p:1", id="its own is empty"
        ),
        pytest.param({}, {"server": SERVER, "proxy-url": "own:2"}, "http://own:2", id="its own without a scheme"),
    ],
)
async def test_the_proxy_to_the_api_server(
    tmp_path: Path, environ: dict[str, str], cluster: dict[str, str] | None, proxy: str | None
) -> None:
    """As kubectl finds it."""
    path = write_kubeconfig(tmp_path / "kubeconfig", cluster=cluster)
    connection = await load_connection({"KUBECONFIG": path, **environ})
    assert connection.proxy_url == proxy


async def test_a_proxy_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Not the API server is at fault."""
    with pytest.raises(SetupError, match="HTTPS_PROXY names a proxy of the kind socks5"):
        await load_connection({"KUBECONFIG": write_kubeconfig(tmp_path / "k"), "HTTPS_PROXY": "socks5://p:1"})


@pytest.mark.parametrize("given", ["socks5://u:secret@p:1", "ftp://secret", "http://[secret", "http://secret:1\n"])
async def test_a_proxy_of_the_kubeconfig_that_cannot_be_used_is_named(tmp_path: Path, given: str) -> None:
    """At the start, in place of failures that look like the network's; its value may hold a password."""
    path = write_kubeconfig(tmp_path / "k", cluster={"server": SERVER, "proxy-url": given})
    with pytest.raises(SetupError, match="proxy-url of the kubeconfig") as raised:
        await load_connection({"KUBECONFIG": path})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("renewed", ["ca.pem", "client.pem", "client.key"])
async def test_what_is_trusted_tells_a_renewal(tmp_path: Path, renewed: str) -> None:
    """The contents of CA, certificate and key; a token is none of it."""
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).write_text("old")
    cluster = {"server": SERVER, "certificate-authority": str(tmp_path / "ca.pem")}
    user = {"client-certificate": str(tmp_path / "client.pem"), "client-key": str(tmp_path / "client.key")}
    before = (await load(tmp_path, cluster=cluster, user={**user, "token": "a"})).trust
    assert (await load(tmp_path, cluster=cluster, user={**user, "token": "b"})).trust == before
    (tmp_path / renewed).write_text("new")
    assert (await load(tmp_path, cluster=cluster, user=user)).trust != before


async def test_an_inline_authority_that_is_renewed(tmp_path: Path) -> None:
    """It becomes a file of its own: the kubeconfig is what changes, and the client that holds the old one says so."""

    async def written(authority: str) -> Connection:
        data = base64.b64encode(authority.encode()).decode()
        return await load(tmp_path, cluster={"server": SERVER, "certificate-authority-data": data})

    now = await written((UNIT / "network" / "lax_ca.pem").read_text(encoding="utf-8"))

    async def reload() -> Connection:
        return now

    async with KubeClient(now, reload) as client:
        assert not await client.renewed()
        now = await written((UNIT / "cloud" / "test_server.pem").read_text(encoding="utf-8"))
        assert await client.renewed()


async def test_basic_authentication_keeps_its_scheme(tmp_path: Path) -> None:
    """The scheme is told apart from the token."""
    connection = await load(tmp_path, user={"username": "u", "password": "p"})
    assert connection.scheme == "Basic"
    assert connection.authorization == f"Basic {base64.b64encode(b'u:p').decode()}"


@pytest.mark.parametrize(
    ("host", "port", "server"),
    [
        pytest.param("10.0.0.1", "443", "https://10.0.0.1:443", id="IPv4"),
        pytest.param("fd00::1", "6443", "https://[fd00::1]:6443", id="IPv6 in brackets"),
        pytest.param("10.0.0.1", "", "https://10.0.0.1:443", id="no port"),
    ],
)
async def test_service_account(tmp_path: Path, host: str, port: str, server: str) -> None:
    """In a pod everything comes from the mounted service account."""
    folder = write_service_account(tmp_path, token=f"{CANARY}\n")
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "HOME": str(tmp_path)}
    connection = await load_connection(environ, service_account=folder)
    assert (connection.server, connection.namespace) == (server, "ops")
    assert connection.ca_path == str(folder / "ca.crt")
    assert connection.authorization == f"Bearer {CANARY}"
    assert connection.expiration is not None


async def test_kubeconfig_goes_before_service_account(tmp_path: Path) -> None:
    """What a person sets explicitly wins."""
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBECONFIG": write_kubeconfig(tmp_path / "k")}
    connection = await load_connection(environ, service_account=write_service_account(tmp_path))
    assert connection.server == SERVER


async def test_default_kubeconfig_is_the_last_resort(tmp_path: Path) -> None:
    """`~/.kube/config` is used where nothing else is named."""
    (tmp_path / ".kube").mkdir()
    write_kubeconfig(tmp_path / ".kube" / "config")
    assert (await load_connection({"HOME": str(tmp_path)})).server == SERVER


async def test_files_that_do_not_exist_are_left_out(tmp_path: Path) -> None:
    """As kubectl does, a list of files may name absent ones."""
    paths = os.pathsep.join([str(tmp_path / "absent"), write_kubeconfig(tmp_path / "k")])
    assert (await load_connection({"KUBECONFIG": paths})).server == SERVER


async def test_nothing_found_names_what_was_looked_for(tmp_path: Path) -> None:
    """The message names all three places."""
    with pytest.raises(SetupError) as caught:
        await load_connection({"HOME": str(tmp_path)})
    for place in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", f"{tmp_path}/.kube/config"):
        assert place in caught.value.message


@pytest.mark.parametrize(
    ("kubeconfig", "named"),
    [
        pytest.param({"cluster": {"server": SERVER, "insecure-skip-tls-verify": True}}, "insecure", id="insecure"),
        pytest.param({"cluster": {"server": "http://192.0.2.1"}}, "https://", id="plain http"),
        pytest.param({"cluster": {"server": SERVER, "tls-server-name": "x"}}, "tls-server-name", id="server name"),
        pytest.param({"cluster": {"server": SERVER, "certificate-authority": "absent"}}, "kubectl", id="no CA file"),
        pytest.param({"user": {}}, "neither a token", id="anonymous"),
        pytest.param({"user": {"exec": {"command": "no-such-plugin"}}}, "neither a token", id="plugin fails"),
        pytest.param({"user": [CANARY]}, "kubectl", id="user is a list"),
        pytest.param({"cluster": {}}, "https://", id="cluster without server"),
    ],
)
async def test_unusable_kubeconfig(tmp_path: Path, kubeconfig: dict[str, object], named: str) -> None:
    """What is insecure or incomplete is refused with the setting's name."""
    with pytest.raises(SetupError) as caught:
        await load(tmp_path, **kubeconfig)
    assert named in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"users: [{{name: u, user: {{token: {CANARY}}}}}]\ncurrent-context: x\n", id="no contexts"),
        pytest.param(
            f"current-context: x\ncontexts: [{{name: x, context: {{user: u, note: {CANARY}}}}}]\n"
            f"users: [{{name: u, user: {{token: {CANARY}}}}}]\nclusters: []\n",
            id="context without cluster",
        ),
        pytest.param(f"token: {CANARY}\n\t- broken", id="no YAML"),
        pytest.param(f"- {CANARY}", id="a list"),
        pytest.param("", id="empty"),
    ],
)
async def test_broken_kubeconfig_is_not_quoted(tmp_path: Path, text: str) -> None:
    """The library quotes whole entries of the file in its errors; neither text nor traceback of ours does."""
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SetupError) as caught:
        await load_connection({"KUBECONFIG": str(path)})
    assert str(path) in caught.value.message
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"token": " \n"}, id="empty token"),
        pytest.param({"ca_crt": ""}, id="empty CA"),
    ],
)
async def test_unusable_service_account(tmp_path: Path, files: dict[str, str]) -> None:
    """An empty file is as good as none."""
    folder = write_service_account(tmp_path, **files)
    with pytest.raises(SetupError):
        await load_connection({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, service_account=folder)


async def test_missing_service_account_says_what_to_do(tmp_path: Path) -> None:
    """A pod without a token is told about `automountServiceAccountToken`."""
    with pytest.raises(SetupError, match="automountServiceAccountToken"):
        await load_connection({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, service_account=tmp_path)


async def test_repr_shows_no_token(tmp_path: Path) -> None:
    """A connection may be logged."""
    assert CANARY not in repr(await load(tmp_path))
