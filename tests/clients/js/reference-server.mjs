// The contract of ../README.md on the original server, to try the client programs against it.
//
//     node reference-server.mjs 4 [port]      socket.io 4.8 with allowEIO3
//     node reference-server.mjs 2 [port]      socket.io 2.5
//
// A third argument is JSON: options on top. `"refuse": true` among them is an `allowRequest` that refuses all.
//
// Prints its URL once it listens.

import { createServer } from "node:http";
import { packages } from "./packages.mjs";

const [major = "4", port = "0", more = "{}"] = process.argv.slice(2);
const UNICODE = "Grüße, \u2028 世界 😀";

const http = createServer();
const io = makeServer(major);
const reasons = new Map(); // tag → [[namespace, reason], …]
const waiting = new Set(); // {tag, count, answer}

for (const path of ["/", "/custom", "/guarded"]) {
  const namespace = io.of(path);
  if (path === "/guarded") namespace.use(guard);
  namespace.on("connection", (socket) => serve(namespace, socket));
}
http.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));

function makeServer(version) {
  const { refuse, ...options } = { serveClient: false, ...JSON.parse(more) };
  if (refuse) options.allowRequest = (request, decide) => decide("no", false);
  if (version === "2") return packages("sioserver2")(http, options);
  return new (packages("sioserver4").Server)(http, { allowEIO3: true, ...options });
}

function guard(socket, next) {
  const token = socket.handshake.auth?.token ?? socket.handshake.query.token;
  if (token === "sesame") return next();
  if (token === undefined) return next(new Error("no token"));
  next(Object.assign(new Error("not authorized"), { data: { content: "retry" } }));
}

function serve(namespace, socket) {
  const tags = new Set();
  socket.on("echo", (...args) => socket.emit("echo", ...args));
  socket.on("echo plain", (...args) => socket.compress(false).emit("echo", ...args));
  socket.on("echo ack", (...args) => args.pop()(...args));
  socket.on("ask", (...args) => {
    socket.emit("question", ...args, (...answers) => socket.emit("answered", ...answers));
  });
  socket.on("burst", (count) => {
    for (let i = 0; i < count; i += 1) socket.emit("burst", i);
  });
  socket.on("unicode", () => socket.emit("unicode", UNICODE));
  socket.on("volatile", (value, answer) => {
    socket.volatile.emit("volatile", value);
    answer();
  });
  socket.on("whoami", (answer) => answer(socket.id));
  socket.on("join", async (room, answer) => {
    await new Promise((joined) => joined(socket.join(room)));
    answer();
  });
  socket.on("leave", async (room, answer) => {
    await new Promise((left) => left(socket.leave(room)));
    answer();
  });
  socket.on("to room", (room, ...args) => socket.to(room).emit("room message", room, ...args));
  socket.on("in room", (room, ...args) => namespace.to(room).emit("room message", room, ...args));
  socket.on("broadcast", (...args) => socket.broadcast.emit("broadcast message", ...args));
  socket.on("leave me", (close) => socket.disconnect(close));
  socket.on("record", (tag, answer) => {
    tags.add(tag);
    answer();
  });
  socket.on("reasons", (tag, count, answer) => {
    waiting.add({ tag, count, answer });
    answerWaiting();
  });
  socket.on("disconnect", (reason) => {
    for (const tag of tags) reasons.set(tag, [...(reasons.get(tag) ?? []), [namespace.name, reason]]);
    answerWaiting();
  });
}

function answerWaiting() {
  for (const wait of waiting) {
    const known = reasons.get(wait.tag) ?? [];
    if (known.length < wait.count) continue;
    waiting.delete(wait);
    wait.answer(known);
  }
}
