import { deepStrictEqual as same } from "node:assert";

import { parser } from "../../examples/parser.mjs";
import { play } from "../support/checks.mjs";
import { refused, visit } from "./visitor.mjs";

const begins = new Date("2026-02-28T23:30:00Z");

await play({
  "a date comes back as a date": async () => {
    const ada = await visit("/", { parser });
    const [meeting] = await ada.call("an hour later", { title: "tea", begins });
    same(meeting, { title: "tea", begins: new Date("2026-03-01T00:30:00Z") });
  },
  "so does one before 1970": async () => {
    const ada = await visit("/", { parser, transports: ["polling"] });
    const [meeting] = await ada.call("an hour later", { title: "", begins: new Date(-3_600_001) });
    same(meeting.begins.getTime(), -1);
  },
  "an unknown namespace is refused by it": async () => {
    same((await refused("/unknown", { parser })).message, "Invalid namespace");
  },
});
