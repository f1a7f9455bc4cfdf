// The checks, in the order of ../README.md. Each opens its own connections; client.mjs closes them.

import { deepStrictEqual as same, ok } from "node:assert";
import { gateBefore } from "./gate.mjs";

const UNICODE = "Grüße, \u2028 世界 😀";
const ORIGINAL = process.env.AXUM_SOCKETIO_ORIGINAL === "1";
const bytes = (...values) => Buffer.from(values);
let lastTag = 0;
const freshTag = () => `${process.pid}-${(lastTag += 1)}`;

// 1.x clients encode non-ASCII text twice when they send it by polling.
const sendsUnicode = (subject) => subject.version > 1 || subject.transports !== "polling";
// The parser of 2.x clients reads nothing but a text in the place of an error's data.
const readsDataOfErrors = (subject) => !subject.msgpack || subject.engineRevision === 4;
// The original doesn't escape what it sends to 1.x clients by polling.
const readsUnicode = (subject) => sendsUnicode(subject) || !ORIGINAL;

// By polling, msgpack is base64, which is a third longer than the bytes it stands for.
const large = (subject) => (subject.msgpack ? 600_000 : 900_000);

export const checks = [
  { name: "the transport is the one asked for", play: transport },
  { name: "text echo", play: (subject) => echo(subject, "hello") },
  { name: "unicode echo", applies: sendsUnicode, play: (subject) => echo(subject, UNICODE, { "ключ": "😀" }) },
  { name: "unicode from the server", applies: readsUnicode, play: unicodeFromTheServer },
  { name: "binary echo", play: (subject) => echo(subject, bytes(1, 2, 3, 255)) },
  { name: "empty binary echo", play: (subject) => echo(subject, bytes()) },
  { name: "nested binary echo", play: (subject) => echo(subject, ...nested()) },
  { name: "numbers, null and nested objects echo", play: (subject) => echo(subject, ...plain(subject)) },
  { name: "event without arguments", play: (subject) => echo(subject) },
  { name: "event with many arguments", play: (subject) => echo(subject, ...Array(30).keys()) },
  { name: "acknowledgement with text", play: (subject) => acknowledged(subject, "one", 2, { three: 3 }) },
  { name: "acknowledgement with binary", play: (subject) => acknowledged(subject, ...nested()) },
  { name: "acknowledgement without arguments", play: (subject) => acknowledged(subject) },
  { name: "the client acknowledges with text", play: (subject) => asked(subject, "one", 2, { three: 3 }) },
  { name: "the client acknowledges with binary", play: (subject) => asked(subject, ...nested()) },
  { name: "many acknowledgements find their callers", play: manyAcknowledgements },
  { name: "a room's members hear it, others don't", play: roomMembers },
  { name: "who left a room hears it no more", play: leftRoom },
  { name: "a broadcast to a room leaves the sender out", play: roomWithoutSender },
  { name: "a broadcast to all leaves the sender out", play: broadcast },
  { name: "a socket's own id is its room", play: ownRoom },
  { name: "two clients talk to each other", play: conversation },
  { name: "events in a namespace", play: namespaceEvents },
  { name: "two namespaces on one connection", play: twoNamespaces },
  { name: "namespaces keep rooms apart", play: roomsOfNamespaces },
  { name: "an unknown namespace is refused", play: unknownNamespace },
  { name: "a middleware refuses with a message", play: refusedWithMessage },
  { name: "a middleware refuses with data", applies: readsDataOfErrors, play: refusedWithData },
  { name: "what JSON has no form for", applies: (subject) => subject.msgpack, play: beyondJson },
  { name: "a middleware admits", play: admitted },
  { name: "the client leaves", play: clientLeaves },
  { name: "the client leaves one of two namespaces", play: clientLeavesOne },
  { name: "the server disconnects a socket", play: serverDisconnects },
  { name: "the server disconnects one of two namespaces", play: serverDisconnectsOne },
  { name: "the server closes the connection", play: serverCloses },
  { name: "the transport closes", play: transportCloses },
  { name: "1,000 events in order", play: manyEvents },
  { name: "1,000 events from the server in order", play: serverBurst },
  { name: "text and binary in order", play: interleaved },
  { name: "volatile events", play: volatileEvents },
  { name: "a large message", play: (subject) => echo(subject, "x".repeat(large(subject))) },
  { name: "a large binary message", play: (subject) => echo(subject, Buffer.alloc(600_000, 7)) },
  { name: "large messages one after the other", play: largeMessages },
  {
    name: "nothing is lost across the upgrade",
    applies: (subject) => subject.transports === "upgrade",
    play: acrossTheUpgrade,
  },
];

