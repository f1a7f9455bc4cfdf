//! What is decided otherwise than in Node.

use crate::GOOD;

/// A header that isn't there.
pub(crate) const NONE: &str = "(none)";
/// Whatever it is, if it is there.
pub(crate) const ANY: &str = "(any)";
const OPEN_2: &str =
    r#"97:0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}2:40"#;
const OPEN_OURS: &str = r#"118:0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}2:40"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;

const ADVERTISED: &str = "both protocols hear of maxPayload, as 4.8 with allowEIO3 has it";
const UNCACHED: &str = "a poll is never stored, as in 4.8";
const CLOSED: &str =
    "pages of other origins can read answers only where origins or cors name them, as in 4.8";
const VARIES: &str = "a cache must not hand one origin's answer to another (RFC 9110, 12.5.5)";
const FIXED: &str = "tower-http's layer with one fixed origin answers everyone alike, so nothing varies";
const ANSWERED: &str = "a preflight of a named origin is answered, as by 4.8, or a browser could not ask";
const BAD_KEY: &str = "Missing or invalid Sec-WebSocket-Key header";
const BAD_VERSION: &str = "Missing or invalid Sec-WebSocket-Version header";
const BAD_REQUEST: &str = r#"{"code":3,"message":"Bad request"}"#;
const UNKNOWN: &str = r#"{"code":0,"message":"Transport unknown"}"#;
const JAVASCRIPT: &str = "application/javascript; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

const WORDS: &str = "it says what is wrong, in the words of 4.8";
const REQUIRED: &str = "426 is for this, and says what is wanted instead (RFC 6455, 4.4; RFC 9110, 15.5.22)";
const DRAFT: &str =
    "version 8 is a draft of 2011, which browsers gave up in 2012; the WebSocket of RFC 6455 is 13";
const LIST: &str = "empty members of a list are to be overlooked (RFC 9110, 5.6.1), as by 2.5";
const IGNORED: &str = "an offer of another protocol may be ignored (RFC 9110, 7.8); then it is a bad poll";
const POLLS: &str = "Node agrees, and then closes the WebSocket without a word";
const NOT_OURS: &str =
    "a path that isn't ours is answered by the application, here by a router without routes";
const ACCEPTS: &str =
    "a compressed answer, and one that might have been, depends on the header (RFC 9110, 12.5.5)";
const AS_IN_4: &str =
    "files are served as by 4.8: with a charset, validated weakly (RFC 9110, 13.1.2), maps as scripts";
const SLIM: &str = "what the package has for browsers is served, and what it hasn't may be the application's";
const NOT_MODIFIED: &str = "a 304 carries what the 200 would have (RFC 9110, 15.4.5)";

