"""Which proxy leads where: by the rules of Go, which kubectl follows; one sentence where a variable is of no use."""

from __future__ import annotations

import httpx
import pytest

from tokenfactory_operator.cloud.auth import NO_TOKEN
from tokenfactory_operator.cloud.call import Call
from tokenfactory_operator.cloud.connections import Connections
from tokenfactory_operator.cloud.transport import CloudSettings, Progress, tls_context
from tokenfactory_operator.network.proxies import Proxies, ProxyError
from unit.cloud.support import ManualClock

PROXY = "http://proxy:3128"

AS_GO = [
    # NO_PROXY, address, whether the proxy is used: the last as `golang.org/x/net/http/httpproxy` v0.60.0 answered.
    pytest.param("10.96.0.0/12", "https://10.96.0.1", False, id="network of the API server's Service"),
    pytest.param("10.96.0.0/12", "https://10.112.0.1", True, id="network without the address"),
    pytest.param("fd00::/8", "https://[fd00::1]:6443", False, id="network of IPv6"),
    pytest.param("fd00:1::/32", "https://[fd00:2::1]", True, id="network of IPv6 without the address"),
    pytest.param("::/0", "https://10.0.0.1", True, id="network of IPv6 in an IPv4 world"),
    pytest.param("::ffff:10.0.0.0/104", "https://10.1.1.1", False, id="IPv4 network in IPv6 clothes"),
    pytest.param("10.0.0.1/8", "https://10.9.9.9", False, id="a network's address has host bits"),
    pytest.param("10.0.0.0/33", "https://10.0.0.1", True, id="no network"),
    pytest.param("10.0.0.1", "https://10.0.0.1:6443", False, id="address"),
    pytest.param("10.0.0.1:6443", "https://10.0.0.1:6443", False, id="address with this port"),
    pytest.param("10.0.0.1:443", "https://10.0.0.1:6443", True, id="address with another port"),
    pytest.param("10.0.0.1:443", "https://10.0.0.1", False, id="address with the scheme's port"),
    pytest.param("[fd00::1]:443", "https://[fd00::1]", False, id="IPv6 address in brackets with its port"),
    pytest.param("[fd00::1]", "https://[fd00::1]", True, id="IPv6 address in brackets"),
    pytest.param("fd00::1", "https://[fd00::1]", False, id="IPv6 address"),
    pytest.param("10.0.0.1", "https://[::ffff:10.0.0.1]", False, id="mapped address"),
    pytest.param("example.com", "https://example.com", False, id="name"),
    pytest.param("example.com", "https://api.example.com", False, id="name and what is below it"),
    pytest.param("example.com", "https://notexample.com", True, id="name that only ends like it"),
    pytest.param(".example.com", "https://api.example.com", False, id="what is below a name"),
    pytest.param(".example.com", "https://example.com", True, id="not the name itself"),
    pytest.param("*.example.com", "https://api.example.com", False, id="with a star"),
    pytest.param("*.example.com", "https://example.com", True, id="with a star, itself"),
    pytest.param("*example.com", "https://api.example.com", True, id="star in the middle of nothing"),
    pytest.param("example.com:8443", "https://example.com:8443", False, id="name with this port"),
    pytest.param("example.com:8443", "https://example.com", True, id="name with another port"),
    pytest.param("Example.COM", "https://API.example.com", False, id="capitals"),
    pytest.param(".svc", "https://kubernetes.default.svc", False, id="service names"),
    pytest.param("*", "https://api.example.com", False, id="everything"),
    pytest.param("a.b,*", "https://10.0.0.1", False, id="everything among others"),
    pytest.param("  10.0.0.0/8 , example.com ", "https://example.com", False, id="white space"),
    pytest.param(",,", "https://example.com", True, id="nothing between commas"),
    pytest.param(":443", "https://example.com", True, id="only a port"),
    pytest.param("", "https://localhost:8443", False, id="itself: localhost"),
    pytest.param("", "https://127.0.0.9", False, id="itself: loopback"),
    pytest.param("", "https://[::1]:443", False, id="itself: IPv6 loopback"),
    pytest.param("", "https://api.example.com", True, id="nothing is spared"),
    pytest.param("10.0.0.0/8", "https://ten.example.com", True, id="a network is no name"),
]


