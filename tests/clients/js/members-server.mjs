// Members of the server that the contract of ../README.md doesn't need, on the original server: packet middlewares, namespace middlewares,
// dynamic namespaces, the `error` event. tests/differential/members.rs has the same on this one.
//
//     node members-server.mjs 4 [port]      socket.io 4.8 with allowEIO3
//     node members-server.mjs 2 [port]      socket.io 2.5
//
// With a third argument, `guarded`, a middleware of `/` lets in who asks for `/admit` next, and refuses who asks for `/refuse`.
//
// Prints its URL once it listens.

import { createServer } from "node:http";
import { packages } from "./packages.mjs";

const [major = "4", port = "0", guarded] = process.argv.slice(2);

const http = createServer();
const io = makeServer(major);
const heard = []; // what was told to nobody in particular

io.on("connection", (socket) => {
  socket.on("error", (error) => heard.push(`error: ${error.message}`));
  socket.on("disconnect", (reason) => heard.push(`disconnect: ${reason}`));
  socket.on("leave", (close) => socket.disconnect(close));
  // What others have told so far.
  socket.on("heard", (count, answer) => tell(count, answer));
});

packetMiddlewares(io.of("/packets"));
entry(io.of("/entry"));
dynamic(io.of(/^\/dynamic-\d+$/));
io.of((name, auth, next) => next(auth.token === "broken" ? new Error("no") : null, auth.token === "sesame")).on("connection", (socket) => {
  socket.emit("asked", socket.nsp.name);
});
if (guarded) guard();

http.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));

function makeServer(version) {
  if (version === "2") return packages("sioserver2")(http, { serveClient: false, cookie: false });
  return new (packages("sioserver4").Server)(http, { serveClient: false, allowEIO3: true });
}

function tell(count, answer) {
  if (heard.length < count) return setTimeout(tell, 10, count, answer);
  answer(...heard.splice(0));
}

function guard() {
  const waiting = [];
  io.use((socket, next) => waiting.push(next));
  io.of((name, auth, next) => {
    // Nobody is told.
    if (name === "/admit") return waiting.shift()();
    if (name === "/refuse") return waiting.shift()(new Error("refused"));
    next(null, false);
  });
}

function packetMiddlewares(namespace) {
  namespace.on("connection", (socket) => {
    const waiting = [];
    socket.use((event, next) => {
      if (event[0] === "refuse") return next(new Error("refused"));
      if (event[0] === "refuse with data") return next(Object.assign(new Error("refused"), { data: { code: 7 } }));
      if (event[0] === "slow") return waiting.push(next);
      if (event[0] === "release") waiting.forEach((release) => release());
      next();
    });
    socket.use((event, next) => {
      if (event[0] === "rename") event.splice(0, 2, "renamed", "changed", 1);
      next();
    });
    socket.on("error", (error) => socket.emit("error heard", error.message));
    for (const name of ["plain", "refuse", "refuse with data", "slow", "quick", "renamed"]) {
      socket.on(name, (...args) => {
        if (typeof args.at(-1) === "function") args.pop()("answered");
        socket.emit("heard", name, ...args);
      });
    }
  });
}

function entry(namespace) {
  namespace.use((socket, next) => {
    socket.emit("early", 1);
    next();
  });
  namespace.use((socket, next) => {
    const { token } = { ...socket.handshake.query, ...socket.handshake.auth };
    if (token === "bad") return next(new Error("bad token"));
    if (token === "worse") return next(Object.assign(new Error("worse token"), { data: [1, "two"] }));
    next();
  });
  namespace.use((socket, next) => {
    socket.emit("early", 2);
    next();
  });
  namespace.on("connection", (socket) => socket.emit("welcome"));
}

function dynamic(parent) {
  parent.use((socket, next) => next(socket.handshake.query.no || socket.handshake.auth?.no ? new Error("not here") : undefined));
  parent.on("connection", (socket) => {
    socket.emit("child", socket.nsp.name);
    socket.on("to all", (...args) => parent.emit("from parent", ...args));
    socket.on("to siblings", (...args) => socket.nsp.emit("from child", ...args));
  });
}
