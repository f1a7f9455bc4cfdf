// A client that loses its connection and comes back, on a server like recovery-server.mjs; prints what it sees.
//
//     node recovery.mjs <url> polling|websocket [msgpack]

import { packages } from "./packages.mjs";

const [url, transport, format] = process.argv.slice(2);
const { io } = packages("sio4");
const options = { transports: [transport], forceNew: true, reconnection: false, ...(format === "msgpack" && { parser: packages("msgpack3") }) };

const other = await connected(io(url, options));
const socket = io(url, options);
socket.onAny((name, ...args) => console.log("heard", JSON.stringify([name, ...args.slice(0, -1)]), typeof args.at(-1)));
await connected(socket);
await who();
await socket.emitWithAck("join", "room");

tell("room", "before", 1);
tell("elsewhere", "not for it", 0);
await heard("before");

const id = socket.id;
socket.io.engine.close();
while ((await other.emitWithAck("members", "room")) > 0);
tell("room", "missed", 1, { two: [2] });
tell("elsewhere", "not for it", 0);
tell(id, "missed alone", Buffer.from([1, 2, 3]));
tell("room", "missed at last", "three");
await other.emitWithAck("members", "room");

await connected(socket.connect());
console.log("same id", socket.id === id);
await who();
tell("room", "after", 1);
await heard("after");

console.log("good-bye");
socket.disconnect();
while ((await other.emitWithAck("members", "room")) > 0);
tell("room", "not for it", 0);
await connected(socket.connect());
console.log("same id", socket.id === id);
await who();
other.disconnect();
socket.disconnect();

function tell(room, name, ...args) {
  other.emit("tell", room, name, args);
}

async function who() {
  console.log("recovered", socket.recovered, JSON.stringify(await new Promise((told) => socket.emit("who am I", (...all) => told(all)))));
}

function connected(peer) {
  return new Promise((done) => peer.once("connect", () => done(peer)));
}

function heard(name) {
  return new Promise((done) => socket.once(name, done));
}
