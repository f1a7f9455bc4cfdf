// The conversation: messages grouped by author, days, notices, ticks. Knows nothing of sockets.

import { $, avatar, element, icon, linked } from "./dom.js";
import { clock, day, hue, list, startOfDay } from "./words.js";

const GROUP = 5 * 60_000;

const TICKS = {
  sending: { path: "M8 3.5a5 5 0 1 0 0 10a5 5 0 1 0 0 -10M8 6v2.7l1.8 1.1", says: () => "Sending" },
  sent: { path: "M3 9l3.5 3.5L13 5.5", says: () => "Sent to the server" },
  received: { path: "M1 9l3.5 3.5L11 5.5M9 11.7l.8 .8L16.5 5.5", says: (names) => `Received by ${list(names)}` },
  failed: { path: "M8 3.5v6M8 12.5v.2", says: (why) => why },
};

export class Timeline {
  #list = $("timeline");
  #scroller = $("scroller");
  #newer = $("newer");
  #items = new Map();
  #last = null; // the message the next one may be grouped with
  #day = null;
  #pinned = true;
  #top = 0;
  #retry;

  /** `retry(id)` is called when the user asks for a failed message to be sent again. */
  constructor(retry) {
    this.#retry = retry;
    // Whatever makes the list grow (a message, a picture that has loaded, the keyboard of a phone), its end stays
    // in view unless the reader has scrolled away from it.
    const follow = new ResizeObserver(() => this.#pinned && this.toEnd());
    follow.observe(this.#list);
    follow.observe(this.#scroller);
    this.#scroller.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
    this.#newer.addEventListener("click", () => this.toEnd());
  }

  /** Starts over with what the server remembers of a room. */
  show(messages, me) {
    for (const { url } of this.#items.values()) if (url) URL.revokeObjectURL(url);
    this.#items.clear();
    this.#last = this.#day = null;
    this.#list.setAttribute("aria-busy", "true");
    this.#list.replaceChildren();
    for (const message of messages) this.add(message, message.from === me ? "sent" : null);
    this.#list.removeAttribute("aria-busy");
    this.#noteEmpty();
    this.toEnd();
  }

  has = (id) => this.#items.has(id);

  /** `state` is a name of TICKS for one's own message, `null` for somebody else's. */
  add(message, state) {
    if (this.has(message.id)) return;
    this.#startDay(message.at);
    const first = this.#startsGroup(message);
    const url = message.picture?.bytes && URL.createObjectURL(new Blob([message.picture.bytes], { type: message.picture.mime }));
    const row = this.#row(message, { first, mine: state !== null, url });
    this.#items.set(message.id, { row, url });
    this.#last = message;
    if (state) this.mark(message.id, state);
    this.#append(row, state !== null);
  }

  /** Moves one's own message along: sending → sent → received, or failed. `detail`: who received it, or why it failed. */
  mark(id, state, detail) {
    const item = this.#items.get(id);
    const tick = item?.row.querySelector(".tick");
    if (!tick || (state === "sent" && item.row.dataset.state === "received")) return;
    item.row.dataset.state = state;
    const { path, says } = TICKS[state];
    const text = says(detail);
    tick.dataset.state = state;
    tick.title = text;
    tick.replaceChildren(icon(path, "0 0 18 16"), element("span", { class: "sr-only" }, text));
    item.row.querySelector("progress")?.toggleAttribute("hidden", state !== "sending");
    item.row.querySelector(".retry").textContent = `${detail ?? ""} Send again`.trim();
  }

  /** A line that nobody wrote: who came, who left. */
  notice(text) {
    this.#last = null;
    this.#startDay(Date.now());
    this.#append(element("li", { class: "notice" }, text), false);
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
    this.#pinned = true;
    this.#newer.hidden = true;
  }

  #append(row, mine) {
    this.#list.append(row);
    this.#noteEmpty();
    if (mine || this.#pinned) this.toEnd();
    else if (row.matches(".message")) this.#newer.hidden = false;
  }

  #startDay(at) {
    if (startOfDay(at) === this.#day) return;
    this.#day = startOfDay(at);
    this.#list.append(element("li", { class: "day" }, day(at)));
  }

  #startsGroup({ from, at }) {
    return this.#last?.from !== from || at - this.#last.at > GROUP;
  }

  #row(message, { first, mine, url }) {
    const row = element("li", { class: ["message", first && "first", mine && "mine"].filter(Boolean).join(" "), "data-id": message.id });
    row.style.setProperty("--hue", hue(message.from));
    const author = element("p", { class: first ? "author" : "sr-only" }, message.from);
    const body = element("div", { class: "body" }, author, this.#bubble(message, mine, url));
    if (mine) body.append(this.#retryButton(message.id));
    row.append(...(first && !mine ? [avatar(message.from)] : []), body);
    return row;
  }

  #bubble({ text, picture, from, at }, mine, url) {
    const bubble = element("div", { class: picture ? "bubble with-picture" : "bubble" });
    if (url) bubble.append(pictureLink(url, from, mine));
    else if (picture) bubble.append(element("p", { class: "expired" }, "A picture the server no longer keeps"));
    if (text) bubble.append(element("span", { class: "words" }, ...linked(text)));
    const stamp = element("span", { class: "stamp" }, element("time", { datetime: new Date(at).toISOString() }, clock(at)));
    if (mine) stamp.append(element("span", { class: "tick" }));
    bubble.append(stamp);
    return bubble;
  }

  #retryButton(id) {
    const button = element("button", { class: "retry", type: "button" }, "Send again");
    button.addEventListener("click", () => this.#retry(id));
    return button;
  }

  // Only scrolling up unpins: a scroll event may come after the list has grown, and then the end is merely not yet in view.
  #noteScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < 48;
    if (atEnd) this.#pinned = true;
    else if (scrollTop < this.#top) this.#pinned = false;
    if (this.#pinned) this.#newer.hidden = true;
    this.#top = scrollTop;
  }

  #noteEmpty() {
    $("empty").hidden = this.#items.size > 0;
  }
}

function pictureLink(url, from, mine) {
  const image = element("img", { src: url, alt: `Picture from ${from}` });
  const link = element("a", { class: "picture", href: url, target: "_blank", title: "Open the picture" }, image);
  if (mine) link.append(element("progress", { "aria-label": "Sending the picture", hidden: "" }));
  return link;
}
