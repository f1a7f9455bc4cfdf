// A TCP proxy that keeps WebSocket handshakes waiting until it is opened, so that a session stays on polling that long.

import { connect, createServer } from "node:net";

/** Listens in front of the server at `url`. */
export async function gateBefore(url) {
  const { hostname, port } = new URL(url);
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  const server = createServer(async (client) => {
    const upstream = connect(Number(port), hostname);
    for (const side of [client, upstream]) side.on("error", () => side.destroy()).setNoDelay(true);
    upstream.pipe(client);
    const first = await new Promise((resolve) => client.once("data", resolve));
    client.pause();
    if (/^upgrade: *websocket/im.test(first.toString("latin1"))) await opened;
    upstream.write(first);
    client.pipe(upstream);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, open, close: () => server.close() };
}
