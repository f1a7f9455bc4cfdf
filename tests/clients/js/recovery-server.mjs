// A server with connection state recovery, on the original one. tests/differential/recovery.rs has the same on this one.
//
//     node recovery-server.mjs [port] [msgpack]      socket.io 4.8, perhaps with its parser for msgpack
//
// Prints its URL once it listens.

import { createServer } from "node:http";
import { packages } from "./packages.mjs";

const [port = "0", format] = process.argv.slice(2);
const parser = format === "msgpack" ? { parser: packages("msgpack3") } : {};

const http = createServer();
const io = new (packages("sioserver4").Server)(http, { serveClient: false, connectionStateRecovery: {}, ...parser });

io.use((socket, next) => {
  socket.data.middlewares = (socket.data.middlewares ?? 0) + 1;
  next();
});
io.on("connection", (socket) => {
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer();
  });
  socket.on("tell", (room, name, args) => io.to(room).emit(name, ...args));
  socket.on("members", async (room, answer) => answer((await io.in(room).fetchSockets()).length));
  socket.on("who am I", (answer) => answer(socket.recovered, [...socket.rooms].slice(1), socket.data.middlewares));
});

http.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${http.address().port}`));
