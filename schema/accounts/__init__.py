"""The API of accounts: people who log in, and keys."""

from typing import Final

from schema.accounts.api_keys import ApiKeyMutations, ApiKeyQueries
from schema.accounts.sessions import SessionMutations, SessionQueries
from schema.accounts.users import UserMutations, UserQueries
from schema.core.areas import Area

AREA: Final = Area(
    queries=(UserQueries, SessionQueries, ApiKeyQueries),
    mutations=(SessionMutations, UserMutations, ApiKeyMutations),
)
