//! `docs/from-socketio-js.md` has every member, each proved by a test, compiled and found by its JS name.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

mod names;
mod page;
mod sources;

use self::{
    names::{BEYOND, CLASSES, OPTIONS},
    page::{Row, Section, last_word, sections},
    sources::Sources,
};

const PAGE: &str = include_str!("../../docs/from-socketio-js.md");

#[test]
fn every_member_has_a_row_in_the_order_of_its_document() {
    assert_eq!(out_of_order(&sections(PAGE)), [""; 0]);
}

#[test]
fn every_row_names_tests_that_are_there() {
    assert_eq!(unproved(&sections(PAGE), &Sources::read()), [""; 0]);
}

/// The blocks are compiled with the tests of the documentation.
#[test]
fn every_spelling_is_compiled_in_the_order_of_the_rows() {
    assert_eq!(not_compiled(&sections(PAGE)), [""; 0]);
}

#[test]
fn every_member_is_found_by_its_js_name() {
    assert_eq!(not_found(&sections(PAGE), &Sources::read()), [""; 0]);
}

/// Each check on pages with one mistake.
#[test]
fn mistakes_are_noticed() {
    let sources = Sources::read();
    let id = line(PAGE, "| `socket.id`");
    let rooms = line(PAGE, "| `socket.rooms`");
    let swapped = PAGE
        .replacen(id, "\u{0}", 1)
        .replacen(rooms, id, 1)
        .replacen('\u{0}', rooms, 1);
    for page in [
        swapped,
        PAGE.replacen(id, rooms, 1),
        without(PAGE, id),
        without(PAGE, line(PAGE, "| `wsEngine`")),
    ] {
        assert_ne!(out_of_order(&sections(&page)), [""; 0]);
    }
    let renamed = id.replace("the_id_is", "the_id_was");
    let elsewhere = id.replace("members::socket", "members::server");
    let unproven = format!("{}| |", id.rsplit_once("| `").unwrap().0);
    let no_test = id.replace("the_id_is_the_one_that_the_client_was_told", "connected");
    for row in [renamed, elsewhere, unproven, no_test] {
        assert_ne!(
            unproved(&sections(&PAGE.replacen(id, &row, 1)), &sources),
            [""; 0],
            "{row}"
        );
    }
    for page in [
        without(PAGE, "socket.id();"),
        PAGE.replacen("socket.id();\n", "socket.identity();\n", 1),
        PAGE.replacen(
            "socket.id();\nsocket.rooms();",
            "socket.rooms();\nsocket.id();",
            1,
        ),
        PAGE.replacen("`socket.id()`", "`socket.identity()`", 1),
    ] {
        assert_ne!(not_compiled(&sections(&page)), [""; 0]);
    }
    let other = PAGE.replacen("`socket.conn`", "`socket.wire`", 1);
    assert_ne!(not_found(&sections(&other), &sources), [""; 0]);
}

fn line<'a>(page: &'a str, start: &str) -> &'a str {
    page.lines().find(|line| line.starts_with(start)).unwrap()
}

fn without(page: &str, line: &str) -> String {
    page.replacen(&format!("{line}\n"), "", 1)
}

fn out_of_order(sections: &[Section]) -> Vec<String> {
    let expected = CLASSES
        .into_iter()
        .chain([("Options", OPTIONS), ("Beyond 2.0", BEYOND)]);
    let titles: Vec<_> = sections.iter().map(|section| &*section.title).collect();
    if titles != expected.clone().map(|(title, _)| title).collect::<Vec<_>>() {
        return vec![format!("the sections are {titles:?}")];
    }
    expected
        .zip(sections)
        .filter_map(|((title, members), section)| {
            let rows: Vec<_> = section.rows.iter().filter_map(Row::member).collect();
            let first = (0..members.len().max(rows.len())).find(|&at| members.get(at) != rows.get(at))?;
            Some(format!(
                "{title}: {:?} where {:?} belongs",
                rows.get(first),
                members.get(first)
            ))
        })
        .collect()
}

fn unproved(sections: &[Section], sources: &Sources) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows(sections) {
        if row.tests().is_empty() {
            wrong.push(format!("{} has no test", row.js));
        }
        let missing = row.tests().into_iter().filter(|test| !sources.has_test(test));
        wrong.extend(missing.map(|test| format!("{}: there is no test {test}", row.js)));
    }
    wrong
}

fn not_compiled(sections: &[Section]) -> Vec<String> {
    let mut wrong = Vec::new();
    for section in sections {
        let (rows, code) = (&section.rows, &section.code);
        if rows.len() != code.len() {
            wrong.push(format!(
                "{}: {} rows, {} lines",
                section.title,
                rows.len(),
                code.len()
            ));
        }
        for (row, line) in rows.iter().zip(code) {
            let names = row.names();
            if names.is_empty() || !names.iter().all(|name| is_used(name, line)) {
                wrong.push(format!("{}: not all of {names:?} are in {line}", row.js));
            }
        }
    }
    wrong
}

/// Whether a line calls a function of this name, or names a type.
fn is_used(name: &str, line: &str) -> bool {
    let ends = line
        .match_indices(['(', ':', '.', ' '])
        .map(|(at, _)| &line[..at]);
    ends.filter_map(last_word).any(|word| word == name)
}

fn not_found(sections: &[Section], sources: &Sources) -> Vec<String> {
    rows(sections)
        .filter_map(|row| {
            let member = row.member()?;
            let known = js_names(member).into_iter().any(|js| {
                let names = row.names();
                names.iter().any(|item| sources.is_known_as(item, js))
            });
            (!known).then(|| format!("{member}: none of {:?} is known by this name", row.names()))
        })
        .collect()
}

/// What somebody who knows the member looks for: what is between quotes, or else the last of its words.
fn js_names(member: &str) -> Vec<&str> {
    let quoted = member.split(['\'', '"']).nth(1);
    let called = member.rfind('(').map_or(member, |at| &member[..at]);
    quoted.into_iter().chain(last_word(called)).collect()
}

fn rows(sections: &[Section]) -> impl Iterator<Item = &Row> {
    sections.iter().flat_map(|section| &section.rows)
}
