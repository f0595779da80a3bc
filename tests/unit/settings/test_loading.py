from dataclasses import replace
from pathlib import Path

import pytest

from tokenfactory_operator.domain.decision_input import Policy
from tokenfactory_operator.leader.lease import LeaseTerms
from tokenfactory_operator.ports import Timing
from tokenfactory_operator.settings import ListenAddress, Settings, StartupError, load_settings, unknown_environment
from tokenfactory_operator.settings.loading import described_settings

CANARY = "v1.canary-9f31c7"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENFACTORY_TOKEN", CANARY)


def refusal(flags: dict[str, str]) -> str:
    with pytest.raises(StartupError) as caught:
        load_settings(flags)
    assert caught.value.__cause__ is None or CANARY not in str(caught.value.__cause__)
    return str(caught.value)


def test_default_times_are_the_protocols() -> None:
    """With nothing set the decision gets the protocol's own times."""
    assert load_settings({}).timing() == Timing()


@pytest.mark.rule("W14")
def test_election_is_on_by_default() -> None:
    """With the terms of the election's own defaults."""
    settings = load_settings({})
    assert (settings.leader_election, settings.lease_terms()) == (True, LeaseTerms())


def test_terms_follow_the_duration() -> None:
    """Two thirds and two fifteenths of it, where they are not set."""
    terms = load_settings({"lease_duration": "60s", "lease_retry_period": "5s"}).lease_terms()
    assert (terms.renew_deadline, terms.retry_period, terms.acts_for) == (40.0, 5.0, 56.0)


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param({"lease_renew_deadline": "14s"}, id="no room for a last try"),
        pytest.param({"lease_retry_period": "3s"}, id="a try takes too long"),
        pytest.param({"lease_duration": "5s", "lease_renew_deadline": "10s"}, id="longer than the lease"),
    ],
)
def test_a_leader_ends_before_another_may_begin(flags: dict[str, str]) -> None:
    """Terms under which two could act at once are refused by their names."""
    message = refusal(flags)
    assert "--lease-renew-deadline (TOKENFACTORY_LEASE_RENEW_DEADLINE)" in message
    assert "--lease-retry-period (TOKENFACTORY_LEASE_RETRY_PERIOD)" in message


@pytest.mark.parametrize("field", [setting.field for setting in described_settings() if setting.default])
def test_a_default_is_shown_as_it_is_written(field: str) -> None:
    """What the page and --help show as the default is accepted, and means the default."""
    (shown,) = (setting.default for setting in described_settings() if setting.field == field)
    assert getattr(load_settings({field: shown}), field) == getattr(load_settings({}), field)


def test_times_reach_the_decision() -> None:
    """Each time that is set arrives in the decision's times, in seconds."""
    flags = {
        "poll_interval": "1m",
        "poll_interval_in_transition": "2s",
        "inventory_max_age": "5m",
        "create_settle": "90s",
        "delete_settle": "1h",
        "send_deadline": "1500ms",
        "request_timeout": "20",
    }
    assert load_settings(flags).timing() == Timing(
        poll_interval=60.0,
        poll_interval_in_transition=2.0,
        inventory_max_age=300.0,
        create_settle=90.0,
        delete_settle=3600.0,
        send_deadline=1.5,
        request_timeout=20.0,
    )


@pytest.mark.rule(A11="nothing by default")
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        pytest.param({}, Policy(), id="nothing by default"),
        pytest.param({"adoption_namespaces": "web,ml"}, Policy(may_adopt=True), id="listed"),
        pytest.param({"adoption_namespaces": "mlx,m,web"}, Policy(), id="only alike"),
        pytest.param({"adoption_namespaces": "*"}, Policy(may_adopt=True), id="everywhere"),
        pytest.param({"adoption_recreated": "Adopt"}, Policy(adopt_recreated=True), id="recreated alone"),
        pytest.param({"namesakes": "Conflict"}, Policy(hold_namesakes=True), id="another cluster's namesake"),
    ],
)
def test_what_a_namespace_may_adopt(flags: dict[str, str], expected: Policy) -> None:
    """The list counts whole names, and the two settings do not open each other."""
    settings = load_settings(flags)
    assert settings.policy("ml", own_credential=True) == expected
    assert settings.policy("ml", own_credential=False) == replace(expected, may_adopt=True)


