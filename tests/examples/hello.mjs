import { deepStrictEqual as same } from "node:assert";

import { play } from "../support/checks.mjs";
import { url, visit } from "./visitor.mjs";

await play({
  "a ping comes back": async () => {
    const ada = await visit();
    same(await ada.call("ping", "are you there?"), ["are you there?"]);
  },
  "a chat message reaches everybody else": async () => {
    const [ada, grace, linus] = [await visit(), await visit(), await visit()];
    ada.emit("chat message", "for everybody else");
    same(await grace.next("chat message"), ["for everybody else"]);
    same(await linus.next("chat message"), ["for everybody else"]);
    await ada.call("ping", "is there more?");
    same(ada.unread("chat message"), []);
  },
  "the route beside the sockets answers": async () => {
    same(await (await fetch(url)).text(), "hello");
  },
});
