import { deepStrictEqual as same } from "node:assert";

import { play } from "../support/checks.mjs";
import { visit } from "./visitor.mjs";

const drawing = {
  title: "dot",
  preview: Buffer.from([1]),
  layers: [{ name: "ink", pixels: Buffer.from([2, 3]) }],
};
const large = {
  title: "wall",
  preview: Buffer.alloc(0),
  layers: [1, 2, 3].map((ink) => ({ name: `ink ${ink}`, pixels: Buffer.alloc(900_000, ink) })),
};

await play({ ...checks("polling"), ...checks("websocket") });

function checks(transport) {
  const visitor = () => visit("/", { transports: [transport] });
  return {
    [`bytes come back inverted, by ${transport}`]: async () => {
      const ada = await visitor();
      same(await ada.call("invert", new Uint8Array([0, 1, 254])), [Buffer.from([255, 254, 1])]);
      same(await ada.call("invert", new Uint8Array([])), [Buffer.alloc(0)]);
      ada.leave();
    },
    [`a drawing reaches the others as it was, by ${transport}`]: async () => {
      const [ada, grace] = [await visitor(), await visitor()];
      same(await ada.call("draw", drawing), [{ title: "dot", bytes: 3 }]);
      same(await grace.next("drawn"), [drawing]);
      same(await ada.call("draw", large), [{ title: "wall", bytes: 2_700_000 }]);
      same(await grace.next("drawn"), [large]);
      await ada.call("invert", new Uint8Array([]));
      same(ada.unread("drawn"), []);
      ada.leave();
      grace.leave();
    },
  };
}
