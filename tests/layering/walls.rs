//! Who may use whom.

use std::collections::BTreeSet;

use crate::{
    paths::{self, Path},
    source::Source,
};

type Names = &'static [&'static str];

/// A part of the source with what its code may use. The first whose prefix fits a file is the file's.
struct Wall {
    /// Of the path below `src/`.
    prefixes: Names,
    rooms: Names,
    crates: &'static [Names],
    /// No clocks, locks, threads or sockets of std either.
    pure: bool,
}

const DATA: Names = &[
    "base64",
    "bytes",
    "flate2",
    "form_urlencoded",
    "http",
    "foldhash",
    "indexmap",
    "itoa",
    "memchr",
    "rmp",
    "serde",
    "serde_json",
    "sha1",
    "simdutf8",
    "smallvec",
    "smol_str",
];
/// Bodies and services, still without a socket.
const SERVICE: Names = &[
    "futures_core",
    "futures_util",
    "http_body",
    "http_body_util",
    "pin_project_lite",
    "tower_layer",
    "tower_service",
];
const DRIVER: Names = &[
    "getrandom",
    "hyper",
    "hyper_util",
    "metrics",
    "socket2",
    "tokio",
    "tracing",
];
const AXUM: Names = &["axum", "axum_core"];
const TOWER: Names = &["tower", "tower_http"];
const IO: &[Names] = &[DATA, SERVICE, DRIVER];
const IO_AXUM: &[Names] = &[DATA, SERVICE, DRIVER, AXUM];
const IO_AXUM_TOWER: &[Names] = &[DATA, SERVICE, DRIVER, AXUM, TOWER];

/// The files of the engine that stand in the world: they know connections, clocks and locks.
const ENGINE_DRIVERS: Names = &[
    "engine/admission",
    "engine/clock",
    "engine/connection",
    "engine/core",
    "engine/cork",
    "engine/deflate",
    "engine/drain",
    "engine/future",
    "engine/handshake",
    "engine/idle",
    "engine/instruments",
    "engine/limit",
    "engine/outbox",
    "engine/registry",
    "engine/response",
    "engine/route",
    "engine/service",
    "engine/timer",
    "engine/trace",
    "engine/transport",
    "engine/turn",
];

/// The table. A room may always use itself.
#[rustfmt::skip]
const WALLS: &[Wall] = &[
    // Locks and atomics, real or modelled: a pure room has no use for them.
    wall(&["sync"], &[], &[DRIVER, &["loom"]]),
    // Values of users' own, whose drop may panic.
    wall(&["foreign"], &[], &[DATA, DRIVER]),
    // What is said to whom may panic.
    wall(&["log"], &["foreign"], &[DRIVER]),
    // How often something is said.
    wall(&["throttle"], &[], &[DRIVER]),
    pure(&["id", "protocol"], &[]),
    pure(&["packet"], &["foreign", "id", "protocol"]),
    pure(&["room"], &["id", "protocol"]),
    pure(&["websocket"], &[]),
    wall(ENGINE_DRIVERS, &["sync", "foreign", "log", "throttle", "id", "protocol", "websocket"], IO),
    // A queued packet holds its WebSocket frame, made by the codec.
    pure(&["engine/outgoing"], &["id", "protocol", "websocket"]),
    pure(&["engine"], &["id", "protocol"]),
    wall(&["adapter"], &["foreign", "log", "throttle", "id", "protocol", "packet", "room"], IO),
    wall(&["server"], &["sync", "foreign", "log", "throttle", "id", "protocol", "packet", "room", "engine", "adapter"], IO),
    wall(&["extract"], &["id", "protocol", "packet", "room", "server"], IO_AXUM),
    wall(&["handler"], &["log", "id", "protocol", "packet", "room", "server", "extract"], IO_AXUM),
    wall(&["layer"], &["foreign", "log", "id", "protocol", "engine", "server"], IO_AXUM_TOWER),
    pure(&["fuzzing", "benching"], &["protocol", "packet", "websocket", "engine"]),
    wall(&["testing"], &["id", "protocol", "packet", "websocket", "engine", "server"], IO_AXUM),
];

const fn pure(prefixes: Names, rooms: Names) -> Wall {
    Wall {
        prefixes,
        rooms,
        crates: &[DATA],
        pure: true,
    }
}

const fn wall(prefixes: Names, rooms: Names, crates: &'static [Names]) -> Wall {
    Wall {
        prefixes,
        rooms,
        crates,
        pure: false,
    }
}

/// From the bottom up.
const ROOMS: &[&str] = &[
    "sync",
    "foreign",
    "log",
    "throttle",
    "id",
    "protocol",
    "packet",
    "room",
    "websocket",
    "engine",
    "adapter",
    "server",
    "extract",
    "handler",
    "layer",
    "testing",
    "fuzzing",
    "benching",
];

