//! The scenarios of the comparison, and the run through all of them.

use std::time::Duration;

use crate::{
    Result,
    arguments::Arguments,
    contestants::Contestants,
    machine::{self, Cpus},
    memory::{self, Memory},
    process::Contestant,
    report,
    rounds::{self, Cell, Make, Timing},
    scenario::{
        Scenario,
        connect::Connect,
        echo::{Echo, Kind},
        fanout::{Audience, Fanout},
        polling::Polling,
        upgrade::Upgrade,
    },
    stalled::{self, Stalled},
};

pub struct Row {
    pub name: &'static str,
    /// What the server does for each of these is what the figures are for.
    pub unit: &'static str,
    pub what: &'static str,
    /// Most of it happens in hyper, so that a ceiling behind axum tells more.
    pub mounted: bool,
    make: Box<Make<'static>>,
}

/// What a run found out.
#[derive(Default)]
pub struct Results {
    pub rows: Vec<(Row, Vec<Cell>)>,
    pub order: Vec<(Row, Vec<Cell>)>,
    pub memory: Vec<Memory>,
    pub stalled: Vec<Stalled>,
    pub waves: usize,
    pub broadcasts: u64,
    /// Rows that could not be measured.
    pub failures: Vec<String>,
}

fn row<S: Scenario + 'static>(
    (name, unit, mounted): (&'static str, &'static str, bool),
    what: &'static str,
    make: impl Fn(u16) -> Result<S> + 'static,
) -> Row {
    let make = move |port| -> Result<Box<dyn Scenario>> { Ok(Box::new(make(port)?)) };
    Row {
        name,
        unit,
        what,
        mounted,
        make: Box::new(make),
    }
}

fn rows(quick: bool) -> Vec<Row> {
    let crowd = if quick { 200 } else { 1000 };
    echoes()
        .into_iter()
        .chain(fanouts(crowd))
        .chain(requests(crowd))
        .collect()
}

fn echoes() -> Vec<Row> {
    let echo = |name, what, kind, depth, size| {
        row((name, "message", false), what, move |port| {
            Echo::new(port, kind, 50, depth, size)
        })
    };
    vec![
        echo(
            "echo-1",
            "50 connections, 64 B text, 1 under way",
            Kind::Text,
            1,
            64,
        ),
        echo("echo-16", "the same, 16 under way", Kind::Text, 16, 64),
        echo(
            "echo-json",
            "nested object of 230 B, 4 under way",
            Kind::Json,
            4,
            64,
        ),
        echo("echo-4k", "4 KiB text, 4 under way", Kind::Text, 4, 4096),
        echo(
            "echo-ack",
            "64 B text, by acknowledgement, 4 under way",
            Kind::Ack,
            4,
            64,
        ),
        echo("echo-bin", "1 KiB binary, 4 under way", Kind::Binary, 4, 1024),
    ]
}

fn fanouts(crowd: usize) -> Vec<Row> {
    let fanout = |name, what, audience, window| {
        row((name, "delivery", false), what, move |port| {
            Fanout::new(port, audience, crowd, window, 128)
        })
    };
    let rooms = Audience::Rooms {
        rooms: crowd,
        members: 10,
    };
    vec![
        fanout(
            "bcast-1000",
            "128 B to 1,000 clients, one at a time",
            Audience::All,
            1,
        ),
        fanout("bcast-1000-w8", "the same, 8 under way", Audience::All, 8),
        fanout(
            "room",
            "128 B to rooms of 10, of 1,000 rooms, 4 under way",
            rooms,
            4,
        ),
    ]
}

fn requests(crowd: usize) -> Vec<Row> {
    let polling = "50 clients on long-polling, 64 B echo, 1 under way";
    let upgrade = "polling, CONNECT, probe, upgrade, echo, 64 at a time";
    vec![
        row(("polling", "message", true), polling, |port| {
            Polling::new(port, 50, 64)
        }),
        row(
            ("connect-ws", "connection", true),
            "WebSocket and CONNECT, 16 at a time",
            move |port| {
                Ok(Connect {
                    port,
                    count: crowd,
                    at_once: 16,
                })
            },
        ),
        row(("connect-upgrade", "connection", true), upgrade, move |port| {
            Ok(Upgrade {
                port,
                count: crowd / 4,
                at_once: 64,
            })
        }),
    ]
}

