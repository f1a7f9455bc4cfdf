// One client socket, with its events as queues: `await peer.next("echo")` is the next one, come or to come.

import { packages } from "./packages.mjs";

const EVENTS = [
  "echo", "answered", "burst", "unicode", "volatile", "room message", "broadcast message", "connect", "disconnect",
];

/** What the client under test is: its version, its transports, and the server's URL. */
export class Subject {
  constructor(version, transports, url, msgpack = false) {
    this.io = packages(`sio${version}`);
    this.engineRevision = version <= 2 ? 3 : 4;
    this.version = version;
    this.url = url;
    this.transports = transports;
    this.msgpack = msgpack;
    this.parser = msgpack ? { parser: packages(this.engineRevision === 3 ? "msgpack2" : "msgpack3") } : {};
    this.peers = [];
  }

  /** A connection of its own, in the namespace `/`, connected and on the transport that is under test. */
  async open() {
    const peer = this.dial();
    await peer.next("connect");
    if (this.transports === "upgrade") await peer.upgraded;
    return peer;
  }

  /** A connection of its own that may still be on its way. */
  dial(url = this.url) {
    const transports = this.transports === "upgrade" ? ["polling", "websocket"] : [this.transports];
    return this.track(this.io(url, { transports, forceNew: true, reconnection: false, ...this.parser }));
  }

  /** A further namespace on the connection of `peer`, perhaps not connected yet. */
  enter(peer, namespace, token) {
    const options = this.engineRevision === 3 ? { query: token && `token=${token}` } : { auth: token && { token } };
    return this.track(peer.socket.io.socket(namespace, token ? options : {}));
  }

  track(socket) {
    const peer = new Peer(socket, this.engineRevision === 3 ? "error" : "connect_error");
    this.peers.push(peer);
    return peer;
  }

  /** Closes whatever a check left open. */
  closeAll() {
    for (const peer of this.peers.splice(0)) peer.socket.disconnect();
  }
}

class Peer {
  constructor(socket, refusal) {
    this.socket = socket;
    this.queues = new Map([...EVENTS, "refused"].map((event) => [event, { arrived: [], waiting: [] }]));
    for (const event of EVENTS) socket.on(event, (...args) => this.arrive(event, args));
    socket.on(refusal, (error) => this.arrive("refused", [error]));
    socket.on("question", (...args) => args.pop()(...args));
    this.upgraded = new Promise((resolve) => {
      const watch = () => socket.io.engine.once("upgrade", resolve);
      if (socket.io.engine) watch();
      else socket.io.once("open", watch);
    });
  }

  arrive(event, args) {
    const { arrived, waiting } = this.queues.get(event);
    if (waiting.length > 0) waiting.shift()(args);
    else arrived.push(args);
  }

  /** The arguments of the next event of this name. */
  next(event) {
    const { arrived, waiting } = this.queues.get(event);
    if (arrived.length > 0) return Promise.resolve(arrived.shift());
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** Everything of this name that arrived and nobody asked for. */
  unread(event) {
    return this.queues.get(event).arrived.splice(0);
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Emits and waits for the acknowledgement's arguments. */
  call(event, ...args) {
    return new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer)));
  }

  /** When this returns, whatever the server sent before it has arrived. */
  async settle() {
    await this.call("whoami");
  }

  /** The name of the transport in use. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** Closes the connection below, without leaving any namespace. */
  hangUp() {
    this.socket.io.engine.close();
  }
}
