import { deepStrictEqual as same } from "node:assert";

import { play } from "../support/checks.mjs";
import { url, visit } from "./visitor.mjs";

const news = ["One", "Two", "Three", "Four"].map((title) => ({ title, text: "from an HTTP route" }));
const [first] = news;

await play({
  "there is no news at first": async () => {
    const ada = await visit("/news");
    same(await ada.call("latest", 3), [[]]);
    ada.leave();
  },
  "a route speaks to the sockets": async () => {
    const [ada, grace] = [await visit("/news"), await visit("/news")];
    same(await announce(first), 202);
    same(await ada.next("news"), [first]);
    same(await grace.next("news"), [first]);
    same(await ada.call("latest", 3), [[first]]);
    ada.leave();
    grace.leave();
  },
  "who comes later is told the last three": async () => {
    for (const later of news.slice(1)) await announce(later);
    const late = await visit("/news");
    for (const expected of news.slice(1)) same(await late.next("news"), [expected]);
    same(await late.call("latest", 2), [news.slice(2)]);
    late.leave();
  },
  "a route counts the readers, who come and go": async () => {
    await readers(0);
    const ada = await visit("/news");
    await ada.call("latest", 0);
    await readers(1);
    ada.leave();
    await readers(0);
  },
});

async function announce(body) {
  const headers = { "content-type": "application/json" };
  return (await fetch(`${url}/announce`, { method: "POST", headers, body: JSON.stringify(body) })).status;
}

/** Asks until there are so many: the server may still be seeing somebody out. */
async function readers(count) {
  while ((await (await fetch(`${url}/readers`)).text()) !== String(count));
}