// ---- values -------------------------------------------------------------------------------------

function nested() {
  return ["before", { file: bytes(1), list: [bytes(2, 3), { deep: bytes() }], text: "x" }, bytes(4), null];
}

function plain(subject) {
  // In msgpack the client writes integers of more than 64 bits wrongly.
  const numbers = [0, -1, 1.5, 9007199254740991, subject.msgpack ? -9007199254740991 : 1e21];
  return [1, numbers, null, true, false, "", { a: { b: [{ c: null }, []], "": {} } }];
}

/** Buffers of any kind become one form, so that they compare by their bytes. */
function normal(value) {
  if (value instanceof ArrayBuffer) return normal(Buffer.from(value));
  if (ArrayBuffer.isView(value)) {
    return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (Array.isArray(value)) return value.map(normal);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, normal(inner)]));
}

function sameValues(actual, expected) {
  const [left, right] = [normal(actual), normal(expected)];
  if (JSON.stringify(right).length > 2_000) ok(JSON.stringify(left) === JSON.stringify(right), "a large value differs");
  else same(left, right);
}

// ---- events and acknowledgements ----------------------------------------------------------------

async function transport(subject) {
  const peer = await subject.open();
  same(peer.transport, subject.transports === "upgrade" ? "websocket" : subject.transports);
}

async function echo(subject, ...args) {
  const peer = await subject.open();
  peer.emit("echo", ...args);
  sameValues(await peer.next("echo"), args);
}

/** Read and written as values, so what is more than JSON becomes what it would be in JSON; but bytes of any make are bytes. */
async function beyondJson(subject) {
  const peer = await subject.open();
  const args = [new Date(1500), undefined, NaN, new Uint8Array([1, 2]), new Uint8Array([3]).buffer];
  sameValues(await peer.call("echo ack", ...args), ["1970-01-01T00:00:01.500Z", null, null, bytes(1, 2), bytes(3)]);
}

async function unicodeFromTheServer(subject) {
  const peer = await subject.open();
  peer.emit("unicode");
  same(await peer.next("unicode"), [UNICODE]);
}

async function acknowledged(subject, ...args) {
  const peer = await subject.open();
  sameValues(await peer.call("echo ack", ...args), args);
}

async function asked(subject, ...args) {
  const peer = await subject.open();
  peer.emit("ask", ...args);
  sameValues(await peer.next("answered"), args);
}

async function manyAcknowledgements(subject) {
  const peer = await subject.open();
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => peer.call("echo ack", i)));
  same(answers, Array.from({ length: 100 }, (_, i) => [i]));
}

// ---- rooms and broadcasts -----------------------------------------------------------------------

async function trio(subject) {
  return Promise.all([subject.open(), subject.open(), subject.open()]);
}

async function roomMembers(subject) {
  const [sender, member, stranger] = await trio(subject);
  const room = freshTag();
  await sender.call("join", room);
  await member.call("join", room);
  sender.emit("in room", room, "all", bytes(9));
  sameValues(await sender.next("room message"), [room, "all", bytes(9)]);
  sameValues(await member.next("room message"), [room, "all", bytes(9)]);
  await stranger.settle();
  same(stranger.unread("room message"), []);
}

async function leftRoom(subject) {
  const [sender, member, leaver] = await trio(subject);
  const room = freshTag();
  await member.call("join", room);
  await leaver.call("join", room);
  await leaver.call("leave", room);
  sender.emit("in room", room, "bye");
  same(await member.next("room message"), [room, "bye"]);
  await leaver.settle();
  same(leaver.unread("room message"), []);
}

async function roomWithoutSender(subject) {
  const [sender, member, stranger] = await trio(subject);
  const room = freshTag();
  await sender.call("join", room);
  await member.call("join", room);
  sender.emit("to room", room, "others");
  same(await member.next("room message"), [room, "others"]);
  await Promise.all([sender.settle(), stranger.settle()]);
  same([...sender.unread("room message"), ...stranger.unread("room message")], []);
}

async function broadcast(subject) {
  const [sender, ...others] = await trio(subject);
  const tag = freshTag();
  sender.emit("broadcast", tag);
  for (const other of others) same(await other.next("broadcast message"), [tag]);
  await sender.settle();
  same(sender.unread("broadcast message"), []);
}

