"""The checks, in the order of ../README.md. Each opens its own connections; client.py closes them."""

import asyncio
import itertools
import os

UNICODE = "Grüße, \u2028 世界 😀"
ORIGINAL = os.environ.get("AXUM_SOCKETIO_ORIGINAL") == "1"
NESTED = ("before", {"file": b"\x01", "list": [b"\x02\x03", {"deep": b"\x05"}], "text": "x"}, b"\x04", None)
PLAIN = (1, [0, -1, 1.5, 9007199254740991, 1e21], None, True, False, "", {"a": {"b": [{"c": None}, []], "": {}}})

SKIPPED = object()

tags = itertools.count()


def fresh_tag():
    return f"{os.getpid()}-{next(tags)}"


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {str(expected)[:500]}, got {str(actual)[:500]}")


def since(generation, play):
    """A check that older clients can't pass, whatever the server does."""

    async def maybe(subject):
        if subject.generation < generation:
            return SKIPPED
        return await play(subject)

    return maybe


# ---- events and acknowledgements ----------------------------------------------------------------


async def transport(subject):
    peer = await subject.open()
    same(peer.transport, "websocket" if subject.transports == "upgrade" else subject.transports)


def echo(*args):
    async def play(subject):
        peer = await subject.open()
        await peer.emit("echo", *args)
        same(await peer.next("echo"), list(args))

    return play


async def unicode_from_the_server(subject):
    peer = await subject.open()
    await peer.emit("unicode")
    same(await peer.next("unicode"), [UNICODE])


def acknowledged(*args):
    async def play(subject):
        peer = await subject.open()
        same(await peer.call("echo ack", *args), list(args))

    return play


def asked(*args):
    async def play(subject):
        peer = await subject.open()
        await peer.emit("ask", *args)
        same(await peer.next("answered"), list(args))

    return play


async def many_acknowledgements(subject):
    peer = await subject.open()
    answers = await asyncio.gather(*(peer.call("echo ack", i) for i in range(100)))
    same(answers, [[i] for i in range(100)])


# ---- rooms and broadcasts -----------------------------------------------------------------------


async def trio(subject):
    return await asyncio.gather(*(subject.open() for _ in range(3)))


async def room_members(subject):
    sender, member, stranger = await trio(subject)
    room = fresh_tag()
    await sender.call("join", room)
    await member.call("join", room)
    await sender.emit("in room", room, "all", b"\x09")
    same(await sender.next("room message"), [room, "all", b"\x09"])
    same(await member.next("room message"), [room, "all", b"\x09"])
    await stranger.settle()
    same(stranger.unread("room message"), [])


async def left_room(subject):
    sender, member, leaver = await trio(subject)
    room = fresh_tag()
    await member.call("join", room)
    await leaver.call("join", room)
    await leaver.call("leave", room)
    await sender.emit("in room", room, "bye")
    same(await member.next("room message"), [room, "bye"])
    await leaver.settle()
    same(leaver.unread("room message"), [])


async def room_without_sender(subject):
    sender, member, stranger = await trio(subject)
    room = fresh_tag()
    await sender.call("join", room)
    await member.call("join", room)
    await sender.emit("to room", room, "others")
    same(await member.next("room message"), [room, "others"])
    await asyncio.gather(sender.settle(), stranger.settle())
    same(sender.unread("room message") + stranger.unread("room message"), [])


async def broadcast(subject):
    sender, *others = await trio(subject)
    tag = fresh_tag()
    await sender.emit("broadcast", tag)
    for other in others:
        same(await other.next("broadcast message"), [tag])
    await sender.settle()
    same(sender.unread("broadcast message"), [])


async def own_room(subject):
    sender, addressee, stranger = await trio(subject)
    [identity] = await addressee.call("whoami")
    if subject.generation == 5:
        same(identity, addressee.connection.get_sid())
    await sender.emit("to room", identity, "for you")
    same(await addressee.next("room message"), [identity, "for you"])
    await asyncio.gather(sender.settle(), stranger.settle())
    same(sender.unread("room message") + stranger.unread("room message"), [])


