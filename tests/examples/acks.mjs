import { deepStrictEqual as same, ok } from "node:assert";

import { play } from "../support/checks.mjs";
import { visit } from "./visitor.mjs";

await play({
  "numbers are added": async () => {
    const ada = await visit();
    same(await ada.call("add", 1, 2), [3]);
    ada.leave();
  },
  "a callback gets an error or a result": async () => {
    const ada = await visit();
    same(await ada.call("divide", 1, 0), ["division by zero", null]);
    same(await ada.call("divide", 1, 4), [null, 0.25]);
    ada.leave();
  },
  "the answer comes first, the tea later": async () => {
    const ada = await visit();
    const order = [];
    ada.on("ready", () => order.push("ready"));
    ada.emit("brew", "Darjeeling", (answer) => order.push(answer));
    same(await ada.next("ready"), ["Darjeeling"]);
    same(order, ["started", "ready"]);
    ada.leave();
  },
  "the server asks and is answered": async () => {
    const ada = await visit();
    ada.on("what is your name", (answer) => answer("Ada"));
    ada.emit("ask me");
    same(await ada.next("greeting"), ["Hello, Ada!"]);
    ada.leave();
  },
  "everybody votes": async () => {
    const voters = await Promise.all(["yes", "no", "yes"].map(voter));
    same(await voters[0].call("vote", "Tea?"), [{ votes: { no: 1, yes: 2 }, complete: true }]);
    for (const visitor of voters) visitor.leave();
  },
  "who stays silent is waited for no longer than five seconds": async () => {
    const [ada, silent] = [await voter("yes"), await visit()];
    silent.emit("ask me");
    same(await ada.call("vote", "Coffee?"), [{ votes: { yes: 1 }, complete: false }]);
    same(silent.unread("question")[0][0], "Coffee?");
    const [greeting] = await silent.next("greeting");
    ok(/^You keep your name to yourself \(.+\)\.$/.test(greeting), greeting);
  },
});

async function voter(choice) {
  const visitor = await visit();
  visitor.on("question", (question, answer) => answer(choice));
  return visitor;
}
