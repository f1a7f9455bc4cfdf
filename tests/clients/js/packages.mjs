// Where the npm packages are: in the directory named by AXUM_SOCKETIO_JS_CLIENTS (what tests/setup made), or here.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const directory = process.env.AXUM_SOCKETIO_JS_CLIENTS;
const base = directory ? pathToFileURL(`${directory}/`) : import.meta.url;

/** The package of this name, CommonJS as all of them are. */
export const packages = createRequire(base);
