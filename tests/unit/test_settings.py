"""Settings come from the environment alone, and a wrong one is named in one sentence."""

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from ckm_stream.domain.policy import Policy
from ckm_stream.errors import ConfigurationError
from ckm_stream.settings import (
    Guarantee,
    Settings,
    TransportKind,
    list_variables,
    load_settings,
)

MANUAL = Path(__file__).parents[2] / "docs" / "configuration.md"
SECRET = "s3cret-4711"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in os.environ if each.upper().startswith("CKM__")]:
        monkeypatch.delenv(name)


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    """Return the sentence with which settings from *variables* are refused."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_nothing_set_gives_the_documented_defaults() -> None:
    """An empty environment is a valid one."""
    settings = load_settings()

    assert settings.kafka.guarantee is Guarantee.EXACTLY_ONCE
    assert settings.kafka.partitions == 12
    assert settings.scoring == Policy()


def test_variables_reach_their_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each group reads its own variables; the case of a level does not matter."""
    monkeypatch.setenv("CKM__KAFKA__BOOTSTRAP_SERVERS", "one:9092,two:9093")
    monkeypatch.setenv("CKM__KAFKA__GUARANTEE", "at_least_once")
    monkeypatch.setenv("CKM__KAFKA__TRANSPORT", "kafka")
    monkeypatch.setenv("CKM__METRICS__PROFILE_PORT", "0")
    monkeypatch.setenv("CKM__DATA_DIR", "/srv/ckm")
    monkeypatch.setenv("CKM__LOG_LEVEL", "debug")

    settings = load_settings()

    assert settings.kafka.bootstrap_servers == "one:9092,two:9093"
    assert settings.kafka.guarantee is Guarantee.AT_LEAST_ONCE
    assert settings.kafka.transport is TransportKind.KAFKA
    assert settings.metrics.profile_port == 0
    assert settings.data_dir == Path("/srv/ckm")
    assert settings.log_level == "DEBUG"


def test_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment may pass all variables through and leave some empty."""
    monkeypatch.setenv("CKM__REGISTRY__URL", "")

    assert load_settings().registry.url is None


def test_one_number_of_the_policy_can_be_set_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables reach into the policy's groups and leave the neighbours at their defaults."""
    monkeypatch.setenv("CKM__SCORING__LANDMARK_S", "86400")
    monkeypatch.setenv("CKM__SCORING__HALF_LIVES__TRUST", "15724800")
    monkeypatch.setenv("CKM__SCORING__PRIORS__TRUST__A", "3")
    monkeypatch.setenv("CKM__SCORING__KAPPAS", "[1, 0.6, 0.2]")

    policy = load_settings().scoring

    default = Policy()
    assert policy.landmark_s == 86400
    assert policy.half_lives.trust == 15_724_800
    assert policy.half_lives.it_support == default.half_lives.it_support
    assert (policy.priors.trust.a, policy.priors.trust.b) == (3.0, default.priors.trust.b)
    assert policy.kappas == (1.0, 0.6, 0.2)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CKM__KAFKA__BOOTSTRAP_SERVER", "CKM__KAFKA__BOOTSTRAP_SERVERS"),
        ("CKM__KAFKAS__PARTITIONS", "CKM__KAFKA__PARTITIONS"),
        ("CKM__LOGLEVEL", "CKM__LOG_LEVEL"),
        ("CKM__SCORING__HALF_LIVES__TRUSTS", "CKM__SCORING__HALF_LIVES__TRUST"),
        ("CKM__SCORING__LANDMARK", "CKM__SCORING__LANDMARK_S"),
    ],
)
def test_misspelt_name_is_refused_with_a_suggestion(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown variable stops the program and the nearest known one is named."""
    assert refusal(monkeypatch, **{name: "1"}) == (
        f"setting {name} is not known; did you mean {meant}?"
    )


def test_name_without_a_neighbour_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that resembles nothing points to the manual."""
    sentence = refusal(monkeypatch, CKM__XYZZY="1")

    assert sentence == "setting CKM__XYZZY is not known; see docs/configuration.md"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CKM__KAFKA__GUARANTEE", "twice", "'exactly_once' or 'at_least_once'"),
        ("CKM__KAFKA__TRANSPORT", "nats", "'ckm' or 'kafka'"),
        ("CKM__KAFKA__PARTITIONS", "0", "greater than or equal to 1"),
        ("CKM__KAFKA__BOOTSTRAP_SERVERS", "localhost", "pattern"),
        ("CKM__KAFKA__TOPIC_PREFIX", "a b", "pattern"),
        ("CKM__METRICS__SNAPSHOT_PORT", "70000", "less than or equal to 65535"),
        ("CKM__REGISTRY__URL", "ftp://registry", "pattern"),
        ("CKM__LOG_LEVEL", "loud", "'INFO'"),
        ("CKM__SCORING__LANDMARK_S", "yesterday", "integer"),
        ("CKM__SCORING__PRIORS__TRUST__A", "much", "number"),
    ],
)
def test_value_out_of_range_is_refused_by_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence names the variable, what would be right, and where to read on."""
    sentence = refusal(monkeypatch, **{name: value})

    assert sentence.startswith(f"setting {name} is not valid: ")
    assert said in sentence
    assert sentence.endswith("; see docs/configuration.md")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"CKM__KAFKA__PROFILE_GROUP": "ckm-snapshots"}, "must differ"),
        ({"CKM__KAFKA__UNIT_S": "10", "CKM__KAFKA__TRANSACTION_TIMEOUT_S": "5"}, "shorter"),
        ({"CKM__REGISTRY__USERNAME": "me"}, "together"),
        ({"CKM__REGISTRY__USERNAME": "me", "CKM__REGISTRY__PASSWORD": SECRET}, "https://"),
        ({"CKM__SCORING__HALF_LIVES__TRUST": "1"}, "half-life"),
        ({"CKM__KAFKA": "broker:9092"}, "JSON object"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules over several variables are checked at the start, not when they bite."""
    assert said in refusal(monkeypatch, **variables)


