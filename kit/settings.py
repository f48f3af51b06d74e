"""The settings of this installation, from the environment or a file .env."""

import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from kit.kept_secrets import kept_secret
from kit.postgres.connection_urls import DatabaseUrl
from kit.service_settings import Contact, ServiceSettings, listed, split
from kit.unknown_variables import unknown_variables
from kit.weak_secrets import is_weak

SECRET_BYTES = 32
METRICS_TOKEN_BYTES = 16


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"
    TEST = "test"


class Exemption(StrEnum):
    """What production refuses unless it is named in BOOM_ALLOW."""

    WEAK_SECRET = "weak-secret"  # noqa: S105 - a name
    EMBEDDED_DATABASE = "embedded-database"
    NO_MAIL = "no-mail"
    NO_RATE_LIMIT = "no-rate-limit"
    TEST_PAYMENTS = "test-payments"
    HTTP_ORIGINS = "http-origins"


class SettingsError(Exception):
    """The environment is invalid; the message has one line for each wrong variable."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


_HOST: Final = re.compile(r"\*|(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\]")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HOW_TO_MAKE_ONE: Final = (
    "generate one with python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
)


def _secrets_in(value: SecretStr | None) -> tuple[str, ...]:
    return () if value is None else split(value.get_secret_value())


def _database_url(value: object) -> DatabaseUrl | None:
    return DatabaseUrl(value) if isinstance(value, str) else None


MaybeDatabaseUrl = Annotated[DatabaseUrl | None, PlainValidator(_database_url)]


class Settings(ServiceSettings):
    """The settings: from arguments, then the environment, then the file .env."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field("127.0.0.1", validation_alias="HOST")
    port: int = Field(8000, ge=0, le=65535, validation_alias="PORT")
    environment: Environment = Field(Environment.DEVELOPMENT, validation_alias="BOOM_ENV")
    data: Path = Field(Path(".data"), validation_alias="BOOM_DATA")
    database_url: MaybeDatabaseUrl = Field(None, validation_alias="DATABASE_URL")
    app_database_url: MaybeDatabaseUrl = Field(None, validation_alias="BOOM_APP_DATABASE_URL")
    relay_database_url: MaybeDatabaseUrl = Field(None, validation_alias="BOOM_RELAY_DATABASE_URL")
    given_secret: SecretStr | None = Field(None, validation_alias="BOOM_SECRET")
    given_fallbacks: SecretStr | None = Field(None, validation_alias="BOOM_SECRET_FALLBACKS")
    wants_demo: bool | None = Field(None, validation_alias="BOOM_DEMO")
    exemptions: Annotated[tuple[Exemption, ...], NoDecode, BeforeValidator(listed)] = Field(
        (), validation_alias="BOOM_ALLOW"
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        (), validation_alias="BOOM_ALLOWED_ORIGINS"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        (), validation_alias="BOOM_ALLOWED_HOSTS"
    )
    metrics_token: SecretStr | None = Field(None, validation_alias="BOOM_METRICS_TOKEN")
    platform_keys: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        (), validation_alias="BOOM_PLATFORM_KEYS"
    )
    security_contact: Contact = Field(None, validation_alias="BOOM_SECURITY_CONTACT")
    proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed)] = Field(
        ("127.0.0.1", "::1"), validation_alias="FORWARDED_ALLOW_IPS"
    )
    workers: int = Field(1, ge=1, le=64, validation_alias="BOOM_WORKERS")
    works: bool = Field(True, validation_alias="BOOM_WORKER")
    rate_limit: bool = Field(True, validation_alias="BOOM_RATE_LIMIT")
    sockets_per_address: int = Field(20, ge=1, validation_alias="BOOM_SOCKETS_PER_ADDRESS")
    connections_per_address: int = Field(100, ge=1, validation_alias="BOOM_CONNECTIONS_PER_ADDRESS")
    replay_days: int = Field(7, ge=1, le=90, validation_alias="BOOM_REPLAY_DAYS")
    compiled: bool = Field(True, validation_alias="BOOM_COMPILED")
    outbound_loopback: bool = Field(False, validation_alias="BOOM_OUTBOUND_LOOPBACK")

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("given_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value()
        if len(secret.encode()) < SECRET_BYTES:
            raise ValueError(f"must be at least {SECRET_BYTES} bytes long")
        if split(secret) != (secret,):
            raise ValueError(
                "must have no comma in it and no space or line break around it, "
                "or BOOM_SECRET_FALLBACKS can't hold it later"
            )
        return value

    @field_validator("given_fallbacks")
    @classmethod
    def _each_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if any(len(each.encode()) < SECRET_BYTES for each in _secrets_in(value)):
            raise ValueError(
                f"must be secrets of at least {SECRET_BYTES} bytes, separated by commas"
            )
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is not an origin such as https://book.example.com")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is not a host such as api.example.com or *.example.com")
        return value

    @field_validator("metrics_token", "inbound_mail_secret")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < METRICS_TOKEN_BYTES:
            raise ValueError(f"must be at least {METRICS_TOKEN_BYTES} bytes long")
        return value

    @field_validator("platform_keys")
    @classmethod
    def _hashes_only(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_SHA256.fullmatch(each) for each in value):
            raise ValueError(
                "must be hashes of keys, 64 hexadecimal digits each: "
                "python -m commands.platform_key makes them"
            )
        return value

    @property
    def reply_domain(self) -> str | None:
        """The domain of the addresses to which mails are answered; None where none can arrive."""
        if self.inbound_mail_domain is None and self.smtp_url is None and not self.is_production:
            return "reply.test"
        return self.inbound_mail_domain

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def demo(self) -> bool:
        """Whether an empty database gets the demo venues: yes by default, not in production."""
        return not self.is_production if self.wants_demo is None else self.wants_demo

    @property
    def secret(self) -> bytes:
        """What signs tokens, at least 32 bytes; without BOOM_SECRET, the data folder's own."""
        if self.given_secret is not None:
            return self.given_secret.get_secret_value().encode()
        return kept_secret(self.data, "secret", lambda: secrets.token_urlsafe(48)).encode()

    @property
    def fallback_secrets(self) -> tuple[bytes, ...]:
        """Earlier secrets, which verify and decrypt but never sign or encrypt."""
        return tuple(each.encode() for each in _secrets_in(self.given_fallbacks))

    def checked(self) -> Self:
        """Returns these settings if they are valid together. Raises SettingsError."""
        lines = self._production_lines() if self.is_production else []
        if (self.stripe_secret_key is None) != (self.stripe_webhook_secret is None):
            lines.append("BOOM_STRIPE_SECRET_KEY, BOOM_STRIPE_WEBHOOK_SECRET: set both or neither")
        if (self.inbound_mail_domain is None) != (self.inbound_mail_secret is None):
            lines.append("BOOM_INBOUND_MAIL_DOMAIN, BOOM_INBOUND_MAIL_SECRET: set both or neither")
        captcha = (self.captcha, self.captcha_site_key, self.captcha_secret)
        if len({each is None for each in captcha}) > 1:
            lines.append(
                "BOOM_CAPTCHA, BOOM_CAPTCHA_SITE_KEY, BOOM_CAPTCHA_SECRET: set all three or none"
            )
        if lines:
            raise SettingsError(*lines)
        return self

    def _production_lines(self) -> list[str]:
        """Returns the problems in production; those of the second part can be exempted."""
        lines = []
        if self.given_secret is None:
            lines.append(f"BOOM_SECRET: required in production; {_HOW_TO_MAKE_ONE}")
        if self.wants_demo:
            lines.append("BOOM_DEMO: must be 0 in production, because its passwords are public")
        if self.stripe_api_base is not None:
            lines.append("BOOM_STRIPE_API_BASE: must not be set in production")
        if self.outbound_loopback:
            lines.append("BOOM_OUTBOUND_LOOPBACK: must not be set in production")
        if self.captcha_address is not None:
            lines.append("BOOM_CAPTCHA_ADDRESS: must not be set in production")
        stripe_key = self.stripe_secret_key.get_secret_value() if self.stripe_secret_key else ""
        problems = {
            Exemption.WEAK_SECRET: self._weak_secret(),
            Exemption.EMBEDDED_DATABASE: self.database_url is None
            and self.app_database_url is None
            and "DATABASE_URL: required in production; every user of this machine is "
            "a superuser of the embedded PostgreSQL",
            Exemption.NO_MAIL: self.smtp_url is None
            and "BOOM_SMTP_URL: required in production; without it, no mail is sent",
            Exemption.NO_RATE_LIMIT: not self.rate_limit
            and "BOOM_RATE_LIMIT: must be on in production",
            Exemption.TEST_PAYMENTS: "_test_" in stripe_key
            and "BOOM_STRIPE_SECRET_KEY: is a test key, which takes no real payments",
            Exemption.HTTP_ORIGINS: any(each.startswith("http:") for each in self.allowed_origins)
            and "BOOM_ALLOWED_ORIGINS: must be https in production",
        }
        return lines + [
            f"{problem} (to accept it nevertheless: BOOM_ALLOW={exemption})"
            for exemption, problem in problems.items()
            if problem and exemption not in self.exemptions
        ]

    def _weak_secret(self) -> str | None:
        """Returns the problem of a secret that is easy to guess, or None."""
        if self.given_secret is not None and is_weak(self.given_secret.get_secret_value()):
            return f"BOOM_SECRET: is easy to guess; {_HOW_TO_MAKE_ONE}"
        # An attacker who guesses a fallback could sign valid tokens too.
        if any(is_weak(each) for each in _secrets_in(self.given_fallbacks)):
            return "BOOM_SECRET_FALLBACKS: one is easy to guess; leave it out"
        return None


def load_settings(**given: Any) -> Settings:
    """Loads the settings; arguments override the environment. Raises SettingsError.

    A variable that only looks like a setting is an error: misspelt, it would leave the default,
    which may be less safe, without a word.
    """
    lines = _unknown_variables()
    try:
        settings = Settings(**given).checked()
    except ValidationError as error:
        raise SettingsError(*lines, *(_line(detail) for detail in error.errors())) from None
    except SettingsError as error:
        raise SettingsError(*lines, *error.lines) from None
    if lines:
        raise SettingsError(*lines)
    return settings


def _unknown_variables() -> list[str]:
    sources = DotEnvSettingsSource(Settings), EnvSettingsSource(Settings)
    given = {name.upper(): value for each in sources for name, value in each.env_vars.items()}
    known = [str(field.validation_alias) for field in Settings.model_fields.values()]
    return unknown_variables(given, known)


def _line(detail: Any) -> str:
    # Without the value, which may be a password.
    reason = detail["msg"].removeprefix("Value error, ")
    return f"{detail['loc'][0]}: {reason[0].lower()}{reason[1:]}"