/// Where ours answers otherwise, on purpose: how the case begins, what differs, Node's, ours, why.
pub(crate) const DEVIATIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("plain 2: open", "body", OPEN_2, OPEN_OURS, ADVERTISED),
    ("cookie 2: open", "body", OPEN_2, OPEN_OURS, ADVERTISED),
    ("origins 2: good", "body", OPEN_2, OPEN_OURS, ADVERTISED),
    ("plain 2: open", "cache-control", NONE, "no-store", UNCACHED),
    ("cookie 2: open", "cache-control", NONE, "no-store", UNCACHED),
    ("origins 2: good", "cache-control", NONE, "no-store", UNCACHED),
    ("plain 2: ", "access-control-allow-origin", "*", NONE, CLOSED),
    (
        "plain 2: preflight",
        "access-control-allow-origin",
        GOOD,
        NONE,
        CLOSED,
    ),
    (
        "plain 2: preflight",
        "access-control-allow-credentials",
        "true",
        NONE,
        CLOSED,
    ),
    ("cookie 2: ", "access-control-allow-origin", "*", NONE, CLOSED),
    ("refused 2: ", "access-control-allow-origin", "*", NONE, CLOSED),
    ("origins 2: good", "vary", NONE, "origin", VARIES),
    (
        "origins 2: good preflight",
        "access-control-allow-headers",
        NONE,
        "Content-Type",
        ANSWERED,
    ),
    (
        "origins 2: good preflight",
        "access-control-allow-methods",
        NONE,
        "GET,POST",
        ANSWERED,
    ),
    ("origins 2: good preflight", "body", BAD_METHOD, "", ANSWERED),
    (
        "origins 2: good preflight",
        "content-type",
        "application/json",
        NONE,
        ANSWERED,
    ),
    ("origins 2: good preflight", "status", "400", "204", ANSWERED),
    ("cors 4: ", "vary", "origin", NONE, FIXED),
    (
        "files 4: known",
        "cache-control",
        NONE,
        "public, max-age=0",
        NOT_MODIFIED,
    ),
    ("files 4: known", "etag", NONE, "ETAG", NOT_MODIFIED),
    (
        "files 4: weakly known",
        "cache-control",
        NONE,
        "public, max-age=0",
        NOT_MODIFIED,
    ),
    ("files 4: weakly known", "etag", NONE, "ETAG", NOT_MODIFIED),
    (
        "files 4: known map",
        "cache-control",
        NONE,
        "public, max-age=0",
        NOT_MODIFIED,
    ),
    ("files 4: known map", "etag", NONE, "ETAG", NOT_MODIFIED),
    (
        "files 2: known",
        "cache-control",
        NONE,
        "public, max-age=0",
        NOT_MODIFIED,
    ),
    ("files 2: known", "etag", NONE, "ETAG", NOT_MODIFIED),
    (
        "files 2: ",
        "content-type",
        "application/javascript",
        JAVASCRIPT,
        AS_IN_4,
    ),
    ("files 2: ", "content-type", "application/json", JSON, AS_IN_4),
    (
        "files 2: map",
        "cache-control",
        NONE,
        "public, max-age=0",
        AS_IN_4,
    ),
    ("files 2: weakly known", "status", "200", "304", AS_IN_4),
    ("files 2: weakly known", "body", ANY, "", AS_IN_4),
    (
        "files 2: weakly known",
        "content-type",
        "application/javascript",
        NONE,
        AS_IN_4,
    ),
    ("files 2: min", "status", "400", "404", SLIM),
    ("files 2: min", "body", UNKNOWN, "", SLIM),
    ("files 2: min", "content-type", "application/json", NONE, SLIM),
    ("files 2: min", "access-control-allow-origin", "*", NONE, SLIM),
    ("files 4: slim", "status", "400", "404", SLIM),
    ("files 4: slim", "body", UNKNOWN, "", SLIM),
    ("files 4: slim", "content-type", "application/json", NONE, SLIM),
    ("files 2: slim", "status", "400", "200", SLIM),
    ("files 2: slim", "body", UNKNOWN, ANY, SLIM),
    (
        "files 2: slim",
        "content-type",
        "application/json",
        JAVASCRIPT,
        SLIM,
    ),
    ("files 2: slim", "etag", NONE, "ETAG", SLIM),
    ("files 2: slim", "cache-control", NONE, "public, max-age=0", SLIM),
    ("files 2: slim", "access-control-allow-origin", "*", NONE, SLIM),
    (
        "compression 2: ",
        "access-control-allow-origin",
        "*",
        NONE,
        CLOSED,
    ),
    ("compression 2: ", "cache-control", NONE, "no-store", UNCACHED),
    ("compression 2: long, ", "vary", NONE, "accept-encoding", ACCEPTS),
    ("compression 4: long, ", "vary", NONE, "accept-encoding", ACCEPTS),
    ("upgrade: version 12", "status", "400", "426", REQUIRED),
    ("upgrade: version 12", "upgrade", NONE, "websocket", REQUIRED),
    (
        "upgrade: version 12, 2",
        "sec-websocket-version",
        NONE,
        "13",
        REQUIRED,
    ),
    (
        "upgrade: version 12, 4",
        "sec-websocket-version",
        "13, 8",
        "13",
        DRAFT,
    ),
    (
        "upgrade: version 12, 2",
        "body",
        "Bad Request",
        BAD_VERSION,
        WORDS,
    ),
    ("upgrade: no version", "status", "400", "426", REQUIRED),
    ("upgrade: no version", "upgrade", NONE, "websocket", REQUIRED),
    (
        "upgrade: no version, 2",
        "sec-websocket-version",
        NONE,
        "13",
        REQUIRED,
    ),
    (
        "upgrade: no version, 4",
        "sec-websocket-version",
        "13, 8",
        "13",
        DRAFT,
    ),
    (
        "upgrade: no version, 2",
        "body",
        "Bad Request",
        BAD_VERSION,
        WORDS,
    ),
    ("upgrade: version 8", "status", "101", "426", DRAFT),
    ("upgrade: version 8", "body", NONE, BAD_VERSION, DRAFT),
    ("upgrade: version 8", "connection", "Upgrade", "close", DRAFT),
    ("upgrade: version 8", "content-type", NONE, "text/html", DRAFT),
    ("upgrade: version 8", "sec-websocket-accept", ANY, NONE, DRAFT),
    ("upgrade: version 8", "sec-websocket-version", NONE, "13", DRAFT),
    ("upgrade: no key, 2", "body", "Bad Request", BAD_KEY, WORDS),
    ("upgrade: short key, 2", "body", "Bad Request", BAD_KEY, WORDS),
    ("upgrade: bad subprotocols, 4", "status", "400", "101", LIST),
    ("upgrade: bad subprotocols, 4", "body", ANY, NONE, LIST),
    (
        "upgrade: bad subprotocols, 4",
        "connection",
        "close",
        "Upgrade",
        LIST,
    ),
    (
        "upgrade: bad subprotocols, 4",
        "content-type",
        "text/html",
        NONE,
        LIST,
    ),
    (
        "upgrade: bad subprotocols, 4",
        "sec-websocket-accept",
        NONE,
        ANY,
        LIST,
    ),
    (
        "upgrade: bad subprotocols, 4",
        "sec-websocket-protocol",
        NONE,
        "a",
        LIST,
    ),
    ("upgrade: bad subprotocols, 4", "upgrade", NONE, "websocket", LIST),
    (
        "upgrade: other protocol, 2",
        "body",
        "Bad Request",
        BAD_REQUEST,
        IGNORED,
    ),
    (
        "upgrade: other protocol, 4",
        "body",
        "Invalid Upgrade header",
        BAD_REQUEST,
        IGNORED,
    ),
    ("upgrade: other protocol", "connection", "close", NONE, IGNORED),
    (
        "upgrade: other protocol",
        "content-type",
        "text/html",
        "application/json",
        IGNORED,
    ),
    ("upgrade: polling", "status", "101", "400", POLLS),
    ("upgrade: polling", "body", NONE, "Bad request", POLLS),
    ("upgrade: polling", "connection", "Upgrade", "close", POLLS),
    ("upgrade: polling", "content-type", NONE, "text/html", POLLS),
    ("upgrade: polling", "sec-websocket-accept", ANY, NONE, POLLS),
    ("upgrade: polling", "upgrade", "websocket", NONE, POLLS),
    ("upgrade: wrong path", "status", NONE, "404", NOT_OURS),
    ("upgrade: wrong path", "body", NONE, "", NOT_OURS),
    ("upgrade: no slash", "status", NONE, "404", NOT_OURS),
    ("upgrade: no slash", "body", NONE, "", NOT_OURS),
];
