//! Interleaved rounds: every server gets a slice of load, and again, and again. A neighbour that disturbs the machine
//! disturbs all of them alike, so the ratio of two slices of one round says more than either of them.

use std::time::{Duration, Instant};

use crate::{
    Result,
    machine::Cpus,
    process::{Contestant, Server},
    scenario::{End, Faults, Sample, Scenario},
};

pub type Make<'a> = dyn Fn(u16) -> Result<Box<dyn Scenario>> + 'a;

#[derive(Clone, Copy)]
pub struct Timing {
    pub rounds: usize,
    pub slice: Duration,
    /// Only half of it, and of every warm-up.
    pub quick: bool,
}

/// What one server did in all rounds.
#[derive(Clone)]
pub struct Cell {
    pub name: &'static str,
    pub samples: Vec<Sample>,
    /// In all slices, the warm-up too.
    pub faults: Faults,
    /// Why there are no more samples.
    pub failure: Option<String>,
}

struct Running {
    server: Server,
    scenario: Box<dyn Scenario>,
}

impl Cell {
    fn slice(&mut self, running: &mut Running, end: End) -> Option<Sample> {
        match running.scenario.slice(&running.server, end) {
            Ok(sample) if sample.work > 0 => {
                self.faults += sample.faults;
                Some(sample)
            }
            Ok(sample) => {
                self.failure = Some(format!("nothing came back ({})", sample.faults));
                None
            }
            Err(error) => {
                self.failure = Some(error.to_string());
                None
            }
        }
    }

    /// Microseconds of server CPU for each piece of work.
    pub fn cost(&self) -> Option<f64> {
        median(self.samples.iter().map(Sample::cost).collect())
    }

    /// The cost as a multiple of that of another, round by round, in ascending order.
    pub fn ratios(&self, other: &Self) -> Vec<f64> {
        let pairs = self.samples.iter().zip(&other.samples);
        let mut ratios: Vec<_> = pairs.map(|(this, other)| this.cost() / other.cost()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }

    /// The part of all answers that was overtaken.
    pub fn overtaken(&self) -> f64 {
        let (overtaken, work) = self.samples.iter().fold((0, 0), |(overtaken, work), sample| {
            (overtaken + sample.overtaken, work + sample.work)
        });
        overtaken as f64 / work as f64
    }
}

/// Lets all servers run at once, and loads one at a time.
pub fn run(
    contestants: &[&Contestant],
    threads: usize,
    cpus: &Cpus,
    timing: Timing,
    make: &Make<'_>,
) -> Vec<Cell> {
    let mut all: Vec<_> = contestants
        .iter()
        .map(|contestant| start(contestant, threads, cpus, timing, make))
        .collect();
    let count = all.len();
    for round in 0..timing.rounds {
        for place in 0..count {
            // Nobody is always the first.
            let (cell, running) = &mut all[(round + place) % count];
            if let Some(running) = running.as_mut().filter(|_| cell.failure.is_none())
                && let Some(sample) = cell.slice(running, End::After(timing.slice))
            {
                cell.samples.push(sample);
            }
        }
    }
    all.into_iter().map(|(cell, _)| cell).collect()
}

fn start(
    contestant: &Contestant,
    threads: usize,
    cpus: &Cpus,
    timing: Timing,
    make: &Make<'_>,
) -> (Cell, Option<Running>) {
    let mut cell = Cell {
        name: contestant.name,
        samples: Vec::new(),
        faults: Faults::default(),
        failure: None,
    };
    let running = contestant.start(cpus, threads).and_then(|server| {
        let scenario = make(server.port)?;
        Ok(Running { server, scenario })
    });
    match running {
        Ok(mut running) => {
            let (warm_up, started) = (
                contestant.warm_up / if timing.quick { 2 } else { 1 },
                Instant::now(),
            );
            while started.elapsed() < warm_up && cell.failure.is_none() {
                cell.slice(&mut running, End::After(warm_up));
            }
            (cell, Some(running))
        }
        Err(error) => {
            cell.failure = Some(error.to_string());
            (cell, None)
        }
    }
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values.get(middle).copied();
    }
    Some((values.get(middle.checked_sub(1)?)? + values.get(middle)?) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(costs: &[u64]) -> Cell {
        let sample = |&cost: &u64| Sample {
            work: 1,
            cpu: Duration::from_micros(cost),
            ..Sample::default()
        };
        let samples = costs.iter().map(sample).collect();
        Cell {
            name: "",
            samples,
            faults: Faults::default(),
            failure: None,
        }
    }

    #[test]
    fn ratios_pair_the_rounds() {
        // A neighbour made the second round ten times as dear for both.
        let ratios = cell(&[2, 30, 2]).ratios(&cell(&[1, 10, 1]));
        assert_eq!(ratios, [2.0, 2.0, 3.0]);
        assert_eq!(cell(&[2, 30, 2]).cost(), Some(2.0));
    }

    #[test]
    fn a_median_of_none_is_none() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![3.0, 1.0, 9.0]), Some(3.0));
    }
}
