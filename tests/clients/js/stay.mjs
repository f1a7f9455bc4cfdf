// A client that connects, says `here` to the server once its transport is the one wanted, and stays until it is killed.
//
//     node stay.mjs <1|2|3|4> <polling|websocket|upgrade> <url>

import { Subject } from "./peer.mjs";

const [version, transports, url] = process.argv.slice(2);
const peer = await new Subject(Number(version), transports, url).open();
peer.socket.emit("here");
