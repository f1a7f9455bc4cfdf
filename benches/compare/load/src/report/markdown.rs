//! The tables.

use crate::{
    contestants::{CEILING, MOUNTED, NODE, OURS, SOCKETIOXIDE},
    growth::{Curve, Growth},
    memory::{Memory, TALK},
    plan::{Results, Row},
    report::plots::{figure, thousands},
    rounds::{Cell, Timing, median},
    scenario::Faults,
    stalled::{CLIENTS, Fate, SIZE, Stalled},
};

type Rows = [(Row, Vec<Cell>)];

pub fn comparison(results: &Results, machine: &str, timing: Timing) -> String {
    let mut out = format!(
        "# Comparison\n\nMade by `benches/compare/run`; [benches/README.md](../README.md) says how, and how far to trust it.\n\n\
         Machine: {machine}.\n"
    );
    if timing.quick {
        out += "\n**A quick run: these figures show that it works, and no more.**\n";
    }
    let sections = [
        (!results.rows.is_empty()).then(|| cpu(&results.rows, timing)),
        results
            .rows
            .iter()
            .any(|(row, _)| row.mounted)
            .then(|| mounted(&results.rows)),
        (!results.order.is_empty()).then(|| order(&results.order)),
        (!results.memory.is_empty()).then(|| memory(&results.memory, results.waves)),
        (!results.stalled.is_empty()).then(|| stalled(&results.stalled, results.broadcasts)),
        (!results.failures.is_empty()).then(|| failures(&results.failures)),
    ];
    for section in sections.into_iter().flatten() {
        out += "\n";
        out += &section;
    }
    out
}

/// What the README of the project shows of it.
pub fn readme(results: &Results, machine: &str) -> String {
    let lines = results.rows.iter().map(|(row, cells)| {
        let ceiling = ratio(cells, OURS, CEILING).map_or("–".into(), |ratio| format!("{ratio:.2}"));
        vec![
            format!("{}: {}", row.name, row.what),
            format!("{} per {}", cost(cells, OURS), row.unit),
            ceiling,
            ratio_text(cells, SOCKETIOXIDE, OURS),
            ratio_text(cells, NODE, OURS),
        ]
    });
    let head = ["", "µs", "× ceiling", "socketioxide, × ours", "Node, × ours"];
    let idle = results
        .memory
        .iter()
        .filter(|memory| !memory.name.contains("mimalloc"));
    let idle = idle.map(|memory| format!("{} {}", memory.name, figure(memory.per_connection())));
    format!(
        "{}\nResident KiB for each of {} idle connections: {}.\n\n{machine}.\n",
        table(&head, lines),
        results
            .memory
            .first()
            .map_or(String::new(), |memory| thousands(memory.count() as f64)),
        idle.collect::<Vec<_>>().join(", "),
    )
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<_> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut out = line(&head) + &line(&vec!["---".to_owned(); head.len()]);
    for row in rows {
        out += &line(&row);
    }
    out
}

fn cell<'a>(cells: &'a [Cell], name: &str) -> Option<&'a Cell> {
    cells.iter().find(|cell| cell.name == name)
}

fn cost(cells: &[Cell], name: &str) -> String {
    cell(cells, name).and_then(Cell::cost).map_or("–".into(), figure)
}

/// The median of the rounds.
fn ratio(cells: &[Cell], name: &str, base: &str) -> Option<f64> {
    median(cell(cells, name)?.ratios(cell(cells, base)?))
}

/// The median, and from where to where the rounds went.
fn ratio_and_range(cells: &[Cell], name: &str, base: &str) -> String {
    let ratios = cell(cells, name)
        .zip(cell(cells, base))
        .map_or(Vec::new(), |(this, base)| this.ratios(base));
    let range = ratios
        .first()
        .zip(ratios.last())
        .map(|(least, most)| format!("{least:.2}–{most:.2}"));
    median(ratios).zip(range).map_or("–".into(), |(median, range)| {
        format!("**{median:.2}** ({range})")
    })
}

fn ratio_text(cells: &[Cell], name: &str, base: &str) -> String {
    ratio(cells, name, base).map_or("–".into(), |ratio| format!("{ratio:.1}"))
}

/// What went wrong, by server.
fn faults(cells: &[Cell]) -> String {
    let parts = cells.iter().filter_map(|cell| match &cell.failure {
        Some(failure) => Some(format!("{}: {failure}", cell.name)),
        None => (cell.faults != Faults::default()).then(|| format!("{}: {}", cell.name, cell.faults)),
    });
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() {
        "0".into()
    } else {
        parts.join("; ")
    }
}

