"""A Redis inside this process, by fakeredis, with the faults that a test wants."""

from collections.abc import Callable
from uuid import uuid4

from fakeredis import FakeAsyncRedisConnection, FakeRedisConnection, FakeServer
from redis import ConnectionPool, Redis
from redis.asyncio import ConnectionPool as AsyncConnectionPool


class FakeRedis:
    """The Redis server of a test, a client of it, and its faults."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.url = f"redis://{uuid4().hex}:6379/0"
        self.connections = 0

    @property
    def client(self) -> Redis:
        """A client of the test's own."""
        return Redis.from_url(self.url)

    @property
    def connect(self) -> Callable[[ConnectionPool], FakeRedisConnection]:
        """The method by which a pool of redis-py makes its connections: to this server."""

        def make_connection(pool: ConnectionPool) -> FakeRedisConnection:
            self.connections += 1
            return FakeRedisConnection(server=self.server, **pool.connection_kwargs)

        return make_connection

    @property
    def connect_async(self) -> Callable[[AsyncConnectionPool], FakeAsyncRedisConnection]:
        """The same of a pool of redis.asyncio."""

        def make_connection(pool: AsyncConnectionPool) -> FakeAsyncRedisConnection:
            self.connections += 1
            return FakeAsyncRedisConnection(server=self.server, **pool.connection_kwargs)

        return make_connection

    def go_away(self) -> None:
        """Refuse connections and drop the open ones."""
        self.server.connected = False

    def come_back(self) -> None:
        """Take connections again, with all data."""
        self.server.connected = True

    def refuse(self) -> None:
        """Answer every command with an error: NOPERM."""
        self.client.acl_setuser("default", enabled=True, nopass=True, categories=["-@all"])
