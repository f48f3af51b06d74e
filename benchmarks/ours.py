"""The product as in production, except that no token bucket is ever empty.

Points are charged, but a single login that sends requests without a pause would soon be refused.
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
    # GraphiQL is built in the background, by programs that would use a CPU meanwhile.
    return app.create_app(with_graphiql=False)