def test_refusal_does_not_repeat_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password put into the wrong variable stays out of the message."""
    sentence = refusal(monkeypatch, CKM__REGISTRY__URL=f"https://me:{SECRET}@registry")

    assert SECRET not in sentence


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the text nor the representation of settings holds a password."""
    monkeypatch.setenv("CKM__STORE__URL", f"postgresql://me:{SECRET}@db/ckm")
    monkeypatch.setenv("CKM__REGISTRY__URL", "https://registry")
    monkeypatch.setenv("CKM__REGISTRY__USERNAME", "me")
    monkeypatch.setenv("CKM__REGISTRY__PASSWORD", SECRET)

    settings = load_settings()

    assert SECRET not in f"{settings} {settings!r} {settings.model_dump_json()}"
    assert SECRET in settings.store.url.get_secret_value()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PROTOCOL": "SASL_PLAINTEXT"}, "use SASL_SSL"),
        ({"USERNAME": "ckm"}, "USERNAME is of use with CKM__KAFKA__SECURITY__PROTOCOL=SASL_SSL"),
        ({"CA_FILE": "ca.pem"}, "CA_FILE is of use with CKM__KAFKA__SECURITY__PROTOCOL=SSL or"),
        ({"PROTOCOL": "SSL", "PASSWORD": SECRET}, "PASSWORD is of use with"),
        ({"PROTOCOL": "SASL_SSL"}, "needs CKM__KAFKA__SECURITY__USERNAME"),
        ({"PROTOCOL": "SASL_SSL", "USERNAME": "ckm"}, "needs exactly one of"),
        (
            {"PROTOCOL": "SASL_SSL", "USERNAME": "c", "PASSWORD": SECRET, "PASSWORD_FILE": "f"},
            "PASSWORD and CKM__KAFKA__SECURITY__PASSWORD_FILE",
        ),
        ({"PROTOCOL": "SSL", "KEY_FILE": "key"}, "needs CKM__KAFKA__SECURITY__CERTIFICATE_FILE"),
        ({"PROTOCOL": "SSL", "KEY_PASSWORD": SECRET}, "KEY_PASSWORD needs"),
        ({"MECHANISM": "GSSAPI"}, "SCRAM-SHA-512"),
    ],
)
def test_security_settings_that_do_not_fit_together_are_refused(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user name without TLS above all; the variables are named, no secret is repeated."""
    variables = {f"CKM__KAFKA__SECURITY__{name}": value for name, value in given.items()}

    sentence = refusal(monkeypatch, **variables)

    assert said in sentence
    assert SECRET not in sentence


def test_comparisons_in_pairs_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """One variable for each matrix."""
    monkeypatch.setenv("CKM__EPOCH__COMPARISONS__DIMENSIONS", "[[1,2,4],[0.5,1,2],[0.25,0.5,1]]")

    comparisons = load_settings().epoch.comparisons

    assert [*map(list, comparisons.dimensions)] == [[1, 2, 4], [0.5, 1, 2], [0.25, 0.5, 1]]
    assert not comparisons.value


@pytest.mark.parametrize("matrix", ["[[1,2", '[[1,"much"]]', "7"])
def test_comparisons_that_are_no_matrix_are_refused(
    matrix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is named."""
    assert "EPOCH__COMPARISONS" in refusal(monkeypatch, CKM__EPOCH__COMPARISONS__DIMENSIONS=matrix)


def test_epochs_are_announced_further_ahead_than_events_may_claim_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else an event could fall into an epoch that its worker has not heard of."""
    assert "lead_s" in refusal(monkeypatch, CKM__EPOCH__LEAD_S="7199")


def test_settings_cannot_be_changed_afterwards() -> None:
    """What a program was started with is what it runs with."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(Settings(), "log_level", "ERROR")  # noqa: B010 -- mypy forbids the plain form


def test_every_variable_is_in_the_manual_with_its_default() -> None:
    """The manual has a row for each variable outside the scoring, and no other."""
    rows = re.findall(r"^\| `(CKM__\w+)` \| `?([^|`]+)`? \|", MANUAL.read_text(), re.MULTILINE)

    assert dict(rows) == {
        name: default_text(default)
        for name, default in list_variables().items()
        if not name.startswith("CKM__SCORING__")
    }


def default_text(default: object) -> str:
    """Return a default as the manual writes it."""
    if default is None:
        return "not set"
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return str(default) or "empty"
