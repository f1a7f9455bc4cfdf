// The client's half of the parser in `parser.rs`: `io(url, { parser })`.

import { EventEmitter } from "node:events";

/** Marks dates, which have become strings by the time that a replacer is asked. */
function mark(key, value) {
  return this[key] instanceof Date ? { $date: this[key].getTime() } : value;
}

function unmark(_, value) {
  return typeof value?.$date === "number" ? new Date(value.$date) : value;
}

class Encoder {
  encode({ type, nsp, id, data }) {
    return [JSON.stringify([type, nsp, id ?? null, data ?? null], mark)];
  }
}

class Decoder extends EventEmitter {
  add(text) {
    const [type, nsp, id, data] = JSON.parse(text, unmark);
    this.emit("decoded", { type, nsp, id: id ?? undefined, data: data ?? undefined });
  }

  destroy() {}
}

export const parser = { Encoder, Decoder };
