import { deepStrictEqual as same } from "node:assert";

import { play } from "../support/checks.mjs";
import { visit } from "./visitor.mjs";

const [ada, grace, linus] = [await visit(), await visit(), await visit()];

await play({
  "joining tells how many are in the room, and tells the others who joined": async () => {
    same(await ada.call("join", "garden"), [1]);
    same(await grace.call("join", "garden"), [2]);
    same(await ada.next("joined"), ["garden", grace.id]);
    same(grace.unread("joined"), []);
  },
  "a room hears what is said in it, who says it doesn't": async () => {
    ada.emit("say", "garden", "hello, garden");
    same(await grace.next("said"), ["garden", "hello, garden"]);
    await nothingWasSaid(ada, linus);
  },
  "who isn't in a room can speak to it": async () => {
    linus.emit("say", "garden", "hello from outside");
    same(await ada.next("said"), ["garden", "hello from outside"]);
    same(await grace.next("said"), ["garden", "hello from outside"]);
    await nothingWasSaid(linus);
  },
  "who is in both rooms hears it once": async () => {
    same(await grace.call("join", "kitchen"), [1]);
    ada.emit("say to both", ["garden", "kitchen"], "hello, both");
    same(await grace.next("said"), ["both", "hello, both"]);
    await nothingWasSaid(ada, grace, linus);
  },
  "everybody can be spoken to but a room": async () => {
    ada.emit("say but not to", "garden", "hello, elsewhere");
    same(await linus.next("said"), ["everybody else", "hello, elsewhere"]);
    await nothingWasSaid(ada, grace);
  },
  "a socket is in its rooms, and in one of its own": async () => {
    const [rooms] = await grace.call("my rooms");
    same(rooms.sort(), [grace.id, "garden", "kitchen"].sort());
  },
  "who has left is told of, and hears no more": async () => {
    ada.emit("leave", "garden");
    same(await grace.next("left"), ["garden", ada.id]);
    same(await ada.call("my rooms"), [[ada.id]]);
    linus.emit("say", "garden", "who is there?");
    same(await grace.next("said"), ["garden", "who is there?"]);
    await nothingWasSaid(ada);
  },
});

/** What had been said before this was called would have arrived before the answers do. */
async function nothingWasSaid(...visitors) {
  for (const visitor of [ada, ...visitors]) await visitor.call("my rooms");
  for (const visitor of visitors) same(visitor.unread("said"), []);
}
