//! Whether cost grows faster than the work: with connections, rooms, payload, worker threads, and when all come at once.

use std::time::Duration;

use crate::{
    Result,
    arguments::Arguments,
    contestants::Contestants,
    machine::{self, Cpus},
    memory,
    plan::progress,
    process::Contestant,
    report,
    rounds::{self, Cell, Timing},
    scenario::{
        Faults, Scenario,
        connect::Connect,
        echo::{Echo, Kind},
        fanout::{Audience, Fanout},
        opening,
    },
    storm::{self, Storm},
};

pub struct Curve {
    pub name: &'static str,
    /// Of what there is more and more.
    pub over: &'static str,
    pub unit: &'static str,
    pub points: Vec<Point>,
    pub faults: Faults,
}

pub struct Point {
    pub x: usize,
    /// The cost of a unit.
    pub ours: f64,
    pub ceiling: f64,
}

pub struct Growth {
    pub curves: Vec<Curve>,
    pub storms: Vec<Storm>,
    pub storm_size: usize,
    pub failures: Vec<String>,
}

/// What is less than this is noise.
const TOLERANCE: f64 = 1.25;

impl Curve {
    fn growth(&self, value: fn(&Point) -> f64) -> f64 {
        let least = self.points.iter().map(value).fold(f64::INFINITY, f64::min);
        self.points.last().map_or(f64::NAN, value) / least
    }

    /// The cost of a unit at the end, as a multiple of the least.
    pub fn ours(&self) -> f64 {
        self.growth(|point| point.ours)
    }

    /// What the machine and tokio add of their own: misses of caches, longer lists of epoll.
    pub fn ceiling(&self) -> f64 {
        self.growth(|point| point.ceiling)
    }

    pub fn faster_than_the_work(&self) -> bool {
        self.ours() > TOLERANCE * self.ceiling().max(1.0)
    }
}

struct Measuring<'a> {
    /// The ceiling, and ours: the ceiling has no heartbeat, so its clients may wait while the others get ready.
    pair: [&'a Contestant; 2],
    cpus: &'a Cpus,
    timing: Timing,
    failures: Vec<String>,
}

type Cost = fn(&Cell, usize) -> Option<f64>;
const COST: Cost = |cell, _| cell.cost();

type MakeAt = dyn Fn(u16, usize) -> Result<Box<dyn Scenario>>;

impl Measuring<'_> {
    /// The cost of a unit where there are so many of `over`. `threads` of them, if that is what there is more of.
    fn curve(
        &mut self,
        [name, over, unit]: [&'static str; 3],
        at: &[usize],
        cost: Cost,
        make: &MakeAt,
    ) -> Curve {
        let mut curve = Curve {
            name,
            over,
            unit,
            points: Vec::new(),
            faults: Faults::default(),
        };
        for &x in at {
            progress(&format!("{name}, {x} {over}"));
            let threads = if over == THREADS { x } else { 1 };
            let cells = rounds::run(&self.pair, threads, self.cpus, self.timing, &|port| make(port, x));
            cells.iter().for_each(|cell| curve.faults += cell.faults);
            match cells
                .iter()
                .map(|cell| cost(cell, x))
                .collect::<Option<Vec<_>>>()
                .as_deref()
            {
                Some(&[ceiling, ours]) => curve.points.push(Point { x, ours, ceiling }),
                _ => self.failures.extend(cells.iter().filter_map(|cell| {
                    cell.failure
                        .as_ref()
                        .map(|failure| format!("{name}, {x} {over}, {}: {failure}", cell.name))
                })),
            }
        }
        curve
    }

    fn memory(&mut self, at: &[usize]) -> Curve {
        let [name, over, unit] = [
            "memory of an idle connection",
            "connections",
            "KiB per connection",
        ];
        let mut curve = Curve {
            name,
            over,
            unit,
            points: Vec::new(),
            faults: Faults::default(),
        };
        progress(name);
        match self
            .pair
            .map(|contestant| memory::measure(contestant, self.cpus, at, 1))
        {
            [Ok(ceiling), Ok(ours)] => {
                let pairs = ours.idle.iter().zip(&ceiling.idle);
                curve
                    .points
                    .extend(pairs.map(|(&(x, ours), &(_, ceiling))| Point {
                        x,
                        ours: ours / x as f64,
                        ceiling: ceiling / x as f64,
                    }));
                curve.faults += ours.faults;
                curve.faults += ceiling.faults;
            }
            both => self.failures.extend(
                both.into_iter()
                    .filter_map(|one| Some(format!("{name}: {}", one.err()?))),
            ),
        }
        curve
    }
}

const THREADS: &str = "worker threads";

fn boxed<S: Scenario + 'static>(scenario: S) -> Box<dyn Scenario> {
    Box::new(scenario)
}