/// Paths of std that pure rooms don't name.
const IMPURE: &[&[&str]] = &[
    &["std", "thread"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["std", "fs"],
    &["std", "sync", "Mutex"],
    &["std", "sync", "RwLock"],
    &["std", "sync", "Condvar"],
    &["std", "sync", "mpsc"],
    &["Instant", "now"],
    &["SystemTime", "now"],
];

/// What breaks the walls, one sentence with `file:line` each.
pub(crate) fn breaches(sources: &[Source], crates: &BTreeSet<String>) -> Vec<String> {
    let names = RootNames::of(sources);
    let mut breaches = Vec::new();
    for source in sources {
        for path in paths::of(source) {
            if let Some(breach) = breach(source, &path, &names, crates) {
                breaches.push(format!("{}:{}: {breach}", source.path, path.line));
            }
        }
    }
    breaches.dedup();
    breaches
}

fn breach(source: &Source, path: &Path, names: &RootNames, crates: &BTreeSet<String>) -> Option<String> {
    let module = source.module();
    let room = *module.first()?;
    let below = module.join("/");
    let Some(wall) = WALLS
        .iter()
        .find(|wall| wall.prefixes.iter().any(|prefix| fits(prefix, &below)))
    else {
        return Some(format!("`{room}` is not in the table of rooms"));
    };
    if let Some(used) = room_of(&module, path, names) {
        return (used != room && !wall.rooms.contains(&used.as_str()))
            .then(|| format!("`{below}` must not use `{used}`"));
    }
    if path.test {
        return None;
    }
    let first = path.segments[0].as_str();
    if crates.contains(first) && !wall.crates.iter().any(|allowed| allowed.contains(&first)) {
        return Some(format!("`{below}` must not use the crate `{first}`"));
    }
    let impure = wall.pure && IMPURE.iter().any(|impure| starts_with(&path.segments, impure));
    impure.then(|| {
        format!(
            "`{below}` is pure, it must not use `{}`",
            path.segments.join("::")
        )
    })
}

fn fits(prefix: &str, below: &str) -> bool {
    below
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn starts_with(segments: &[String], start: &[&str]) -> bool {
    segments.len() >= start.len()
        && segments
            .iter()
            .zip(start)
            .all(|(segment, wanted)| segment == wanted)
}

/// Two rooms that use each other, with a place for each direction.
pub(crate) fn knots(sources: &[Source]) -> Vec<String> {
    let names = RootNames::of(sources);
    let mut uses = Vec::new();
    for source in sources {
        let module = source.module();
        let Some(room) = module.first() else { continue };
        for path in paths::of(source).iter().filter(|path| !path.test) {
            if let Some(used) = room_of(&module, path, &names).filter(|used| used != room) {
                uses.push(((*room).to_owned(), used, format!("{}:{}", source.path, path.line)));
            }
        }
    }
    let mut knots = BTreeSet::new();
    for (from, to, place) in &uses {
        let back = uses.iter().find(|(other, used, _)| other == to && used == from);
        if let Some((_, _, other_place)) = back.filter(|_| from < to) {
            knots.insert(format!(
                "{place}: `{from}` uses `{to}`, and {other_place}: `{to}` uses `{from}`"
            ));
        }
    }
    knots.into_iter().collect()
}

/// The room that a path leads to, if it goes through the root of the crate.
fn room_of(module: &[&str], path: &Path, names: &RootNames) -> Option<String> {
    let segments = &path.segments;
    let supers = segments.iter().take_while(|segment| *segment == "super").count();
    let at_root = match segments[0].as_str() {
        "crate" => 1,
        // An inline module of tests is one level deeper than its file; leaving it is no leaving of the room.
        "super" if supers >= module.len() => supers,
        _ => return None,
    };
    let first = segments.get(at_root)?.as_str();
    let room = ROOMS
        .contains(&first)
        .then(|| first.to_owned())
        .or_else(|| names.room(first));
    // The doors in `lib.rs` are for users.
    room.or_else(|| (segments[0] == "crate").then(|| "lib".to_owned()))
}

/// Which rooms the names in the crate's root come from.
struct RootNames {
    named: Vec<(String, String)>,
    /// The rooms that are re-exported whole.
    globs: Vec<String>,
}

impl RootNames {
    fn of(sources: &[Source]) -> Self {
        let mut names = Self {
            named: Vec::new(),
            globs: Vec::new(),
        };
        let root = sources.iter().find(|source| source.path == "src/lib.rs");
        for path in root.map(paths::of).unwrap_or_default() {
            let segments: Vec<_> = path
                .segments
                .iter()
                .filter(|name| !matches!(name.as_str(), "crate" | "self"))
                .collect();
            let [room, .., name] = segments[..] else { continue };
            if name == "*" {
                names.globs.push(room.clone());
            } else {
                names.named.push((name.clone(), room.clone()));
            }
        }
        names
    }

    fn room(&self, name: &str) -> Option<String> {
        let named = self
            .named
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, room)| room);
        let starts_as_a_type = name.starts_with(char::is_uppercase);
        named
            .or_else(|| self.globs.first().filter(|_| starts_as_a_type))
            .cloned()
    }
}

/// The table itself has no way round: nobody may use what stands above.
pub(crate) fn table_leads_down() -> bool {
    let rank = |path: &str| ROOMS.iter().position(|room| path.split('/').next() == Some(room));
    let goes_down = |wall: &Wall| {
        let lowest = wall.prefixes.iter().map(|prefix| rank(prefix)).min();
        wall.rooms.iter().all(|used| Some(rank(used)) < lowest)
    };
    WALLS.iter().all(goes_down)
}