/// Whether replies overtake each other.
fn order() -> Vec<Row> {
    vec![
        row(("order-4", "message", false), "echo, 4 under way", |port| {
            Echo::new(port, Kind::Text, 50, 4, 64)
        }),
        row(("order-16", "message", false), "echo, 16 under way", |port| {
            Echo::new(port, Kind::Text, 50, 16, 64)
        }),
    ]
}

pub fn run(arguments: &Arguments, cpus: &Cpus, files: u64) -> Result<()> {
    let Arguments { quick, .. } = *arguments;
    let rounds = arguments.rounds.unwrap_or(if quick { 1 } else { 7 });
    let slice = Duration::from_millis(if quick { 200 } else { 500 });
    let timing = Timing { rounds, slice, quick };
    let all = Contestants::of(arguments);
    let four = [&all.ours, &all.socketioxide, &all.node, &all.ceiling];
    let mut results = Results {
        waves: if quick { 2 } else { 10 },
        ..Results::default()
    };
    results.broadcasts = if quick { 10_000 } else { 100_000 };
    for row in rows(quick).into_iter().filter(|row| arguments.wants(row.name)) {
        progress(row.name);
        let mut these = four.to_vec();
        these.extend(row.mounted.then_some(&all.mounted));
        let cells = rounds::run(&these, 1, cpus, timing, &row.make);
        results.rows.push((row, cells));
    }
    let once = Timing { rounds: 1, ..timing };
    for row in order().into_iter().filter(|row| arguments.wants(row.name)) {
        progress(row.name);
        let cells = rounds::run(&four, 1, cpus, once, &row.make);
        results.order.push((row, cells));
    }
    if arguments.wants("memory") {
        memory(
            &mut results,
            &[
                &all.ceiling,
                &all.ours,
                &all.socketioxide,
                &all.node,
                &all.mimalloc,
            ],
            cpus,
            files,
            quick,
        );
    }
    if arguments.wants("stalled") {
        stall(&mut results, &four, cpus);
    }
    let machine = machine::description(&arguments.here, cpus);
    report::comparison(&results, &machine, timing, arguments.output())?;
    if arguments.output() == &arguments.here {
        report::readme(&results, &machine, &arguments.here.join("../../README.md"))?;
    }
    Ok(())
}

fn memory(results: &mut Results, contestants: &[&Contestant], cpus: &Cpus, files: u64, quick: bool) {
    let marks: &[usize] = if quick {
        &[100, 500, 1000]
    } else {
        &[100, 1000, 2500, 5000, 7500, 10_000]
    };
    // A server needs some files besides, and so does this process.
    let marks: Vec<_> = marks
        .iter()
        .copied()
        .filter(|&mark| (mark as u64) + 100 < files)
        .collect();
    for contestant in contestants {
        progress(&format!("memory of {}", contestant.name));
        match memory::measure(contestant, cpus, &marks, results.waves) {
            Ok(memory) => results.memory.push(memory),
            Err(error) => results
                .failures
                .push(format!("memory of {}: {error}", contestant.name)),
        }
    }
}

fn stall(results: &mut Results, contestants: &[&Contestant], cpus: &Cpus) {
    for contestant in contestants {
        progress(&format!("a stalled client of {}", contestant.name));
        match stalled::measure(contestant, cpus, results.broadcasts) {
            Ok(stalled) => results.stalled.push(stalled),
            Err(error) => results
                .failures
                .push(format!("a stalled client of {}: {error}", contestant.name)),
        }
    }
}

pub fn progress(what: &str) {
    eprintln!("compare: {what}");
}