fn cpu(rows: &Rows, timing: Timing) -> String {
    let head = [
        "scenario",
        "what",
        "ceiling, µs",
        "axum-socketio, µs",
        "**× ceiling** (range)",
        "socketioxide, µs",
        "× ours",
        "Node, µs",
        "× ours",
        "wrong, missing, closed",
    ];
    let lines = rows.iter().map(|(row, cells)| {
        vec![
            row.name.into(),
            format!("{}; per {}", row.what, row.unit),
            cost(cells, CEILING),
            cost(cells, OURS),
            ratio_and_range(cells, OURS, CEILING),
            cost(cells, SOCKETIOXIDE),
            ratio_text(cells, SOCKETIOXIDE, OURS),
            cost(cells, NODE),
            ratio_text(cells, NODE, OURS),
            faults(cells),
        ]
    });
    format!(
        "## Server CPU\n\nMicroseconds of user and system time, one worker thread on one CPU; medians of {} interleaved rounds of \
         {} ms. The ceiling is the least that a tokio process must do for the same bytes. Ratios are medians of the rounds' ratios.\n\n\
         ![Server CPU per message](cpu.svg)\n\n{}",
        timing.rounds,
        timing.slice.as_millis(),
        table(&head, lines)
    )
}

fn mounted(rows: &Rows) -> String {
    let lines = rows.iter().filter(|(row, _)| row.mounted).map(|(row, cells)| {
        vec![
            row.name.into(),
            cost(cells, MOUNTED),
            ratio_and_range(cells, OURS, MOUNTED),
            ratio_text(cells, SOCKETIOXIDE, MOUNTED),
            ratio_text(cells, MOUNTED, CEILING),
        ]
    });
    let head = [
        "scenario",
        "ceiling behind axum, µs",
        "axum-socketio, × that (range)",
        "socketioxide, × that",
        "that, × ceiling",
    ];
    format!(
        "## Behind axum\n\nWhere HTTP requests are the work, hyper and axum do much of it for every server that is a layer. This ceiling \
         does the same work in an axum handler.\n\n{}",
        table(&head, lines)
    )
}

fn order(rows: &Rows) -> String {
    let lines = rows.iter().map(|(row, cells)| {
        let mut line = vec![format!("{}: {}", row.name, row.what)];
        for name in [CEILING, OURS, SOCKETIOXIDE, NODE] {
            let part = cell(cells, name)
                .filter(|cell| !cell.samples.is_empty())
                .map(Cell::overtaken);
            line.push(part.map_or("–".into(), |part| format!("{:.1} %", part * 100.0)));
        }
        line.push(faults(cells));
        line
    });
    let head = [
        "scenario",
        CEILING,
        OURS,
        SOCKETIOXIDE,
        NODE,
        "wrong, missing, closed",
    ];
    format!(
        "## Order\n\nReplies that were overtaken by the reply to a later message of the same connection. Socket.IO guarantees the \
         order.\n\n{}",
        table(&head, lines)
    )
}

fn memory(all: &[Memory], waves: usize) -> String {
    let lines = all.iter().map(|memory| {
        let each = |added: f64| figure(added / memory.count() as f64);
        vec![
            memory.name.into(),
            figure(memory.start / 1024.0),
            each(memory.idle.last().map_or(f64::NAN, |&(_, added)| added)),
            each(memory.talked),
            each(memory.left),
            each(memory.waves),
            memory.faults.to_string(),
        ]
    });
    let last = format!("kept after {waves} waves");
    let talked = format!("after {} KiB in and out each", TALK / 1024);
    let head = [
        "server",
        "at the start, MiB",
        "idle",
        &talked,
        "kept after all left",
        &last,
        "wrong, missing, closed",
    ];
    format!(
        "## Memory\n\nResident KiB for each of {} WebSocket connections. The last two columns are what a server keeps of it after all \
         have left: once, and after {waves} waves of as many. glibc's allocator but for the last line, which is a footnote.\n\n\
         ![Memory over idle connections](memory.svg)\n\n{}",
        all.first()
            .map_or(String::new(), |memory| thousands(memory.count() as f64)),
        table(&head, lines)
    )
}