async def conversation(subject):
    pair = await asyncio.gather(subject.open(), subject.open())
    ids = [(await peer.call("whoami"))[0] for peer in pair]
    for turn in range(20):
        speaker, listener, listener_id = pair[turn % 2], pair[1 - turn % 2], ids[1 - turn % 2]
        await speaker.emit("to room", listener_id, turn, bytes([turn]))
        same(await listener.next("room message"), [listener_id, turn, bytes([turn])])


# ---- namespaces and middlewares -----------------------------------------------------------------


async def namespace_events(subject):
    _, custom = await subject.open("/custom")
    await custom.emit("echo", "here", b"\x01")
    same(await custom.next("echo"), ["here", b"\x01"])
    same(await custom.call("echo ack", b"\x02", 3), [b"\x02", 3])
    await custom.emit("ask", 4, b"\x05")
    same(await custom.next("answered"), [4, b"\x05"])


async def two_namespaces(subject):
    root, custom = await subject.open("/custom")
    await root.emit("echo", "root")
    await custom.emit("echo", "custom")
    same(await root.next("echo"), ["root"])
    same(await custom.next("echo"), ["custom"])
    same(root.unread("echo") + custom.unread("echo"), [])


async def rooms_of_namespaces(subject):
    root, custom = await subject.open("/custom")
    room = fresh_tag()
    await root.call("join", room)
    await custom.call("join", room)
    await custom.emit("in room", room, "custom only")
    same(await custom.next("room message"), [room, "custom only"])
    await root.settle()
    same(root.unread("room message"), [])


async def unknown_namespace(subject):
    root, nowhere = await subject.dial("/", "/nowhere")
    await root.next("connect")
    refusal = await nowhere.next("refused")
    lenient = ORIGINAL and refusal == [{"message": "Invalid namespace"}]
    if not (subject.generation == 4 and lenient):
        same(refusal, ["Invalid namespace"] if subject.generation == 4 else [{"message": "Invalid namespace"}])
    await root.emit("echo", "still here")
    same(await root.next("echo"), ["still here"])


async def refused_with_message(subject):
    _, guarded = await subject.dial("/", "/guarded")
    same(await guarded.next("refused"), ["no token"] if subject.generation == 4 else [{"message": "no token"}])


async def refused_with_data(subject):
    _, guarded = await subject.dial("/", "/guarded", token="wrong")
    data = {"content": "retry"}
    expected = data if subject.generation == 4 else {"message": "not authorized", "data": data}
    same(await guarded.next("refused"), [expected])


async def admitted(subject):
    _, guarded = await subject.open("/guarded", token="sesame")
    await guarded.emit("echo", "inside")
    same(await guarded.next("echo"), ["inside"])


# ---- disconnections -----------------------------------------------------------------------------


async def recorded(subject, *namespaces):
    """Sockets whose disconnections the server notes, and how to ask for them over another connection."""
    control = await subject.open()
    peers = await subject.dial("/", *namespaces)
    tag = fresh_tag()
    for peer in peers:
        await peer.next("connect")
        await peer.call("record", tag)

    async def expect_reasons(*expected):
        [reasons] = await control.call("reasons", tag, len(expected))
        same([namespace for namespace, _ in sorted(reasons)], [namespace for namespace, _ in expected])
        for (_, reason), (_, allowed) in zip(sorted(reasons), expected):
            same(reason in ({allowed} if isinstance(allowed, str) else allowed) or reason, True)

    return peers, expect_reasons


async def expect_disconnect(subject, peer, reason):
    """The 4.x clients don't tell why."""
    same(await peer.next("disconnect"), [reason] if subject.generation == 5 else [])


async def client_leaves(subject):
    """The clients drop a WebSocket without writing their last packets, and 4.x any connection."""
    [root, custom], expect_reasons = await recorded(subject, "/custom")
    await root.connection.disconnect()
    if subject.generation == 5:
        await expect_disconnect(subject, root, "client disconnect")
        await expect_disconnect(subject, custom, "client disconnect")
    allowed = {"client namespace disconnect", "transport close"}
    if subject.generation == 4:
        allowed |= {"transport error"}
    await expect_reasons(("/", allowed), ("/custom", allowed))


async def server_disconnects(subject):
    [root], expect_reasons = await recorded(subject)
    await root.emit("leave me", False)
    await expect_disconnect(subject, root, "server disconnect")
    await expect_reasons(("/", "server namespace disconnect"))