@pytest.mark.parametrize(("spared", "url", "used"), AS_GO)
def test_what_no_proxy_spares(spared: str, url: str, *, used: bool) -> None:
    """As kubectl does in the same environment."""
    assert Proxies({"HTTPS_PROXY": PROXY, "NO_PROXY": spared}).of(url) == (PROXY if used else None)


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        pytest.param({"HTTPS_PROXY": PROXY}, "https://a.b", PROXY, id="https"),
        pytest.param({"https_proxy": PROXY}, "https://a.b", PROXY, id="small letters"),
        pytest.param(
            {"HTTPS_PROXY": "http://one", "https_proxy": "http://two"}, "https://a.b", "http://one", id="both"
        ),
        pytest.param({"HTTPS_PROXY": PROXY}, "http://a.b", None, id="another scheme"),
        pytest.param({"HTTP_PROXY": PROXY}, "http://a.b", PROXY, id="http"),
        pytest.param({"HTTPS_PROXY": "proxy:3128"}, "https://a.b", PROXY, id="without a scheme"),
        pytest.param({"HTTPS_PROXY": "10.1.1.1:80"}, "https://a.b", "http://10.1.1.1:80", id="an address"),
        pytest.param({"HTTPS_PROXY": "https://u:p@proxy"}, "https://a.b", "https://u:p@proxy", id="with a password"),
        pytest.param({"ALL_PROXY": PROXY}, "https://a.b", None, id="all, which kubectl does not read"),
        pytest.param({"HTTPS_PROXY": ""}, "https://a.b", None, id="empty"),
        pytest.param({"HTTPS_PROXY": PROXY, "no_proxy": "a.b"}, "https://a.b", None, id="spared in small letters"),
        pytest.param({"HTTPS_PROXY": "socks5://proxy", "NO_PROXY": "a.b"}, "https://a.b", None, id="unused and odd"),
    ],
)
def test_which_variable_counts(environ: dict[str, str], url: str, proxy: str | None) -> None:
    """By the scheme of the address, in capitals first."""
    assert Proxies(environ).of(url) == proxy


@pytest.mark.parametrize(
    "given",
    [
        "socks5://u:secret@proxy:1080",
        "socks5h://secret",
        "gopher://secret",
        "http://[secret",
        "http://secret:1\n",
        "http://se cret:1",
    ],
)
def test_a_proxy_that_cannot_be_used_is_named(given: str) -> None:
    """The variable and what to change, and never its value, which may hold a password."""
    with pytest.raises(ProxyError, match=r"HTTPS_PROXY .* NO_PROXY") as raised:
        Proxies({"HTTPS_PROXY": given}).of("https://user:secret@api.example.com/path")
    assert "secret" not in str(raised.value)


def test_a_variable_without_effect_is_told() -> None:
    """ALL_PROXY alone would look as if it worked."""
    assert "HTTPS_PROXY" in Proxies({"all_proxy": "socks5://x"}).unread()
    assert Proxies({"HTTPS_PROXY": PROXY}).unread() == ""


async def test_the_cloud_is_called_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """An IPv6 network in NO_PROXY, at which httpx's own reading ends, and the proxy for everything else."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "fd00::/8")
    connections = Connections(CloudSettings(base_url="https://api.invalid", connect_timeout=5), clock=ManualClock())
    async with connections.one() as connection:
        request = connection.requests.of(Call("GET", "/", "listing"), NO_TOKEN, Progress().trace)
        with pytest.raises(httpx.ConnectError):
            await connection.send(request)
    await connections.aclose()
    assert CloudSettings(base_url="https://[fd00::1]").proxy(tls_context()) is None
