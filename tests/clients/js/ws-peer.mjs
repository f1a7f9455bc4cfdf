// A client of which every frame is decided here: it is npm `ws`, and speaks Engine.IO and Socket.IO itself.

import { deepStrictEqual as same, ok } from "node:assert";
import { connect as connectTcp } from "node:net";

import { packages } from "./packages.mjs";

export const WebSocket = packages("ws");
const TEXT = 1;

/** Where the server is: ws://…/socket.io/ */
export const url = process.argv[3];

/** A client in the namespace `/`. */
export async function join({ protocols = [], revision = 4, perMessageDeflate = true } = {}) {
  const peer = new Peer(protocols, revision, perMessageDeflate);
  same((await peer.text())[0], "0");
  if (revision === 4) peer.socket.send("40");
  ok((await peer.text()).startsWith("40"));
  return peer;
}

class Peer {
  constructor(protocols, revision, perMessageDeflate) {
    this.arrived = [];
    this.waiting = [];
    const createConnection = ({ host, port }) => (this.tcp = connectTcp({ host, port, noDelay: true }));
    const options = { createConnection, perMessageDeflate };
    this.socket = new WebSocket(`${url}?EIO=${revision}&transport=websocket`, protocols, options);
    this.socket.on("message", (data, binary) => this.arrive(data, binary));
    this.closed = new Promise((resolve, reject) => {
      this.socket.on("close", (code, reason) => resolve([code, reason.toString()]));
      this.socket.on("error", reject);
    });
    // Whoever waits for a message hears of the end, too.
    this.closed.then(([code]) => this.end(new Error(`closed with ${code}`)), (error) => this.end(error));
  }

  arrive(data, binary) {
    if (!binary && data.toString() === "2") return this.socket.send("3");
    const waiting = this.waiting.shift();
    if (waiting) waiting.resolve({ data, binary });
    else this.arrived.push({ data, binary });
  }

  end(error) {
    for (const waiting of this.waiting.splice(0)) waiting.reject(error);
  }

  next() {
    if (this.arrived.length > 0) return Promise.resolve(this.arrived.shift());
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  async text() {
    const { data, binary } = await this.next();
    ok(!binary, "a text was awaited, bytes came");
    return data.toString();
  }

  async binary() {
    const { data, binary } = await this.next();
    ok(binary, `bytes were awaited, there came: ${data.subarray(0, 200)}`);
    return data;
  }

}

/** The bytes of a frame with a text, also of one that `ws` itself wouldn't send. */
export function frameOf(text, options = {}) {
  const masked = { mask: true, maskBuffer: Buffer.from("mask") };
  const whole = { fin: true, opcode: TEXT, readOnly: false, rsv1: false };
  return Buffer.concat(WebSocket.Sender.frame(Buffer.from(text), { ...masked, ...whole, ...options }));
}

export function once(emitter, event, wanted = () => true) {
  return new Promise((resolve, reject) => {
    if (event !== "unexpected-response") emitter.once("error", reject);
    emitter.on(event, (...args) => wanted(args) && resolve(args));
  });
}