def test_flag_beats_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read, and a flag wins over it."""
    monkeypatch.setenv("TOKENFACTORY_CONCURRENCY", "7")
    assert load_settings({}).concurrency == 7
    assert load_settings({"concurrency": "9"}).concurrency == 9


def test_ignores_a_dotenv_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A .env file in the working directory changes nothing."""
    (tmp_path / ".env").write_text("TOKENFACTORY_CONCURRENCY=7\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).concurrency == 20


@pytest.mark.parametrize(
    ("flags", "field", "value"),
    [
        pytest.param({"watch_namespaces": "ml, web,ml"}, "watch_namespaces", ("ml", "web"), id="namespaces"),
        pytest.param({"watch_namespaces": ""}, "watch_namespaces", (), id="all namespaces"),
        pytest.param({"secret_names": "key, team.key,key"}, "secret_names", ("key", "team.key"), id="Secrets"),
        pytest.param({"secret_names": ""}, "secret_names", (), id="no Secret by name"),
        pytest.param({}, "adoption_namespaces", (), id="adoption nowhere by default"),
        pytest.param({"adoption_namespaces": ""}, "adoption_namespaces", (), id="adoption nowhere"),
        pytest.param({"adoption_namespaces": "ml, web"}, "adoption_namespaces", ("ml", "web"), id="adoption in two"),
        pytest.param({"adoption_namespaces": " * "}, "adoption_namespaces", ("*",), id="adoption everywhere"),
        pytest.param({}, "adoption_recreated", "Conflict", id="recreated is a conflict by default"),
        pytest.param({"adoption_recreated": "Adopt"}, "adoption_recreated", "Adopt", id="recreated is adopted"),
        pytest.param(
            {"object_selector": "a/b=c,!d,e in (f, g)"}, "object_selector", "a/b=c,!d,e in (f, g)", id="selector"
        ),
        pytest.param({"object_selector": " "}, "object_selector", None, id="no selector"),
        pytest.param({"inference_hosts": "a=b.c, d=e:1"}, "inference_hosts", ("a=b.c", "d=e:1"), id="hosts"),
        pytest.param({"inference_hosts": ""}, "inference_hosts", (), id="no host"),
        pytest.param(
            {"inference_hosts": "a=http://127.0.0.1:8090,b=http://localhost"},
            "inference_hosts",
            ("a=http://127.0.0.1:8090", "b=http://localhost"),
            id="a simulator",
        ),
        pytest.param({"project_id": ""}, "project_id", None, id="no project"),
        pytest.param({"api_url": "https://gw.example/tf/"}, "api_url", "https://gw.example/tf", id="url with a path"),
        pytest.param({"api_url": "https://gw.example.:8/tf"}, "api_url", "https://gw.example:8/tf", id="url of a root"),
        pytest.param({"api_url": "http://127.0.0.1:80"}, "api_url", "http://127.0.0.1:80", id="loopback url"),
        pytest.param({"api_url": "https://1.2.3.4.:8443"}, "api_url", "https://1.2.3.4:8443", id="address and a dot"),
        pytest.param({"api_url": "http://[::1]:80"}, "api_url", "http://[::1]:80", id="IPv6 loopback url"),
        pytest.param({"metrics_address": ":9090"}, "metrics_address", ListenAddress(None, 9090), id="every interface"),
        pytest.param({"metrics_address": "[::1]:90"}, "metrics_address", ListenAddress("::1", 90), id="IPv6 address"),
        pytest.param({"metrics_address": "0"}, "metrics_address", None, id="metrics off"),
        pytest.param({"health_address": ""}, "health_address", None, id="probes off"),
        pytest.param({"log_level": "DEBUG"}, "log_level", "debug", id="upper case"),
        pytest.param({"rate_limit": "0.5"}, "rate_limit", 0.5, id="fractional rate"),
    ],
)
def test_accepts(flags: dict[str, str], field: str, value: object) -> None:
    """Every documented notation is read."""
    assert getattr(load_settings(flags), field) == value


@pytest.mark.parametrize(
    ("field", "given"),
    [
        pytest.param("api_url", "http://api.example", id="no TLS"),
        pytest.param("api_url", "http://127.0.0.1.example", id="looks like loopback"),
        pytest.param("api_url", "ftp://api.example", id="other scheme"),
        pytest.param("api_url", "https://", id="no host"),
        pytest.param("api_url", "https://a:b", id="port is no number"),
        pytest.param("api_url", "https://api example", id="a blank in the host"),
        pytest.param("api_url", "https://a..example", id="an empty label"),
        pytest.param("api_url", "https://a;b", id="no host name"),
        pytest.param("api_url", "https://\u2025", id="a host of dots in another script"),
        pytest.param("api_url", "https://xn--", id="a host that cannot be decoded"),
        pytest.param("api_url", "https://api.example/%zz", id="half an escape"),
        pytest.param("api_url", "https://1.2.3.256:8443", id="four numbers that are no address"),
        pytest.param("api_url", "https://1.2.3", id="three numbers"),
        pytest.param("api_url", "https://1.2.3.256.", id="four numbers that are no address, and a dot"),
        pytest.param("api_url", "https://1.2.3.4.5./v1", id="five numbers, and a dot"),
        pytest.param("api_url", "https://api.example:0", id="port 0"),
        pytest.param("cluster_id", "Prod", id="upper-case cluster"),
        pytest.param("cluster_id", "a" * 33, id="long cluster"),
        pytest.param("project_id", "a b", id="project with space"),
        pytest.param("watch_namespaces", "ml,Web", id="namespace upper case"),
        pytest.param("watch_namespaces", "*", id="star is no namespace"),
        pytest.param("secret_names", "key,*", id="star is no Secret"),
        pytest.param("secret_names", "Key", id="a Secret in upper case"),
        pytest.param("adoption_namespaces", "ml,*", id="all and one"),
        pytest.param("adoption_namespaces", "ML", id="adoption in upper case"),
        pytest.param("adoption_recreated", "adopt", id="adoption in lower case"),
        pytest.param("adoption_recreated", "", id="adoption of nothing"),
        pytest.param("namesakes", "Adopt", id="namesakes"),
        pytest.param("object_selector", "a=b=c", id="selector"),
        pytest.param("inference_hosts", "eu-north1", id="a region without a host"),
        pytest.param("inference_hosts", "=api.example.com", id="a host without a region"),
        pytest.param("inference_hosts", "eu-north1=https://api.example.com", id="an address for a host"),
        pytest.param("inference_hosts", "eu-north1=http://api.example.com", id="a host without encryption"),
        pytest.param("inference_hosts", "eu-north1=http://127.0.0.1:8090/v1", id="a simulator with a path"),
        pytest.param("inference_hosts", "eu-north1=evil.example/#", id="a host with a path"),
        pytest.param("inference_hosts", "a=b,a=c", id="a region twice"),
        pytest.param("inference_hosts", "eu-north1=1.2.3.256", id="a host of numbers that are no address"),
        pytest.param("inference_hosts", "eu-north1=a.b:65536", id="a host with a port that is too great"),
        pytest.param("inference_hosts", "eu-north1=a.b:0", id="a host with port 0"),
        pytest.param("inference_hosts", "eu-north1=http://127.0.0.1:99999", id="a simulator at no port"),
        pytest.param("inference_hosts", f"eu-north1={'a' * 64}.b", id="a host with a long label"),
        pytest.param("poll_interval", "30x", id="no duration"),
        pytest.param("poll_interval", "", id="empty duration"),
        pytest.param("poll_interval", "0", id="never stops"),
        pytest.param("poll_interval", "2h", id="too long"),
        pytest.param("concurrency", "many", id="no number"),
        pytest.param("concurrency", "0", id="nobody works"),
        pytest.param("rate_limit", "nan", id="not a number"),
        pytest.param("metrics_address", "8080", id="port alone"),
        pytest.param("metrics_address", "a:99999", id="port too great"),
        pytest.param("metrics_address", "::1:8080", id="IPv6 without brackets"),
        pytest.param("log_format", "xml", id="log format"),
        pytest.param("log_level", "trace", id="log level"),
    ],
)
def test_refuses(field: str, given: str) -> None:
    """One line names the setting in both spellings, what was given and what is accepted."""
    message = refusal({field: given})
    assert message.startswith(f"--{field.replace('_', '-')} (TOKENFACTORY_{field.upper()}): ")
    assert repr(given) in message
    assert "; accepted: " in message
    assert "\n" not in message


@pytest.mark.parametrize("mark", ["?", "#"])
def test_a_mark_of_a_query_is_refused_without_one(mark: str) -> None:
    """All paths would come behind it, and so all calls go to one address."""
    assert "no place in it" in refusal({"api_url": f"https://api.example/tf{mark}"})


@pytest.mark.parametrize("unit", ["", "h", "ms"])
def test_a_duration_without_end_is_refused(unit: str) -> None:
    """A number has to be one that can be reckoned with."""
    assert "poll-interval" in refusal({"poll_interval": "9" * 400 + unit})


def test_a_long_name_is_cut() -> None:
    """The message has to be read."""
    assert len(refusal({"watch_namespaces": "A" * 100_000})) < 1000


def test_a_path_shows_what_is_in_it() -> None:
    """A terminal must not obey it."""
    assert "\x1b" not in refusal({"ca_file": "/nowhere/\x1b[31m"})


def test_names_every_wrong_setting_at_once() -> None:
    """Two mistakes cost one restart, not two."""
    message = refusal({"concurrency": "x", "log_format": "y"})
    assert [line.partition(" ")[0] for line in message.splitlines()] == ["--concurrency", "--log-format"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        pytest.param({"request_timeout": "2m"}, ("request-timeout", "create-settle"), id="request outlives settling"),
        pytest.param(
            {"create_settle": "8s", "request_timeout": "8s"},
            ("poll-interval-in-transition", "create-settle"),
            id="no two LISTs while settling",
        ),
        pytest.param(
            {"delete_settle": "30s"}, ("create-settle", "delete-settle"), id="deletion less sure than creation"
        ),
        pytest.param({"inventory_max_age": "80s"}, ("poll-interval", "inventory-max-age"), id="old too early"),
        pytest.param(
            {"poll_interval": "4s"}, ("poll-interval-in-transition", "poll-interval"), id="slower in transition"
        ),
    ],
)
def test_refuses_contradictions(flags: dict[str, str], named: tuple[str, str]) -> None:
    """Two settings that cannot both hold are both named, with their values."""
    message = refusal(flags)
    assert "\n" not in message
    for name in named:
        assert f"--{name} (TOKENFACTORY_{name.upper().replace('-', '_')}) is " in message


