//! What is decided otherwise than in Node.

use crate::GOOD;

/// A header that isn't there.
pub(crate) const NONE: &str = "(none)";
const OPEN_2: &str =
    r#"97:0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000}2:40"#;
const OPEN_OURS: &str = r#"118:0{"sid":"SID","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}2:40"#;
const BAD_METHOD: &str = r#"{"code":2,"message":"Bad handshake method"}"#;

const ADVERTISED: &str = "both protocols hear of maxPayload, as 4.8 with allowEIO3 has it";
const UNCACHED: &str = "a poll is never stored, as in 4.8";
const CLOSED: &str = "other origins get in only where origins or cors name them, as in 4.8";
const VARIES: &str = "a cache must not hand one origin's answer to another (RFC 9110, 12.5.5)";
const FIXED: &str = "tower-http's layer with one fixed origin answers everyone alike, so nothing varies";
const ANSWERED: &str = "a preflight of a named origin is answered, as by 4.8, or a browser could not ask";
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
];
