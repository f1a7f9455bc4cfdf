// What npm `ws` and the Socket.IO clients see of our compression.
//
//     node deflate.mjs <check> <ws://…/socket.io/> <parameters>
//
// The parameters are JSON: what the server was told, as options of `ws`; see ../../deflate/node.rs. Prints `SEED=…` on standard error.

import { deepStrictEqual as same, ok } from "node:assert";

import { play } from "../../support/checks.mjs";
import { packages } from "./packages.mjs";
import { messages, random, seed, split } from "./ws-messages.mjs";
import { join, once, url } from "./ws-peer.mjs";

const [name, , parameters] = process.argv.slice(2);
const server = JSON.parse(parameters);
const HEAD = '451-["echo",{"_placeholder":true,"num":0}]';

/** All that a client may ask for: every value of each option with every one of the others. */
function* offers() {
  const windows = [undefined, 8, 9, 10, 11, 12, 13, 14, 15];
  for (const serverMaxWindowBits of windows) {
    for (const clientMaxWindowBits of [...windows, true, false]) {
      for (const serverNoContextTakeover of [true, false]) {
        for (const clientNoContextTakeover of [true, undefined]) {
          yield { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits };
        }
      }
    }
  }
}

/** What is agreed on (RFC 7692 §7.1), from what the client offers and the server was told; undefined if nothing is. */
function agreement(client) {
  const ours = Math.min(client.serverMaxWindowBits ?? 15, server.serverMaxWindowBits);
  if (client.serverMaxWindowBits === 8) return undefined;
  if (client.clientMaxWindowBits === false && server.clientMaxWindowBits < 15) return undefined;
  const offered = typeof client.clientMaxWindowBits === "number" ? client.clientMaxWindowBits : 15;
  const theirs = Math.min(offered, server.clientMaxWindowBits);
  const agreed = {};
  if (server.serverNoContextTakeover || client.serverNoContextTakeover) agreed.server_no_context_takeover = true;
  if (server.clientNoContextTakeover || client.clientNoContextTakeover) agreed.client_no_context_takeover = true;
  if (client.serverMaxWindowBits || ours < 15) agreed.server_max_window_bits = ours;
  if (theirs < 15) agreed.client_max_window_bits = theirs;
  // What `ws` fills in if it isn't said.
  else if (typeof client.clientMaxWindowBits === "number") agreed.client_max_window_bits = offered;
  return agreed;
}

const checks = {
  async every_combination_comes_back_byte_for_byte() {
    let count = 0;
    for (const offer of offers()) {
      const perMessageDeflate = { ...offer, threshold: (count += 1) % 2 ? 0 : 1024 };
      const peer = await join({ perMessageDeflate });
      const agreed = agreement(offer);
      const extension = peer.socket._extensions["permessage-deflate"];
      same({ ...extension?.params }, { ...agreed }, JSON.stringify(offer));
      await exchange(peer, 4, 10_000);
      peer.socket.terminate();
    }
  },

  async messages_up_to_a_megabyte_come_back_byte_for_byte() {
    for (const perMessageDeflate of [{ threshold: 0 }, { serverMaxWindowBits: 9, clientMaxWindowBits: 9 }]) {
      await exchange(await join({ perMessageDeflate }), 60, 990_000);
    }
  },

  async clients_of_engine_io_3_get_theirs_byte_for_byte() {
    await exchange(await join({ revision: 3, perMessageDeflate: { threshold: 0 } }), 60, 200_000, Buffer.of(4));
  },

  async both_major_clients_exchange_events() {
    for (const version of [2, 4]) {
      const socket = await connect(version);
      const long = "a long text, grüße, 世界 😀 ".repeat(500);
      const data = Buffer.alloc(50_000, "binary data ");
      for (const value of ["short", long, { nested: [long, 1.5, null] }]) {
        same(await asked(socket, "echo", value), [value]);
        same(await called(socket, "call", value), [value]);
      }
      for (const bytes of [data, data.subarray(0, 10)]) {
        const [back] = await asked(socket, "echo", bytes);
        ok(Buffer.from(back).equals(bytes));
        const [answered] = await called(socket, "call", bytes);
        ok(Buffer.from(answered).equals(bytes));
      }
      const frames = await framesOf(socket, async () => {
        same(await asked(socket, "echo", long), [long]);
        same(await asked(socket, "plain", long, "echo"), [long]);
        same(await asked(socket, "everyone", long, "echo"), [long]);
      });
      same(frames, [true, false, true], "compressed, but for compress(false)");
      socket.compress(false).emit("echo", long);
      same(await once(socket, "echo"), [long]);
      socket.close();
    }
  },
};

console.error(`SEED=${seed}`);
if (!checks[name]) throw new Error(`there is no check ${name}`);
await play({ [name]: checks[name] });

/** Sends messages, some compressed and some not, some in fragments with pings in between, and checks what comes back. */
async function exchange(peer, count, largest, prefix = Buffer.alloc(0)) {
  let pings = 0;
  const pongs = [];
  peer.socket.on("pong", (payload) => pongs.push(payload.toString()));
  const send = (data, binary) => {
    const compress = random() < 0.8;
    const parts = random() < 0.5 ? [[data, true]] : split(data);
    for (const [part, fin] of parts) {
      peer.socket.send(part, { binary, fin, compress });
      if (random() < 0.2) peer.socket.ping(`${(pings += 1)}`);
    }
  };
  for (const message of messages(count, largest)) {
    const what = `${typeof message} of length ${message.length}`;
    if (typeof message === "string") {
      const text = `42["echo",${JSON.stringify(message)}]`;
      send(Buffer.from(text), false);
      ok((await peer.text()) === text, what);
    } else {
      send(Buffer.from(HEAD), false);
      send(Buffer.concat([prefix, message]), true);
      same(await peer.text(), HEAD);
      ok((await peer.binary()).equals(Buffer.concat([prefix, message])), what);
    }
  }
  const last = once(peer.socket, "pong", ([payload]) => payload.toString() === "last");
  peer.socket.ping("last");
  await last;
  const numbers = pongs.slice(0, -1).map(Number);
  ok(numbers.every((number, i) => number <= pings && (i === 0 || number > numbers[i - 1])), `${pongs}`);
}

async function connect(version) {
  const base = url.replace(/^ws/, "http").replace(/\/socket\.io\/$/, "");
  const options = { transports: ["websocket"], forceNew: true, reconnection: false, perMessageDeflate: { threshold: 100 } };
  const socket = packages(`sio${version}`)(base, options);
  await new Promise((resolve, reject) => socket.on("connect", resolve).on("connect_error", reject).on("error", reject));
  return socket;
}

async function asked(socket, event, value, answer = event) {
  const back = once(socket, answer);
  socket.emit(event, value);
  return back;
}

function called(socket, event, value) {
  return new Promise((resolve) => socket.emit(event, value, (...args) => resolve(args)));
}

/** Whether each of the messages that came during this was compressed, by the first bytes of their frames. */
async function framesOf(socket, during) {
  const { ws } = socket.io.engine.transport;
  const compressed = [];
  const watch = (chunk) => compressed.push((chunk[0] & 0x40) !== 0);
  ws._socket.on("data", watch);
  await during();
  ws._socket.off("data", watch);
  return compressed;
}
