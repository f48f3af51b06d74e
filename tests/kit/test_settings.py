"""Settings from the environment, and the errors for wrong ones."""

import re
import secrets
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from kit.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).parents[2]
LONG = "Jk3vQ-9xW_t7Zb2LrYp0sVdHgNfC8mEa"
PRODUCTION = {
    "BOOM_ENV": "production",
    "BOOM_SECRET": LONG,
    "DATABASE_URL": "postgresql://owner@db.example/boom",
    "BOOM_SMTP_URL": "smtps://mail.example",
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for field in Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which production starts."""
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)


def test_without_any_variables_it_is_a_development_server_on_loopback(tmp_path: Path) -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
    assert settings.data == tmp_path / ".data"
    assert settings.demo and settings.rate_limit and not settings.is_production


def test_each_wrong_variable_is_one_line_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hidden@localhost/boom")
    monkeypatch.setenv("BOOM_SECRET", "short")
    monkeypatch.setenv("BOOM_ALLOWED_ORIGINS", "https://a.example,https://b.example/")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert sorted(refused.value.lines) == [
        "BOOM_ALLOWED_ORIGINS: 'https://b.example/' is not an origin such as "
        "https://book.example.com",
        "BOOM_SECRET: must be at least 32 bytes long",
        "DATABASE_URL: must look like postgresql://user:password@host:5432/name",
        "PORT: input should be a valid integer, unable to parse string as an integer",
    ]


def test_fallback_secrets_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().fallback_secrets == ()
    monkeypatch.setenv("BOOM_SECRET_FALLBACKS", f"{LONG}, {LONG[::-1]}")

    assert load_settings().fallback_secrets == (LONG.encode(), LONG[::-1].encode())


def test_a_fallback_secret_that_is_short_is_refused_and_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOM_SECRET_FALLBACKS", f"{LONG},hidden")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert refused.value.lines == (
        "BOOM_SECRET_FALLBACKS: must be secrets of at least 32 bytes, separated by commas",
    )


@pytest.mark.parametrize("secret", [f"{LONG},{LONG}", f"{LONG}\n", f" {LONG}", f"{LONG},"])
def test_a_secret_that_could_be_no_fallback_later_is_refused_at_once(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOM_SECRET", secret)

    with pytest.raises(SettingsError, match="BOOM_SECRET_FALLBACKS can't hold it later"):
        load_settings()


def test_secrets_stay_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOM_SECRET", LONG)
    monkeypatch.setenv("BOOM_SECRET_FALLBACKS", LONG[::-1])

    assert LONG not in repr(load_settings()) and LONG[::-1] not in repr(load_settings())


@pytest.mark.usefixtures("production")
def test_production_wants_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOM_SECRET")

    with pytest.raises(SettingsError, match="BOOM_SECRET: required in production"):
        load_settings()


@pytest.mark.usefixtures("production")
def test_production_refuses_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOM_DEMO", "1")

    with pytest.raises(SettingsError, match="BOOM_DEMO: must be 0 in production"):
        load_settings()


@pytest.mark.usefixtures("production")
def test_production_has_no_demo_unless_asked() -> None:
    settings = load_settings()

    assert settings.is_production and not settings.demo


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOM_ALLOWED_ORIGINS", "https://a.example, http://localhost:5173")

    assert load_settings().allowed_origins == ("https://a.example", "http://localhost:5173")


def test_a_file_gives_what_the_environment_leaves_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nBOOM_RATE_LIMIT=off\n")
    monkeypatch.setenv("PORT", "9001")

    settings = load_settings()

    assert (settings.port, settings.rate_limit) == (9001, False)


def test_a_development_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_settings().secret
    second = load_settings().secret

    assert first == second and len(first) >= 32
    assert stat.S_IMODE((tmp_path / ".data" / "secret").stat().st_mode) == 0o600


def test_printed_settings_hide_passwords() -> None:
    settings = load_settings(
        database_url="postgresql://me:hidden@db.example/boom",
        given_secret=LONG,
        smtp_url="smtp://me:hidden@mail.example:587",
    )

    assert "hidden" not in repr(settings)
    assert LONG not in repr(settings)


def test_stripe_needs_a_key_and_the_secret_of_its_deliveries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOM_STRIPE_SECRET_KEY", "sk_test_1")

    with pytest.raises(SettingsError, match="BOOM_STRIPE_WEBHOOK_SECRET: set both or neither"):
        load_settings()


def test_several_secrets_of_deliveries_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOM_STRIPE_SECRET_KEY", "rk_live_1")
    monkeypatch.setenv("BOOM_STRIPE_WEBHOOK_SECRET", "whsec_1, whsec_2")

    assert load_settings().stripe_webhook_secrets == ("whsec_1", "whsec_2")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOOM_STRIPE_SECRET_KEY", "pk_live_hidden"),
        ("BOOM_STRIPE_WEBHOOK_SECRET", "hidden"),
        ("BOOM_STRIPE_WEBHOOK_SECRET", "whsec_1,hidden"),
        ("BOOM_STRIPE_WEBHOOK_SECRET", ","),
        ("BOOM_STRIPE_API_BASE", "https://hidden.example.com"),
    ],
)
def test_what_stripe_never_gives_is_refused_without_being_told(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=f"^{variable}: ") as refused:
        load_settings()

    assert "hidden" not in str(refused.value)


@pytest.mark.usefixtures("production")
def test_production_speaks_to_the_real_stripe_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOM_STRIPE_API_BASE", "http://127.0.0.1:9000")

    with pytest.raises(SettingsError, match="BOOM_STRIPE_API_BASE: must not be set"):
        load_settings()


RISKS = [
    ("weak-secret", {"BOOM_SECRET": "change me change me change me change me"}),
    ("weak-secret", {"BOOM_SECRET": "x" * 64}),
    ("weak-secret", {"BOOM_SECRET_FALLBACKS": f"{LONG},{'x' * 64}"}),
    ("embedded-database", {"DATABASE_URL": ""}),
    ("no-mail", {"BOOM_SMTP_URL": ""}),
    ("no-rate-limit", {"BOOM_RATE_LIMIT": "off"}),
    (
        "test-payments",
        {"BOOM_STRIPE_SECRET_KEY": "sk_test_1", "BOOM_STRIPE_WEBHOOK_SECRET": "whsec_1"},
    ),
    ("http-origins", {"BOOM_ALLOWED_ORIGINS": "https://a.example,http://b.example"}),
]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(("exemption", "variables"), RISKS)
def test_production_takes_a_risk_only_where_it_is_named(
    monkeypatch: pytest.MonkeyPatch, exemption: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as refused:
        load_settings()
    monkeypatch.setenv("BOOM_ALLOW", exemption)
    taken = load_settings()

    (line,) = refused.value.lines
    assert line.startswith(f"{next(iter(variables))}: ")
    assert line.endswith(f"(to accept it nevertheless: BOOM_ALLOW={exemption})")
    assert taken.is_production


@pytest.mark.parametrize("make", [lambda: secrets.token_hex(16), lambda: secrets.token_urlsafe(24)])
@pytest.mark.usefixtures("production")
def test_a_random_secret_is_hard_to_guess(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], str]
) -> None:
    secret = make()
    monkeypatch.setenv("BOOM_SECRET", secret)

    assert load_settings().secret == secret.encode()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BOOM_ALLOW", "everything"),
        ("BOOM_ALLOWED_HOSTS", "https://api.example.com"),
        ("BOOM_METRICS_TOKEN", "short"),
        ("BOOM_PLATFORM_KEYS", "boom_platform_secret"),
        ("BOOM_SECURITY_CONTACT", "security@example.com"),
        ("BOOM_ASSISTANT_PRICES", "big=cheap"),
        ("BOOM_OPENAI_BASE_URL", "api.openai.com"),
    ],
)
def test_a_wrong_value_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=f"^{variable}"):
        load_settings()


@pytest.mark.parametrize("page", [".env.example", "README.md"])
def test_every_variable_is_told_where_settings_are_looked_up(page: str) -> None:
    for_tests = {"BOOM_STRIPE_API_BASE", "BOOM_CAPTCHA_ADDRESS"}
    variables = {str(field.validation_alias) for field in Settings.model_fields.values()}
    text = (ROOT / page).read_text()

    wanted = sorted(variables - for_tests)
    assert [each for each in wanted if not re.search(rf"\b{each}\b", text)] == []


def test_proxies_are_named_with_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().proxies == ("127.0.0.1", "::1")
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1, 10.1.0.0/16")
    assert load_settings().proxies == ("10.0.0.1", "10.1.0.0/16")


def test_prices_of_models_and_tokens_of_plans_are_given_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOM_ASSISTANT_PRICES", "big=1.25/10, vendor/small=0.1/0")
    monkeypatch.setenv("BOOM_ASSISTANT_DAILY_TOKENS", "ENTERPRISE=1000")

    settings = load_settings()

    assert settings.assistant_prices == {
        "big": (Decimal("1.25"), Decimal(10)),
        "vendor/small": (Decimal("0.1"), Decimal(0)),
    }
    assert settings.assistant_daily_tokens == {"ENTERPRISE": 1000}


# ------------------------------------------------------------------------------ unknown variables


def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOM_RATELIMIT", "off")
    monkeypatch.setenv("boom_alowed_hosts", "api.example.com")
    monkeypatch.setenv("BOOM_XYZ", "1")
    monkeypatch.setenv("BOOM_SECRET", "short")
    (tmp_path / ".env").write_text("BOOM_METRIC_TOKEN=a-long-token-of-metrics\n")

    with pytest.raises(SettingsError) as refused:
        load_settings()

    assert refused.value.lines == (
        "BOOM_ALOWED_HOSTS: is not a setting; did you mean BOOM_ALLOWED_HOSTS?",
        "BOOM_METRIC_TOKEN: is not a setting; did you mean BOOM_METRICS_TOKEN?",
        "BOOM_RATELIMIT: is not a setting; did you mean BOOM_RATE_LIMIT?",
        "BOOM_XYZ: is not a setting; remove it, or see README.md for all settings",
        "BOOM_SECRET: must be at least 32 bytes long",
    )


@pytest.mark.usefixtures("production")
def test_a_misspelt_variable_is_refused_in_production_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOM_ALLOWED_ORIGIN", "https://book.example.com")

    with pytest.raises(SettingsError, match="did you mean BOOM_ALLOWED_ORIGINS"):
        load_settings()


def test_lower_case_names_and_the_variables_of_a_kubernetes_service_are_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("boom_rate_limit", "off")
    for name, value in {
        "BOOM_SERVICE_HOST": "10.0.0.1",
        "BOOM_SERVICE_PORT_HTTP": "8000",
        "BOOM_PORT": "tcp://10.0.0.1:8000",
        "BOOM_PORT_8000_TCP_ADDR": "10.0.0.1",
        "BOOM_API_PORT": "tcp://10.0.0.2:8000",
    }.items():
        monkeypatch.setenv(name, value)

    assert load_settings().rate_limit is False


def test_the_port_is_not_taken_for_the_variable_of_a_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOM_PORT", "9000")

    with pytest.raises(SettingsError, match=r"^BOOM_PORT: is not a setting; did you mean PORT\?"):
        load_settings()