@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(
            {"poll_interval": "100ms", "poll_interval_in_transition": "50ms", "inventory_max_age": "300ms"}, id="thrice"
        ),
        pytest.param({"create_settle": "60s", "request_timeout": "60s"}, id="equal"),
    ],
)
def test_accepts_the_very_limit(flags: dict[str, str]) -> None:
    """A bound is accepted itself, whatever binary fractions make of it."""
    assert load_settings(flags).create_settle == 60.0


def test_refuses_two_tokens(tmp_path: Path) -> None:
    """Token and token file together are a contradiction, and the message shows neither."""
    message = refusal({"token_file": str(tmp_path / "token")})
    assert "both given" in message
    assert CANARY not in message


def test_refuses_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank token is none, and without one nothing can start."""
    monkeypatch.setenv("TOKENFACTORY_TOKEN", " ")
    assert "both missing" in refusal({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("TOKENFACTORY_TOKEN", f"Bearer {CANARY}", id="token with its scheme"),
        pytest.param("TOKENFACTORY_TOKEN_FILE", CANARY, id="token as file name"),
        pytest.param("TOKENFACTORY_API_URL", f"https://user:{CANARY}@api.example", id="password in the address"),
        pytest.param("TOKENFACTORY_API_URL", f"user:{CANARY}@api.example", id="password without a scheme"),
        pytest.param("TOKENFACTORY_API_URL", f"https:/user:{CANARY}@api.example", id="password behind one slash"),
        pytest.param("TOKENFACTORY_API_URL", f"https://user:a/{CANARY}@api.example", id="password with a slash"),
        pytest.param("TOKENFACTORY_API_URL", f"https://user:{CANARY}/b@api.example", id="password like a port"),
        pytest.param("TOKENFACTORY_API_URL", f"https://user:\u2488{CANARY}@api.example", id="password not normalised"),
        pytest.param("TOKENFACTORY_API_URL", f"https://api.example?key={CANARY}", id="query in the address"),
        pytest.param("TOKENFACTORY_RATE_LIMIT", CANARY, id="token in another setting"),
    ],
)
def test_never_repeats_a_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A secret put in the wrong place, or in the wrong form, is refused without being shown."""
    monkeypatch.setenv(name, value)
    message = refusal({})
    assert name in message
    assert CANARY not in message


