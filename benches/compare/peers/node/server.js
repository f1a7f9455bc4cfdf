// Node's socket.io on its own HTTP server. PORT is the port on 127.0.0.1.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const server = createServer();
const io = new Server(server, { serveClient: false });

io.on("connection", (socket) => {
  socket.on("echo", (what) => socket.emit("echo", what));
  socket.on("echo-json", (record) => socket.emit("echo-json", record));
  socket.on("echo-ack", (text, answer) => answer(text));
  socket.on("ping-bin", (bytes) => socket.emit("pong-bin", bytes));
  socket.on("bcast", (text) => io.emit("bcast", text));
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer("joined");
  });
  socket.on("room", (room, text) => io.to(room).emit("room", text));
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", 4096);