fn stalled(all: &[Stalled], count: u64) -> String {
    let milliseconds = |time: std::time::Duration| figure(time.as_secs_f64() * 1e3);
    let lines = all.iter().map(|stalled| {
        let fate = match stalled.fate {
            Fate::Complete => "all of them".to_owned(),
            Fate::Closed { received } => format!("{}, then it is disconnected", thousands(received as f64)),
            Fate::Hole { received } => format!("{}, **and later ones: a hole**", thousands(received as f64)),
            Fate::Silent { received } => format!("{}, **then nothing**", thousands(received as f64)),
        };
        vec![
            stalled.name.into(),
            figure(stalled.calm.growth / 1024.0),
            figure(stalled.stalled.growth / 1024.0),
            milliseconds(stalled.calm.p99),
            milliseconds(stalled.stalled.p99),
            format!("{} / {}", stalled.calm.faults, stalled.stalled.faults),
            fate,
        ]
    });
    let head = [
        "server",
        "peak, nobody stalled, MiB",
        "peak, stalled, MiB",
        "p99, nobody stalled, ms",
        "p99, stalled, ms",
        "the others: wrong, missing, closed",
        "the stalled client gets",
    ];
    format!(
        "## A client that stops reading\n\n{} broadcasts of {SIZE} B to {CLIENTS} clients, 32 under way; in the second run one of them \
         does not read until all are sent. Peak: what resident memory grew by. p99: from sending to the last of those who read.\n\n{}",
        thousands(count as f64),
        table(&head, lines)
    )
}

fn failures(failures: &[String]) -> String {
    let lines = failures.iter().map(|failure| format!("* {failure}\n"));
    format!("## Could not be measured\n\n{}", lines.collect::<String>())
}

pub fn growth(growth: &Growth, machine: &str, timing: Timing) -> String {
    let mut out = format!(
        "# Growth\n\nMade by `benches/compare/run --growth`: what a unit of work costs, over how much of it there is. Medians of {} \
         interleaved rounds of {} ms. Growth is the cost at the end as a multiple of the least; the ceiling's is the machine's own.\n\n\
         Machine: {machine}.\n\n",
        timing.rounds,
        timing.slice.as_millis()
    );
    if timing.quick {
        out += "**A quick run: these figures show that it works, and no more.**\n\n";
    }
    growth.curves.iter().for_each(|curve| out += &verdict(curve));
    out += "\n![The curves](growth.svg)\n";
    for curve in &growth.curves {
        let lines = curve.points.iter().map(|point| {
            vec![
                thousands(point.x as f64),
                figure(point.ours),
                figure(point.ceiling),
                format!("{:.2}", point.ours / point.ceiling),
            ]
        });
        let head = [
            curve.over,
            &format!("axum-socketio, {}", curve.unit),
            CEILING,
            "× ceiling",
        ];
        out += &format!("\n### {}\n\n{}", curve.name, table(&head, lines));
    }
    out += &storms(growth);
    if !growth.failures.is_empty() {
        out += "\n";
        out += &failures(&growth.failures);
    }
    out
}

fn verdict(curve: &Curve) -> String {
    let Some((first, last)) = curve.points.first().zip(curve.points.last()) else {
        return String::new();
    };
    format!(
        "* {}, {} to {} {}: {} to {} {}; × {:.2} of the least (ceiling × {:.2}): {}. Wrong, missing, closed: {}.\n",
        curve.name,
        thousands(first.x as f64),
        thousands(last.x as f64),
        curve.over,
        figure(first.ours),
        figure(last.ours),
        curve.unit,
        curve.ours(),
        curve.ceiling(),
        if curve.faster_than_the_work() {
            "**grows faster than the work**"
        } else {
            "grows no faster than the work"
        },
        curve.faults,
    )
}

fn storms(growth: &Growth) -> String {
    let lines = growth.storms.iter().map(|storm| {
        vec![
            storm.name.into(),
            storm.failed.to_string(),
            figure(storm.wall.as_secs_f64()),
            figure(storm.cpu.as_secs_f64()),
            figure(storm.before / 1024.0),
            figure(storm.peak / 1024.0),
        ]
    });
    let head = [
        "server",
        "not served",
        "until all are back, s",
        "server CPU, s",
        "memory before, MiB",
        "peak, MiB",
    ];
    format!(
        "\n### A storm\n\n{} WebSockets are cut at once and reconnect at once; the load has one CPU, the server another.\n\n{}",
        thousands(growth.storm_size as f64),
        table(&head, lines)
    )
}
