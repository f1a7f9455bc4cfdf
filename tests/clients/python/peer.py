"""One namespace of one connection, with its events as queues: ``await peer.next("echo")`` is the next one."""

import asyncio
import os
from collections import defaultdict

import engineio
import socketio

EVENTS = [
    "echo", "answered", "burst", "unicode", "volatile", "room message", "broadcast message", "connect", "disconnect",
]

if os.environ.get("AXUM_SOCKETIO_ORIGINAL") == "1":
    # These clients refuse polling responses of more than 16 packets, which the original sends all the same.
    engineio.payload.Payload.max_decode_packets = 1_000_000


class Subject:
    """What the client under test is: its generation, its transports, and the server's URL."""

    def __init__(self, generation, transports, url):
        self.generation = generation
        self.transports = transports
        self.url = url
        self.connections = []

    async def open(self, *namespaces, token=None):
        """A connection of its own, connected to `/` and these namespaces: a peer for each."""
        peers = await self.dial("/", *namespaces, token=token)
        for peer in peers:
            await peer.next("connect")
        return peers if namespaces else peers[0]

    async def dial(self, *namespaces, token=None):
        """A connection whose namespaces may still be on their way."""
        connection = socketio.AsyncClient(reconnection=False)
        self.connections.append(connection)
        peers = [Peer(connection, namespace) for namespace in namespaces]
        transports = ["polling", "websocket"] if self.transports == "upgrade" else [self.transports]
        if self.generation == 4:
            queried = [f"{name}?token={token}" if token and name != "/" else name for name in namespaces]
            await connection.connect(self.url, transports=transports, namespaces=queried)
        else:
            auth = token and {"token": token}
            await connection.connect(
                self.url, transports=transports, namespaces=list(namespaces), auth=auth, wait=False
            )
        return peers

    async def close_all(self):
        """Closes whatever a check left open."""
        connections, self.connections = self.connections, []
        for connection in connections:
            await connection.disconnect()


class Peer:
    """A client socket."""

    def __init__(self, connection, namespace):
        self.connection = connection
        self.namespace = namespace
        self.queues = defaultdict(asyncio.Queue)
        for event in EVENTS:
            connection.on(event, self._arrival(event), namespace=namespace)
        connection.on("connect_error", self._arrival("refused"), namespace=namespace)
        connection.on("question", lambda *args: args, namespace=namespace)

    def _arrival(self, event):
        return lambda *args: self.queues[event].put_nowait(list(args))

    async def next(self, event):
        """The arguments of the next event of this name, come or to come."""
        return await self.queues[event].get()

    def unread(self, event):
        """Everything of this name that arrived and nobody asked for."""
        return [self.queues[event].get_nowait() for _ in range(self.queues[event].qsize())]

    async def emit(self, event, *args):
        """Emits an event."""
        await self.connection.emit(event, tuple(args), namespace=self.namespace)

    async def call(self, event, *args):
        """Emits and waits for the acknowledgement's arguments."""
        answered = asyncio.get_running_loop().create_future()
        callback = lambda *answer: answered.set_result(list(answer))
        await self.connection.emit(event, tuple(args), namespace=self.namespace, callback=callback)
        return await answered

    async def settle(self):
        """When this returns, whatever the server sent before it has arrived."""
        await self.call("whoami")

    @property
    def transport(self):
        """The name of the transport in use."""
        return self.connection.eio.transport()

    async def hang_up(self):
        """Closes the connection below, without leaving any namespace."""
        await self.connection.eio.disconnect()
