// The script of ../README.md, played by one of the npm clients.
//
//     node client.mjs <1|2|3|4> <polling|websocket|upgrade> <url> [msgpack]
//
// With `msgpack` the client has the parser of npm's socket.io-msgpack-parser, and so has the server.
// Prints `ok <name>` or `not ok <name>: why` for each check; exits with 1 if any of them failed.
// With AXUM_SOCKETIO_ORIGINAL=1 it allows what only the original server does.

import { Subject } from "./peer.mjs";
import { checks } from "./script.mjs";

const CHECK_DEADLINE_MS = 20_000;
const DEADLINE_MS = 120_000;

const [version, transports, url, parser] = process.argv.slice(2);
if (!["1", "2", "3", "4"].includes(version) || !["polling", "websocket", "upgrade"].includes(transports) || !url) {
  console.error("usage: client.mjs <1|2|3|4> <polling|websocket|upgrade> <url> [msgpack]");
  process.exit(2);
}

const subject = new Subject(Number(version), transports, url, parser === "msgpack");
let running = "start";
let failures = 0;
setTimeout(() => {
  console.log(`not ok ${running}: the whole script took more than ${DEADLINE_MS} ms`);
  process.exit(1);
}, DEADLINE_MS);

for (const { name, applies, play } of checks) {
  if (applies && !applies(subject)) continue;
  running = name;
  try {
    await withDeadline(play(subject));
    console.log(`ok ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`not ok ${name}: ${error?.message ?? error}`);
  }
  subject.closeAll();
}
process.exit(failures === 0 ? 0 : 1);

function withDeadline(played) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came within ${CHECK_DEADLINE_MS} ms`)), CHECK_DEADLINE_MS);
  });
  return Promise.race([played, expired]).finally(() => clearTimeout(timer));
}