async function ownRoom(subject) {
  const [sender, addressee, stranger] = await trio(subject);
  const [id] = await addressee.call("whoami");
  same(id, addressee.socket.id);
  sender.emit("to room", id, "for you");
  same(await addressee.next("room message"), [id, "for you"]);
  await Promise.all([sender.settle(), stranger.settle()]);
  same([...sender.unread("room message"), ...stranger.unread("room message")], []);
}

async function conversation(subject) {
  const [left, right] = await Promise.all([subject.open(), subject.open()]);
  for (let turn = 0; turn < 20; turn += 1) {
    const [speaker, listener] = turn % 2 === 0 ? [left, right] : [right, left];
    speaker.emit("to room", listener.socket.id, turn, bytes(turn));
    sameValues(await listener.next("room message"), [listener.socket.id, turn, bytes(turn)]);
  }
}

// ---- namespaces and middlewares -----------------------------------------------------------------

async function enterCustom(subject, peer) {
  const custom = subject.enter(peer, "/custom");
  await custom.next("connect");
  return custom;
}

async function namespaceEvents(subject) {
  const custom = await enterCustom(subject, await subject.open());
  custom.emit("echo", "here", bytes(1));
  sameValues(await custom.next("echo"), ["here", bytes(1)]);
  sameValues(await custom.call("echo ack", bytes(2), 3), [bytes(2), 3]);
  custom.emit("ask", 4, bytes(5));
  sameValues(await custom.next("answered"), [4, bytes(5)]);
  same(await custom.call("whoami"), [idOf(subject, custom)]);
}

/** The id the server gave the socket. 1.x clients leave the namespace out of it. */
function idOf(subject, peer) {
  return subject.version === 1 ? `${peer.socket.nsp}#${peer.socket.id}` : peer.socket.id;
}

async function twoNamespaces(subject) {
  const root = await subject.open();
  const custom = await enterCustom(subject, root);
  root.emit("echo", "root");
  custom.emit("echo", "custom");
  same(await root.next("echo"), ["root"]);
  same(await custom.next("echo"), ["custom"]);
  same([...root.unread("echo"), ...custom.unread("echo")], []);
}

async function roomsOfNamespaces(subject) {
  const root = await subject.open();
  const custom = await enterCustom(subject, root);
  const room = freshTag();
  await root.call("join", room);
  await custom.call("join", room);
  custom.emit("in room", room, "custom only");
  same(await custom.next("room message"), [room, "custom only"]);
  await root.settle();
  same(root.unread("room message"), []);
}

async function unknownNamespace(subject) {
  const peer = await subject.open();
  const [error] = await subject.enter(peer, "/nowhere").next("refused");
  const plainText = subject.engineRevision === 3 && !(ORIGINAL && error.message);
  same(plainText ? error : error.message, "Invalid namespace");
  peer.emit("echo", "still here");
  same(await peer.next("echo"), ["still here"]);
}

async function refusedWithMessage(subject) {
  const peer = await subject.open();
  const [error] = await subject.enter(peer, "/guarded").next("refused");
  if (subject.engineRevision === 3) return same(error, "no token");
  same([error.message, error.data], ["no token", undefined]);
}

async function refusedWithData(subject) {
  const peer = await subject.open();
  const [error] = await subject.enter(peer, "/guarded", "wrong").next("refused");
  if (subject.engineRevision === 3) return same(error, { content: "retry" });
  same([error.message, error.data], ["not authorized", { content: "retry" }]);
}

async function admitted(subject) {
  const guarded = subject.enter(await subject.open(), "/guarded", "sesame");
  await guarded.next("connect");
  guarded.emit("echo", "inside");
  same(await guarded.next("echo"), ["inside"]);
}

// ---- disconnections -----------------------------------------------------------------------------

/** Sockets whose disconnections the server notes, and how to ask for them over another connection. */
async function recorded(subject, ...namespaces) {
  const [control, root] = await Promise.all([subject.open(), subject.open()]);
  const tag = freshTag();
  await root.call("record", tag);
  const others = [];
  for (const namespace of namespaces) {
    const other = subject.enter(root, namespace);
    await other.next("connect");
    await other.call("record", tag);
    others.push(other);
  }
  const expectReasons = async (...expected) => {
    const [reasons] = await control.call("reasons", tag, expected.length);
    same(reasons.sort(), expected);
  };
  return { root, others, expectReasons };
}

async function clientLeaves(subject) {
  const { root, expectReasons } = await recorded(subject);
  root.socket.disconnect();
  same((await root.next("disconnect"))[0], "io client disconnect");
  await expectReasons(["/", "client namespace disconnect"]);
}

