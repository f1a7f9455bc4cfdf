//! The walls between the rooms of `src`, the length of its files, and that nothing sleeps: read from the source itself.

#[path = "layering/clocks.rs"]
mod clocks;
#[path = "layering/paths.rs"]
mod paths;
#[path = "layering/sizes.rs"]
mod sizes;
#[path = "layering/source.rs"]
mod source;
#[path = "layering/walls.rs"]
mod walls;

use std::{collections::BTreeSet, fs, path::Path};

use source::Source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn nothing(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

/// The names by which code calls the crates of `Cargo.toml`.
fn crates() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest can be read");
    let mut inside = false;
    let mut crates = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(['=', '.']).filter(|_| inside) {
            crates.insert(name.trim().replace('-', "_"));
        }
    }
    crates
}

/// With it, `serde_json::Value` reads what a client sends under the name of a certain key as JSON of its own, to any depth: see `packet::depth`.
#[test]
fn no_feature_of_serde_json_is_turned_on_that_reads_a_text_anew() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest can be read");
    let (_, dependencies) = manifest
        .split_once("\n[dependencies]\n")
        .expect("it has dependencies");
    let (dependencies, _) = dependencies.split_once("\n[").expect("it goes on");
    let mut lines = dependencies.lines();
    let json = lines
        .find(|line| line.starts_with("serde_json "))
        .expect("it has serde_json");
    assert!(!json.contains("raw_value"), "{json}");
}

#[test]
fn rooms_keep_to_their_walls() {
    nothing(&walls::breaches(&Source::all(root(), "src"), &crates()));
}

#[test]
fn no_two_rooms_use_each_other() {
    nothing(&walls::knots(&Source::all(root(), "src")));
}

#[test]
fn the_table_of_walls_leads_only_down() {
    assert!(walls::table_leads_down());
}

#[test]
fn files_are_short() {
    let sources = Source::all(root(), "src");
    let (median, ninetieth) = sizes::quantiles(&sources);
    println!(
        "{} files: median {median} lines, ninetieth percentile {ninetieth}, without tests",
        sources.len()
    );
    nothing(&sizes::too_long(&sources));
}

#[test]
fn nothing_sleeps_on_the_real_clock() {
    nothing(&clocks::sleeps(&Source::all(root(), "src")));
    nothing(&clocks::sleeps(&Source::all(root(), "tests")));
}

/// A log may panic, and `src/log.rs` sees to it that this goes no further.
#[test]
fn lines_for_the_log_are_said_where_its_panics_go_no_further() {
    let levels = ["trace", "debug", "info", "warn", "error", "event"];
    for source in Source::all(root(), "src") {
        if ["src/log.rs", "src/foreign.rs"].contains(&&*source.path) {
            continue;
        }
        for (number, line) in source.numbered().filter(|(_, line)| !line.test) {
            let is_said = levels
                .iter()
                .any(|level| line.code.contains(&format!("tracing::{level}!")));
            assert!(!is_said, "{}:{number}: `crate::log` is for this", source.path);
        }
    }
}

/// The checks, each against source that breaks it and source that doesn't.
mod the_checker {
    use super::*;

    const LIB: &str = "mod id;\npub use id::SocketId;\npub use packet::{Map, Value};\npub use server::*;\n";

