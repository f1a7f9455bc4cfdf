// What npm `ws` sees of our WebSockets.
//
//     node ws.mjs <check> <ws://…/socket.io/>
//
// Prints `SEED=…` on standard error: set to that, SEED makes the random sizes and cuts the same again.

import { deepStrictEqual as same, ok } from "node:assert";

import { play } from "../../support/checks.mjs";
import { messages, random, seed, split } from "./ws-messages.mjs";
import { WebSocket, frameOf, join, once, url } from "./ws-peer.mjs";

const name = process.argv[2];

// The server's limit for a message, and how much of it is around a text that is echoed.
const MAX_MESSAGE = 1_000_000;
const ECHO = '42["echo",""]'.length;
// So much may be on its way. The server would close the connection of a client that lets 4 MiB of answers pile up.
const WINDOW = 1_500_000;

const checks = {
  async the_handshake_is_accepted_without_extensions() {
    const socket = new WebSocket(`${url}?EIO=4&transport=websocket`, { perMessageDeflate: true });
    const [answer] = await once(socket, "upgrade");
    same(answer.statusCode, 101);
    same(answer.headers.upgrade, "websocket");
    same([socket.extensions, socket.protocol], ["", ""]);
  },

  async the_first_subprotocol_is_chosen() {
    const peer = await join({ protocols: ["first", "second"] });
    same(peer.socket.protocol, "first");
  },

  // Node's server answers 400 here. RFC 6455 §4.4 wants the client told which version would do, and 426 is for that.
  async another_version_is_told_which_one_to_use() {
    const socket = new WebSocket(`${url}?EIO=4&transport=websocket`, { protocolVersion: 8 });
    const [, answer] = await once(socket, "unexpected-response");
    same(answer.statusCode, 426);
    same(answer.headers["sec-websocket-version"], "13");
    same(answer.headers.upgrade, "websocket");
    socket.on("error", () => {}).terminate();
  },

  async messages_of_all_sizes_come_back_byte_for_byte() {
    const peer = await join();
    await echoAll(peer, messages(300, 900_000), (text) => peer.socket.send(text), (data) => peer.socket.send(data));
  },

  async fragments_make_up_messages_with_pings_in_between() {
    const peer = await join();
    const pings = [];
    const pongs = [];
    peer.socket.on("pong", (payload) => pongs.push(payload.toString()));
    const send = (data, binary) => {
      for (const [part, fin] of split(Buffer.from(data))) {
        peer.socket.send(part, { binary, fin });
        if (random() < 0.3) {
          pings.push(`${pings.length}`);
          peer.socket.ping(pings.at(-1));
        }
      }
    };
    await echoAll(peer, messages(200, 900_000), (text) => send(text, false), (data) => send(data, true));

    const last = once(peer.socket, "pong", ([payload]) => payload.toString() === "last");
    peer.socket.ping("last");
    await last;
    // Of pings that pile up only the latest has to be answered (§5.5.3), so some pongs may be missing, but none is new.
    const answered = new Set(pongs);
    same(pongs.slice(0, -1), pings.filter((ping) => answered.has(ping)));
    ok(pings.length >= 100 && pongs.length >= 10, `${pongs.length} pongs for ${pings.length} pings`);
  },

  async messages_of_engine_io_3_come_back_byte_for_byte() {
    const peer = await join({ revision: 3 });
    const binary = (data) => peer.socket.send(Buffer.concat([Buffer.of(4), data]));
    await echoAll(peer, messages(100, 300_000), (text) => peer.socket.send(text), binary, (data) => {
      same(data[0], 4);
      return data.subarray(1);
    });
  },

  async many_messages_in_one_write_come_back_in_order() {
    const peer = await join();
    const count = 500;
    peer.tcp.cork();
    for (let i = 0; i < count; i += 1) peer.socket.send(`42["echo",${i},"é"]`);
    peer.tcp.uncork();
    for (let i = 0; i < count; i += 1) same(await peer.text(), `42["echo",${i},"é"]`);
  },

  async a_message_may_come_byte_by_byte() {
    const peer = await join();
    const message = '42["echo","grüße, 世界 😀"]';
    for (const byte of frameOf(message)) {
      await new Promise((written) => peer.tcp.write(Buffer.of(byte), written));
    }
    same(await peer.text(), message);
  },

  async every_ping_is_answered() {
    const peer = await join();
    for (const payload of [Buffer.alloc(0), Buffer.from("é"), Buffer.alloc(125, 0xff)]) {
      const pong = once(peer.socket, "pong");
      peer.socket.ping(payload);
      same(await pong, [payload]);
    }
  },

  // Node's server sends the reason back as well; the RFC asks for the code only (§5.5.1).
  async a_close_is_answered_with_its_code() {
    for (const code of [1000, 1001, 1011, 3000, 4999]) {
      const peer = await join();
      peer.socket.close(code, "genug für heute");
      same(await peer.closed, [code, ""]);
    }
  },

  async a_close_without_a_code_is_answered_without_one() {
    const peer = await join();
    peer.socket.close();
    same(await peer.closed, [1005, ""]);
  },

  async a_reason_of_any_length_is_taken() {
    for (const reason of ["", "x", "水".repeat(41)]) {
      const peer = await join();
      peer.socket.close(4000, reason);
      same(await peer.closed, [4000, ""]);
    }
  },

  async a_message_that_is_too_big_closes_with_1009() {
    const peer = await join();
    peer.socket.send(echoOf("x".repeat(MAX_MESSAGE - ECHO + 1)));
    same((await peer.closed)[0], 1009);
  },

  async fragments_that_add_up_to_too_much_close_with_1009() {
    const peer = await join();
    peer.socket.send(Buffer.from(echoOf("x".repeat(MAX_MESSAGE - ECHO))), { binary: false, fin: false });
    peer.socket.send("x", { fin: true });
    same((await peer.closed)[0], 1009);
  },

  async a_message_as_big_as_allowed_comes_back() {
    const peer = await join();
    const message = echoOf("x".repeat(MAX_MESSAGE - ECHO));
    same(message.length, MAX_MESSAGE);
    peer.socket.send(message);
    ok((await peer.text()) === message);
    const attachment = Buffer.alloc(MAX_MESSAGE, 7);
    peer.socket.send('451-["echo",{"_placeholder":true,"num":0}]');
    peer.socket.send(attachment);
    same(await peer.text(), '451-["echo",{"_placeholder":true,"num":0}]');
    ok((await peer.binary()).equals(attachment));
  },

  async an_unmasked_frame_closes_with_1002() {
    const peer = await join();
    peer.tcp.write(frameOf('42["echo",1]', { mask: false }));
    same((await peer.closed)[0], 1002);
  },

  async reserved_bits_close_with_1002() {
    const peer = await join();
    peer.tcp.write(frameOf('42["echo",1]', { rsv1: true }));
    same((await peer.closed)[0], 1002);
  },

  async text_that_is_not_utf_8_closes_with_1007() {
    const tail = [Buffer.of(0x22, 0x5d)];
    // No character, half a surrogate pair, a character without its end, and one whose end is missing in the next fragment.
    const wrong = [[[0xff]], [[0xed, 0xa0, 0x80]], [[0xc3]], [[0xf0, 0x9f], [0x22]]];
    for (const parts of wrong) {
      const peer = await join();
      const all = [Buffer.from('42["echo","'), ...parts.map((part) => Buffer.from(part)), ...tail];
      all.forEach((part, i) => peer.socket.send(part, { binary: false, fin: i === all.length - 1 }));
      same((await peer.closed)[0], 1007);
    }
  },
};

console.error(`SEED=${seed}`);
if (!checks[name]) throw new Error(`there is no check ${name}`);
await play({ [name]: checks[name] });

function echoOf(text) {
  return `42["echo",${JSON.stringify(text)}]`;
}

/** Sends everything, never more at once than the window, and checks what comes back. */
async function echoAll(peer, messages, sendText, sendBinary, unpack = (data) => data) {
  const expected = [];
  let onTheWay = 0;
  for (const message of messages) {
    while (onTheWay > 0 && onTheWay + message.length > WINDOW) await check();
    onTheWay += message.length;
    expected.push(message);
    if (typeof message === "string") {
      sendText(echoOf(message));
    } else {
      sendText('451-["echo",{"_placeholder":true,"num":0}]');
      sendBinary(message);
    }
  }
  while (expected.length > 0) await check();

  async function check() {
    const message = expected.shift();
    const what = `${typeof message} of length ${message.length}`;
    onTheWay -= message.length;
    if (typeof message === "string") {
      ok((await peer.text()) === echoOf(message), what);
    } else {
      same(await peer.text(), '451-["echo",{"_placeholder":true,"num":0}]');
      ok(unpack(await peer.binary()).equals(message), what);
    }
  }
}