async function clientLeavesOne(subject) {
  const { root, others: [custom], expectReasons } = await recorded(subject, "/custom");
  custom.socket.disconnect();
  same((await custom.next("disconnect"))[0], "io client disconnect");
  await expectReasons(["/custom", "client namespace disconnect"]);
  root.emit("echo", "still here");
  same(await root.next("echo"), ["still here"]);
}

async function serverDisconnects(subject) {
  const { root, expectReasons } = await recorded(subject);
  root.emit("leave me", false);
  same((await root.next("disconnect"))[0], "io server disconnect");
  await expectReasons(["/", "server namespace disconnect"]);
}

async function serverDisconnectsOne(subject) {
  const { root, others: [custom], expectReasons } = await recorded(subject, "/custom");
  custom.emit("leave me", false);
  same((await custom.next("disconnect"))[0], "io server disconnect");
  await expectReasons(["/custom", "server namespace disconnect"]);
  root.emit("echo", "still here");
  same(await root.next("echo"), ["still here"]);
}

async function serverCloses(subject) {
  const { root, others: [custom], expectReasons } = await recorded(subject, "/custom");
  root.emit("leave me", true);
  same((await root.next("disconnect"))[0], "io server disconnect");
  same((await custom.next("disconnect"))[0], "io server disconnect");
  await expectReasons(["/", "server namespace disconnect"], ["/custom", "server namespace disconnect"]);
}

async function transportCloses(subject) {
  const { root, others: [custom], expectReasons } = await recorded(subject, "/custom");
  root.hangUp();
  same((await root.next("disconnect"))[0], "forced close");
  same((await custom.next("disconnect"))[0], "forced close");
  await expectReasons(["/", "transport close"], ["/custom", "transport close"]);
}

// ---- order and loss -----------------------------------------------------------------------------

async function manyEvents(subject) {
  const peer = await subject.open();
  for (let i = 0; i < 1_000; i += 1) peer.emit("echo", i);
  for (let i = 0; i < 1_000; i += 1) same(await peer.next("echo"), [i]);
}

async function serverBurst(subject) {
  const peer = await subject.open();
  peer.emit("burst", 1_000);
  for (let i = 0; i < 1_000; i += 1) same(await peer.next("burst"), [i]);
}

async function interleaved(subject) {
  const peer = await subject.open();
  for (let i = 0; i < 200; i += 1) {
    peer.emit("echo", i);
    peer.emit("echo", i, bytes(i), { also: bytes(i, 1) });
  }
  for (let i = 0; i < 200; i += 1) {
    same(await peer.next("echo"), [i]);
    sameValues(await peer.next("echo"), [i, bytes(i), { also: bytes(i, 1) }]);
  }
}

async function largeMessages(subject) {
  const peer = await subject.open();
  const large = (i) => String(i).repeat(150_000);
  for (let i = 0; i < 5; i += 1) peer.emit("echo", large(i), i);
  for (let i = 0; i < 5; i += 1) sameValues(await peer.next("echo"), [large(i), i]);
}

/** Any of them may be dropped, none may come twice or late; and when one is tried often enough, one arrives. */
async function volatileEvents(subject) {
  const peer = await subject.open();
  const arrived = [];
  for (let i = 0; i < 20 || arrived.length === 0; i += 1) {
    await peer.call("volatile", i);
    arrived.push(...peer.unread("volatile").map(([value]) => value));
    ok(arrived.every((value, at) => at === 0 || value > arrived[at - 1]), `out of order: ${arrived}`);
  }
}

/** Numbers go round from before the upgrade until well after it, some of them always under way. */
async function acrossTheUpgrade(subject) {
  const [UNDER_WAY, BEFORE, AFTER] = [8, 100, 100];
  const gate = await gateBefore(subject.url);
  const peer = subject.dial(gate.url);
  await peer.next("connect");
  let [sent, received, last] = [0, 0, Infinity];
  peer.upgraded.then(() => (last = sent + AFTER));
  while (received < last) {
    while (sent < Math.min(received + UNDER_WAY, last)) peer.emit("echo", sent++);
    same(await peer.next("echo"), [received]);
    received += 1;
    if (received === BEFORE) {
      same(peer.transport, "polling");
      peer.emit("burst", 200);
      gate.open();
    }
  }
  same(peer.transport, "websocket");
  for (let i = 0; i < 200; i += 1) same(await peer.next("burst"), [i]);
  gate.close();
}