fn over_connections(measuring: &mut Measuring<'_>, quick: bool, most: usize) -> Vec<Curve> {
    let crowds: &[usize] = if quick { &[100, 1000] } else { &[100, 1000, most] };
    vec![
        measuring.curve(
            ["echo", "connections", "µs per message"],
            crowds,
            COST,
            &|port, x| Ok(boxed(Echo::new(port, Kind::Text, x, 1, 64)?)),
        ),
        measuring.curve(
            ["broadcast", "connections", "µs per delivery"],
            crowds,
            COST,
            &|port, x| Ok(boxed(Fanout::new(port, Audience::All, x, 1, 128)?)),
        ),
        measuring.curve(
            ["connecting", "connections", "µs per connection"],
            crowds,
            COST,
            &|port, x| {
                Ok(boxed(Connect {
                    port,
                    count: x,
                    at_once: opening::AT_ONCE,
                }))
            },
        ),
        measuring.memory(crowds),
    ]
}

fn over_rooms_and_sizes(measuring: &mut Measuring<'_>, quick: bool) -> Vec<Curve> {
    let rooms: &[usize] = if quick {
        &[1, 100, 10_000]
    } else {
        &[1, 10, 100, 1000, 10_000, 100_000]
    };
    let sizes: &[usize] = if quick {
        &[10, 1000, 100_000]
    } else {
        &[10, 100, 1000, 10_000, 100_000, LARGEST]
    };
    let per_kib: Cost = |cell, x| Some(cell.cost()? * 1024.0 / x as f64);
    vec![
        measuring.curve(
            ["message to a room of 10", "rooms", "µs per delivery"],
            rooms,
            COST,
            &|port, x| {
                Ok(boxed(Fanout::new(
                    port,
                    Audience::Rooms {
                        rooms: x,
                        members: 10,
                    },
                    1000,
                    4,
                    128,
                )?))
            },
        ),
        measuring.curve(
            ["echo of a large text", "bytes", "µs per KiB"],
            sizes,
            per_kib,
            &|port, x| Ok(boxed(Echo::new(port, Kind::Text, 10, 1, x)?)),
        ),
    ]
}

fn over_threads(measuring: &mut Measuring<'_>) -> Vec<Curve> {
    let threads = if measuring.cpus.count() > 1 {
        &[1, 2][..]
    } else {
        &[1]
    };
    vec![
        measuring.curve(
            ["echo, 16 under way", THREADS, "µs per message"],
            threads,
            COST,
            &|port, _| Ok(boxed(Echo::new(port, Kind::Text, 50, 16, 64)?)),
        ),
        measuring.curve(
            ["broadcast, 8 under way", THREADS, "µs per delivery"],
            threads,
            COST,
            &|port, _| Ok(boxed(Fanout::new(port, Audience::All, 1000, 8, 128)?)),
        ),
    ]
}

/// With the rest of the packet it is the largest message that servers accept by default.
const LARGEST: usize = 1_000_000 - r#"42["echo",""]"#.len();

pub fn run(arguments: &Arguments, cpus: &Cpus, files: u64) -> Result<()> {
    let all = Contestants::of(arguments);
    let Arguments { quick, .. } = *arguments;
    let rounds = arguments.rounds.unwrap_or(if quick { 1 } else { 5 });
    let timing = Timing {
        rounds,
        slice: Duration::from_millis(if quick { 200 } else { 500 }),
        quick,
    };
    // Both servers' clients are there at once.
    let most = 10_000.min(usize::try_from(files)? / 2 - 100);
    let storm_size = if quick {
        500
    } else {
        10_000.min(usize::try_from(files)? - 100)
    };
    let mut measuring = Measuring {
        pair: [&all.ceiling, &all.ours],
        cpus,
        timing,
        failures: Vec::new(),
    };
    let mut curves = over_connections(&mut measuring, quick, most);
    curves.extend(over_rooms_and_sizes(&mut measuring, quick));
    curves.extend(over_threads(&mut measuring));
    let mut growth = Growth {
        curves,
        storms: Vec::new(),
        storm_size,
        failures: measuring.failures,
    };
    for contestant in [&all.ours, &all.ceiling, &all.socketioxide, &all.node] {
        progress(&format!("a storm on {}", contestant.name));
        match storm::measure(contestant, cpus, storm_size) {
            Ok(storm) => growth.storms.push(storm),
            Err(error) => growth
                .failures
                .push(format!("a storm on {}: {error}", contestant.name)),
        }
    }
    report::growth(
        &growth,
        &machine::description(&arguments.here, cpus),
        timing,
        arguments.output(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        let points = points
            .iter()
            .map(|&(ours, ceiling)| Point { x: 1, ours, ceiling })
            .collect();
        Curve {
            name: "",
            over: "",
            unit: "",
            points,
            faults: Faults::default(),
        }
    }

    #[test]
    fn a_cost_per_unit_that_grows_beyond_the_ceilings_is_told() {
        assert!(!curve(&[(1.0, 1.0), (1.1, 1.0)]).faster_than_the_work());
        assert!(curve(&[(1.0, 1.0), (1.5, 1.0)]).faster_than_the_work());
        assert!(
            !curve(&[(1.0, 1.0), (1.5, 1.4)]).faster_than_the_work(),
            "the machine's doing"
        );
        assert!(
            curve(&[(9.0, 9.0), (1.0, 1.0), (2.0, 1.0)]).faster_than_the_work(),
            "after a fall"
        );
    }
}
