// A client of an example, with its events as queues: `await visitor.next("said")` is the next one, come or to come.

import { packages } from "../clients/js/packages.mjs";

const { io } = packages("sio4");

/** Where the example listens. */
export const url = process.argv[2];

/** A client on a connection of its own, already connected. */
export async function visit(namespace = "/", options = {}) {
  const visitor = new Visitor(namespace, options);
  await visitor.next("connect");
  return visitor;
}

/** The error with which the example refuses a client. */
export async function refused(namespace = "/", options = {}) {
  const visitor = new Visitor(namespace, options);
  const [{ message, data }] = await visitor.next("connect_error");
  visitor.leave();
  return { message, data };
}

class Visitor {
  constructor(namespace, options) {
    this.arrived = new Map();
    this.waiting = new Map();
    this.socket = io(`${url}${namespace}`, { forceNew: true, reconnection: false, ...options });
    this.socket.onAny((event, ...args) => this.arrive(event, args));
    for (const event of ["connect", "connect_error"]) this.socket.on(event, (...args) => this.arrive(event, args));
  }

  arrive(event, args) {
    const waiting = this.waiting.get(event)?.shift();
    if (waiting) waiting(args);
    else this.arrived.set(event, [...(this.arrived.get(event) ?? []), args]);
  }

  /** The arguments of the next event of this name. */
  next(event) {
    const arrived = this.arrived.get(event);
    if (arrived?.length > 0) return Promise.resolve(arrived.shift());
    return new Promise((resolve) => this.waiting.set(event, [...(this.waiting.get(event) ?? []), resolve]));
  }

  /** The arguments of all events of this name that came and that nobody asked for. */
  unread(event) {
    const arrived = this.arrived.get(event) ?? [];
    this.arrived.delete(event);
    return arrived;
  }

  get id() {
    return this.socket.id;
  }

  on(event, listener) {
    this.socket.on(event, listener);
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Emits, and gives the acknowledgement's arguments. */
  call(event, ...args) {
    return new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer)));
  }

  leave() {
    this.socket.disconnect();
  }
}
