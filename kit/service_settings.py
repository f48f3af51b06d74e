"""The settings of the services that an installation uses: mail, SMS, payments, models, …."""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_CONTACT: Final = re.compile(r"(mailto:[^\s@]+@|https://)[^\s@]+")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SMS: Final = re.compile(r"twilio://(AC|SK)\w+:[^@/]+@[^@/?]+(\?account=AC\w+(&token=\w+)?)?")
_PRIVATE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}=?")
_STORAGE: Final = re.compile(r"(s3|gs|az)://[^/]+|file:///.")
_SECRET_HEADER: Final = re.compile(r"[!-~]+")


class TokenPrice(NamedTuple):
    """What a model costs, in US dollars for a million tokens."""

    input: Decimal
    output: Decimal


def split(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def listed(value: object) -> object:
    return split(value) if isinstance(value, str) else value


def _contact(value: str | None) -> str | None:
    if value is not None and not _CONTACT.fullmatch(value):
        raise ValueError("must be mailto:… or https://…")
    return value


Contact = Annotated[str | None, AfterValidator(_contact)]


def _pairs(value: object) -> object:
    """Splits `a=1,b=2`."""
    if not isinstance(value, str):
        return value
    parts = [each.rpartition("=") for each in split(value)]
    pairs = [(name.strip(), given.strip()) for name, _, given in parts]
    if not all(name and given for name, given in pairs):
        raise ValueError("must be names with values, such as NAME=VALUE,NAME=VALUE")
    return dict(pairs)


def _prices(value: object) -> object:
    """Splits `model=input/output,…`."""
    pairs = _pairs(value)
    if not isinstance(pairs, dict) or not all(isinstance(each, str) for each in pairs.values()):
        return pairs
    prices = {}
    for model, given in pairs.items():
        try:
            of_input, of_output = map(Decimal, given.split("/"))
        except (InvalidOperation, ValueError):
            raise ValueError(
                "must be models with US dollars for a million tokens of input and of output, such "
                "as gpt-5.4-mini=0.75/4.50"
            ) from None
        if not (0 <= of_input < 10_000 and 0 <= of_output < 10_000):
            raise ValueError("must be prices from 0 to 9,999.99 dollars")
        prices[model] = TokenPrice(of_input, of_output)
    return prices


TokensByPlan = Annotated[dict[str, Annotated[int, Field(ge=0)]], NoDecode, BeforeValidator(_pairs)]


class ServiceSettings(BaseSettings):
    """The settings of services; without those of one, there is a local replacement."""

    model_config = SettingsConfigDict(populate_by_name=True)

    smtp_url: SecretStr | None = Field(None, validation_alias="BOOM_SMTP_URL")
    inbound_mail_domain: str | None = Field(None, validation_alias="BOOM_INBOUND_MAIL_DOMAIN")
    inbound_mail_secret: SecretStr | None = Field(None, validation_alias="BOOM_INBOUND_MAIL_SECRET")
    sms_url: SecretStr | None = Field(None, validation_alias="BOOM_SMS_URL")
    push_contact: Contact = Field(None, validation_alias="BOOM_PUSH_CONTACT")
    push_private_key: SecretStr | None = Field(None, validation_alias="BOOM_PUSH_PRIVATE_KEY")
    public_url: str | None = Field(None, validation_alias="BOOM_PUBLIC_URL")
    storage_url: str | None = Field(None, validation_alias="BOOM_STORAGE_URL")
    stripe_secret_key: SecretStr | None = Field(None, validation_alias="BOOM_STRIPE_SECRET_KEY")
    stripe_webhook_secret: SecretStr | None = Field(
        None, validation_alias="BOOM_STRIPE_WEBHOOK_SECRET"
    )
    stripe_api_base: str | None = Field(None, validation_alias="BOOM_STRIPE_API_BASE")
    captcha: Literal["turnstile", "hcaptcha", "recaptcha"] | None = Field(
        None, validation_alias="BOOM_CAPTCHA"
    )
    captcha_site_key: str | None = Field(None, validation_alias="BOOM_CAPTCHA_SITE_KEY")
    captcha_secret: SecretStr | None = Field(None, validation_alias="BOOM_CAPTCHA_SECRET")
    captcha_address: str | None = Field(None, validation_alias="BOOM_CAPTCHA_ADDRESS")
    assistant: bool = Field(True, validation_alias="BOOM_ASSISTANT")
    openai_api_key: SecretStr | None = Field(None, validation_alias="BOOM_OPENAI_API_KEY")
    openai_base_url: str | None = Field(None, validation_alias="BOOM_OPENAI_BASE_URL")
    openai_model: str = Field("gpt-5.4-mini", validation_alias="BOOM_OPENAI_MODEL")
    openai_embedding_model: str = Field(
        "text-embedding-3-small", validation_alias="BOOM_OPENAI_EMBEDDING_MODEL"
    )
    assistant_prices: Annotated[dict[str, TokenPrice], NoDecode, BeforeValidator(_prices)] = Field(
        {
            "gpt-5.4-mini": TokenPrice(Decimal("0.75"), Decimal("4.50")),
            "text-embedding-3-small": TokenPrice(Decimal("0.02"), Decimal(0)),
        },
        validation_alias="BOOM_ASSISTANT_PRICES",
    )
    assistant_daily_tokens: TokensByPlan = Field(
        {"PROFESSIONAL": 500_000, "ENTERPRISE": 5_000_000},
        validation_alias="BOOM_ASSISTANT_DAILY_TOKENS",
    )
    assistant_monthly_tokens: TokensByPlan = Field(
        {"PROFESSIONAL": 5_000_000, "ENTERPRISE": 50_000_000},
        validation_alias="BOOM_ASSISTANT_MONTHLY_TOKENS",
    )
    assistant_redacts: bool = Field(True, validation_alias="BOOM_ASSISTANT_REDACTS")

    @field_validator("public_url")
    @classmethod
    def _address_of_this(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be the address of this server, such as https://api.example.com")
        return value.rstrip("/")

    @field_validator("inbound_mail_domain")
    @classmethod
    def _domain(cls, value: str | None) -> str | None:
        if value is not None and not _DOMAIN.fullmatch(value):
            raise ValueError("must be a domain such as reply.example.com")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
                raise ValueError("must look like smtp://user:password@host:587 or smtps://…")
        return value

    @field_validator("sms_url")
    @classmethod
    def _sms_account(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SMS.fullmatch(value.get_secret_value()):
            raise ValueError("must look like twilio://AC…:token@+15005550006")
        return value

    @field_validator("push_private_key")
    @classmethod
    def _private_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _PRIVATE_KEY.fullmatch(value.get_secret_value()):
            raise ValueError("must be the 32 bytes of a key in base64url, 43 characters")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str | None) -> str | None:
        if value is not None and not _STORAGE.match(value):
            raise ValueError(
                "must look like s3://bucket/path, gs://bucket/path, az://account/container/path "
                "or file:///path"
            )
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _key_of_stripe(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("sk_", "rk_")):
            raise ValueError("must be a secret or restricted key of Stripe: sk_… or rk_…")
        return value

    @field_validator("stripe_webhook_secret")
    @classmethod
    def _webhook_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        given = split(value.get_secret_value()) if value is not None else ()
        if value is not None and not (given and all(each.startswith("whsec_") for each in given)):
            raise ValueError("must be whsec_…, or several of them separated by commas")
        return value

    @field_validator("stripe_api_base", "captcha_address")
    @classmethod
    def _on_this_machine(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).hostname not in {"127.0.0.1", "localhost"}:
            raise ValueError("is for tests, and must be on this machine")
        return value

    @field_validator("openai_api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _SECRET_HEADER.fullmatch(value.get_secret_value()):
            raise ValueError("must have no spaces, and only ASCII characters")
        return value

    @field_validator("openai_base_url")
    @classmethod
    def _of_an_api(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError("must be the address of an API, such as https://api.openai.com/v1")
        return value.rstrip("/")

    @property
    def stripe_webhook_secrets(self) -> tuple[str, ...]:
        """The secret of our endpoint, and that of the Connect endpoint if there is one."""
        if self.stripe_webhook_secret is None:
            return ()
        return split(self.stripe_webhook_secret.get_secret_value())