async def server_disconnects_one(subject):
    [root, custom], expect_reasons = await recorded(subject, "/custom")
    await custom.emit("leave me", False)
    await expect_disconnect(subject, custom, "server disconnect")
    await expect_reasons(("/custom", "server namespace disconnect"))
    await root.emit("echo", "still here")
    same(await root.next("echo"), ["still here"])


async def server_closes(subject):
    [root, custom], expect_reasons = await recorded(subject, "/custom")
    await root.emit("leave me", True)
    await expect_disconnect(subject, root, "server disconnect")
    await expect_disconnect(subject, custom, "server disconnect")
    await expect_reasons(("/", "server namespace disconnect"), ("/custom", "server namespace disconnect"))


async def transport_closes(subject):
    [root, _], expect_reasons = await recorded(subject, "/custom")
    await root.hang_up()
    await expect_reasons(("/", "transport close"), ("/custom", "transport close"))


# ---- order and loss -----------------------------------------------------------------------------


async def many_events(subject):
    peer = await subject.open()
    for i in range(1_000):
        await peer.emit("echo", i)
    for i in range(1_000):
        same(await peer.next("echo"), [i])


async def server_burst(subject):
    peer = await subject.open()
    await peer.emit("burst", 1_000)
    for i in range(1_000):
        same(await peer.next("burst"), [i])


async def interleaved(subject):
    peer = await subject.open()
    pairs = [([i], [i, bytes([i]), {"also": bytes([i, 1])}]) for i in range(200)]
    for text, binary in pairs:
        await peer.emit("echo", *text)
        await peer.emit("echo", *binary)
    for text, binary in pairs:
        same(await peer.next("echo"), text)
        same(await peer.next("echo"), binary)


async def volatile_events(subject):
    """Any of them may be dropped, none may come twice or late; and when one is tried often enough, one arrives."""
    peer = await subject.open()
    arrived = []
    attempts = itertools.count()
    while len(arrived) == 0 or next(attempts) < 20:
        await peer.call("volatile", next(attempts))
        arrived += [value for [value] in peer.unread("volatile")]
        same(arrived, sorted(set(arrived)))


CHECKS = [
    ("the transport is the one asked for", transport),
    ("text echo", echo("hello")),
    ("unicode echo", echo(UNICODE, {"ключ": "😀"})),
    ("unicode from the server", unicode_from_the_server),
    ("binary echo", echo(b"\x01\x02\x03\xff")),
    ("empty binary echo", since(5, echo(b""))),
    ("nested binary echo", echo(*NESTED)),
    ("numbers, null and nested objects echo", echo(*PLAIN)),
    ("event without arguments", echo()),
    ("event with many arguments", echo(*range(30))),
    ("acknowledgement with text", acknowledged("one", 2, {"three": 3})),
    ("acknowledgement with binary", acknowledged(*NESTED)),
    ("acknowledgement without arguments", acknowledged()),
    ("the client acknowledges with text", asked("one", 2, {"three": 3})),
    ("the client acknowledges with binary", asked(*NESTED)),
    ("many acknowledgements find their callers", many_acknowledgements),
    ("a room's members hear it, others don't", room_members),
    ("who left a room hears it no more", left_room),
    ("a broadcast to a room leaves the sender out", room_without_sender),
    ("a broadcast to all leaves the sender out", broadcast),
    ("a socket's own id is its room", own_room),
    ("two clients talk to each other", conversation),
    ("events in a namespace", namespace_events),
    ("two namespaces on one connection", two_namespaces),
    ("namespaces keep rooms apart", rooms_of_namespaces),
    ("an unknown namespace is refused", unknown_namespace),
    ("a middleware refuses with a message", refused_with_message),
    ("a middleware refuses with data", refused_with_data),
    ("a middleware admits", admitted),
    ("the client leaves", client_leaves),
    ("the server disconnects a socket", server_disconnects),
    ("the server disconnects one of two namespaces", server_disconnects_one),
    ("the server closes the connection", server_closes),
    ("the transport closes", transport_closes),
    ("1,000 events in order", many_events),
    ("1,000 events from the server in order", server_burst),
    ("text and binary in order", interleaved),
    ("volatile events", volatile_events),
    ("a large message", echo("x" * 900_000)),
    ("a large binary message", echo(b"\x07" * 600_000)),
]