def test_reads_the_token_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The token comes from the file that is named, and whoever hides secrets is told first."""
    monkeypatch.delenv("TOKENFACTORY_TOKEN")
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    seen: list[str] = []
    source = load_settings({"token_file": str(tmp_path / "token")}).token_source(seen.append)
    assert source.read().get_secret_value() == "from-file"
    assert seen == ["from-file"]


def test_tells_the_fixed_token_to_whoever_hides_it() -> None:
    """A token of the environment is announced just as one of a file."""
    seen: list[str] = []
    assert load_settings({}).token_source(seen.append).read().get_secret_value() == CANARY
    assert seen == [CANARY]


def test_refuses_a_missing_token_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token file that is not there ends the start, by its setting's name."""
    monkeypatch.delenv("TOKENFACTORY_TOKEN")
    message = refusal({"token_file": str(tmp_path / "nowhere")})
    assert message.startswith("--token-file (TOKENFACTORY_TOKEN_FILE): ")
    assert "No such file" in message


@pytest.mark.parametrize("content", [pytest.param(None, id="missing"), pytest.param("no certificate", id="not PEM")])
def test_refuses_a_wrong_ca_file(tmp_path: Path, content: str | None) -> None:
    """A CA bundle that cannot be used ends the start, not the first request."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    message = refusal({"ca_file": str(path)})
    assert message.startswith("--ca-file (TOKENFACTORY_CA_FILE): ")
    assert str(path) in message


def test_hides_the_token_when_shown() -> None:
    """Settings can be logged as they are; durations are shown as they were written."""
    settings = load_settings({"poll_interval": "1m30s"})
    assert CANARY not in repr(settings) + settings.model_dump_json()
    assert '"poll_interval":"1m30s"' in settings.model_dump_json()


def test_takes_seconds_in_code() -> None:
    """Code gives numbers where people give text."""
    assert Settings(poll_interval=12.5).poll_interval == 12.5


def test_warns_of_what_nothing_reads() -> None:
    """A misspelt variable is named with the setting that was probably meant; Kubernetes' own are left out."""
    warnings = unknown_environment(
        {
            "TOKENFACTORY_POLL_INTERVALL": "9s",
            "TOKENFACTORY_POLL_INTERVAL": "9s",
            "TOKENFACTORY_OPERATOR_SERVICE_HOST": "10.0.0.1",
            "TOKENFACTORY_OPERATOR_SERVICE_PORT_METRICS": "8080",
            "TOKENFACTORY_OPERATOR_PORT": "tcp://10.0.0.1:8080",
            "TOKENFACTORY_OPERATOR_PORT_8080_TCP_ADDR": "10.0.0.1",
            "HOME": "/",
        }
    )
    assert len(warnings) == 1
    assert warnings[0].startswith("TOKENFACTORY_POLL_INTERVALL ")
    assert warnings[0].endswith(" TOKENFACTORY_POLL_INTERVAL")
