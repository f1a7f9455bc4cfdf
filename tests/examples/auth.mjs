import { deepStrictEqual as same } from "node:assert";

import { play } from "../support/checks.mjs";
import { refused, visit } from "./visitor.mjs";

const ali = { auth: { token: "open sesame" } };
const will = { auth: { token: "xyzzy" } };

await play({
  "who has no token is refused": async () => {
    same(await refused(), { message: "authentication required", data: { code: "missing_token" } });
  },
  "who has a token of nobody's is refused": async () => {
    const stranger = { auth: { token: "abracadabra" } };
    same(await refused("/", stranger), { message: "who are you?", data: { code: "unknown_token" } });
  },
  "who has a token is known by name": async () => {
    same(await (await visit("/", ali)).call("whoami"), ["Ali"]);
    same(await (await visit("/", will)).call("whoami"), ["Will"]);
  },
  "the signed in hear each other": async () => {
    const [one, other] = [await visit("/", ali), await visit("/", will)];
    one.emit("shout", "hello");
    same(await other.next("shout"), ["hello"]);
  },
  "only admins come into /admin": async () => {
    same(await refused("/admin", ali), { message: "admins only", data: { code: "forbidden" } });
    same(await refused("/admin"), { message: "authentication required", data: { code: "missing_token" } });
    await visit("/admin", will);
  },
});
