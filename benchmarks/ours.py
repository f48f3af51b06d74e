"""The product, as in production: only that nobody's bucket of points is ever empty.

Points are charged all the same; one login that asks without pause would soon be refused.
"""

from functools import partial

from starlette.applications import Starlette

import app
from execution import caller_rate_limit
from kit.security.token_bucket import Bucket
from web.server.connection_limits import BoundedProtocol, Connections

protocol = partial(BoundedProtocol, connections=Connections(of_address=None))
"""How the product speaks HTTP."""


def create_app() -> Starlette:
    caller_rate_limit.BUCKETS.update(dict.fromkeys(caller_rate_limit.BUCKETS, Bucket(10**9, 10**9)))
    # Which is built once, in the background, by programs that would take a processor meanwhile.
    return app.create_app(with_graphiql=False)