    fn breaches(files: &[(&str, &str)]) -> Vec<String> {
        walls::breaches(&sources(files), &crates())
    }

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        let lib = ("src/lib.rs", LIB);
        files
            .iter()
            .chain([&lib])
            .map(|(path, text)| Source::new(path, text))
            .collect()
    }

    #[track_caller]
    fn breaks(path: &str, text: &str, expected: &str) {
        let found = breaches(&[(path, text)]);
        assert_eq!(found, [expected], "{text}");
    }

    #[track_caller]
    fn keeps(path: &str, text: &str) {
        assert_eq!(breaches(&[(path, text)]), [""; 0], "{text}");
    }

    #[test]
    fn sees_a_path_up() {
        let expected = "src/packet/mod.rs:2: `packet` must not use `server`";
        breaks("src/packet/mod.rs", "\nuse crate::server::Socket;", expected);
        breaks("src/packet/mod.rs", "\nfn f() { crate::server::g() }", expected);
        breaks("src/packet/mod.rs", "\nuse super::server::Socket;", expected);
        keeps("src/server/mod.rs", "use crate::packet::Value;");
    }

    #[test]
    fn sees_a_path_inside_of_a_group() {
        let group = "use crate::{\n    id::SocketId,\n    server::{Socket, io},\n};";
        breaks(
            "src/packet/a.rs",
            group,
            "src/packet/a.rs:3: `packet/a` must not use `server`",
        );
        keeps(
            "src/server/a.rs",
            "use crate::{id::SocketId, packet::{self, Value}};",
        );
    }

    #[test]
    fn sees_supers_that_leave_the_room() {
        let expected = "src/room/a/b.rs:1: `room/a/b` must not use `packet`";
        breaks(
            "src/room/a/b.rs",
            "use super::super::super::packet::Value;",
            expected,
        );
        keeps("src/room/a/b.rs", "use super::super::packet_of;");
    }

    #[test]
    fn sees_names_through_the_root() {
        breaks(
            "src/room/a.rs",
            "use crate::Value;",
            "src/room/a.rs:1: `room/a` must not use `packet`",
        );
        breaks(
            "src/room/a.rs",
            "use crate::Socket;",
            "src/room/a.rs:1: `room/a` must not use `server`",
        );
        breaks(
            "src/server/a.rs",
            "use crate::ack::AckError;",
            "src/server/a.rs:1: `server/a` must not use `lib`",
        );
        keeps("src/room/a.rs", "use crate::SocketId;");
    }

    #[test]
    fn sees_foreign_crates() {
        breaks(
            "src/packet/a.rs",
            "use tokio::sync::Notify;",
            "src/packet/a.rs:1: `packet/a` must not use the crate `tokio`",
        );
        breaks(
            "src/server/a.rs",
            "fn f(_: axum::Router) {}",
            "src/server/a.rs:1: `server/a` must not use the crate `axum`",
        );
        keeps("src/handler/a.rs", "use axum::extract::State;");
        keeps("src/packet/a.rs", "use bytes::Bytes;");
    }

    #[test]
    fn tells_drivers_from_pure_files() {
        let expected = "src/engine/session.rs:1: `engine/session` must not use the crate `tokio`";
        breaks("src/engine/session.rs", "use tokio::time::Instant;", expected);
        keeps("src/engine/transport/polling.rs", "use tokio::time::Instant;");
    }

    #[test]
    fn sees_clocks_and_locks_in_pure_rooms() {
        let expected = "src/room/a.rs:1: `room/a` is pure, it must not use `std::sync::Mutex`";
        breaks("src/room/a.rs", "use std::sync::{Arc, Mutex};", expected);
        let expected = "src/room/a.rs:1: `room/a` is pure, it must not use `Instant::now`";
        breaks("src/room/a.rs", "fn f() -> Instant { Instant::now() }", expected);
        keeps("src/server/a.rs", "use std::sync::Mutex;");
    }

    #[test]
    fn knows_every_room() {
        breaks(
            "src/attic/a.rs",
            "use std::fmt;",
            "src/attic/a.rs:1: `attic` is not in the table of rooms",
        );
    }

    #[test]
    fn ignores_comments_literals_and_the_crates_of_tests() {
        keeps(
            "src/packet/a.rs",
            "//! See [`crate::server::Socket`].\n/* tokio::spawn /* and */ axum::Router */",
        );
        keeps(
            "src/packet/a.rs",
            "const A: &str = \"use tokio::spawn \\\" axum::Router\"; const B: char = '\"';",
        );
        keeps(
            "src/packet/a.rs",
            "const A: &str = r#\"tokio::spawn(\"a\")\"#; fn f<'a>(_: &'a str) {}",
        );
        keeps(
            "src/packet/a.rs",
            "#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n}\n",
        );
        keeps("src/packet/tests.rs", "use proptest::prelude::*;");
        breaks(
            "src/packet/a.rs",
            "#[cfg(test)]\nmod tests {\n    use proptest::prelude::*;\n}\nuse tokio::spawn;",
            "src/packet/a.rs:5: `packet/a` must not use the crate `tokio`",
        );
    }

    #[test]
    fn sees_two_rooms_that_use_each_other() {
        let here = ("src/handler/a.rs", "use crate::extract::Data;");
        let back = ("src/extract/b.rs", "\nuse crate::{handler::Ack};");
        let knot =
            "src/extract/b.rs:2: `extract` uses `handler`, and src/handler/a.rs:1: `handler` uses `extract`";
        assert_eq!(walls::knots(&sources(&[here, back])), [knot]);
        assert_eq!(walls::knots(&sources(&[here])), [""; 0]);
    }

    #[test]
    fn counts_lines_without_tests() {
        let code = "fn f() {}\n".repeat(sizes::LONGEST);
        let tests = "#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
        let long = Source::new("src/id.rs", &format!("{code}{tests}"));
        assert_eq!(sizes::too_long(&[long]), [""; 0]);
        let longer = Source::new("src/id.rs", &format!("{code}fn f() {{}}\n{tests}"));
        assert_eq!(
            sizes::too_long(&[longer]),
            ["src/id.rs:450: 451 lines, more than 450"]
        );
    }

    #[test]
    fn finds_the_middle_and_the_long_ones() {
        let lengths = |lengths: &[usize]| -> Vec<Source> {
            lengths
                .iter()
                .map(|length| Source::new("src/id.rs", &"\n".repeat(*length)))
                .collect()
        };
        assert_eq!(sizes::quantiles(&lengths(&[5, 1, 3])), (3, 3));
        assert_eq!(
            sizes::quantiles(&lengths(&[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110])),
            (60, 100)
        );
    }

    #[test]
    fn sees_sleeping() {
        let sleeps = |path, text| clocks::sleeps(&[Source::new(path, text)]);
        let asleep = ["src/a.rs:1: sleeps on the real clock"];
        assert_eq!(sleeps("src/a.rs", "fn f() { std::thread::sleep(d) }"), asleep);
        assert_eq!(sleeps("src/a.rs", "fn f() { tokio::time::sleep(d) }"), [""; 0]);
        let test = "async fn t() { tokio::time::sleep(d).await }";
        assert_eq!(
            sleeps("tests/a.rs", test),
            ["tests/a.rs:1: sleeps on the real clock"]
        );
        let paused = format!("#[tokio::test(start_paused = true)]\n{test}");
        assert_eq!(sleeps("tests/a.rs", &paused), [""; 0]);
        let after = format!("{paused}\n#[tokio::test]\n{test}");
        assert_eq!(
            sleeps("tests/a.rs", &after),
            ["tests/a.rs:4: sleeps on the real clock"]
        );
        assert_eq!(
            sleeps("tests/a.rs", "fn f() { sleep(d) }"),
            ["tests/a.rs:1: sleeps on the real clock"]
        );
    }
}
