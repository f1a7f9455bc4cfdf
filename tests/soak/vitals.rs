//! What the process uses.

use std::{fmt, fs};

use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What it uses at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// KiB in memory.
    memory: usize,
    /// KiB that were asked for and not given back, by the clients too.
    heap: usize,
    /// Open file descriptors, those of the clients included.
    files: usize,
    tasks: usize,
    connections: usize,
}

#[derive(Debug)]
pub(crate) struct Vitals(Vec<Sample>);

impl Sample {
    pub(crate) fn of(tasks: usize, connections: usize) -> Self {
        Self {
            memory: memory(),
            heap: HEAP.current_usage() / 1024,
            files: files(),
            tasks,
            connections,
        }
    }
}

impl Sample {
    /// While nobody is connected the process uses what it did before so many connections came and went: tables that have grown are all that
    /// is more.
    pub(crate) fn assert_again(&self, after: &Self, connections: u64) {
        let heap = self.heap + 32 + usize::try_from(connections).unwrap() / 64;
        eprintln!(
            "while nobody is connected, before and after: heap {} and {} KiB, files {} and {}",
            self.heap, after.heap, self.files, after.files
        );
        assert!(after.heap <= heap, "memory of {connections} connections stays");
        assert!(
            after.files <= self.files,
            "files of {connections} connections stay"
        );
    }
}

impl Vitals {
    /// For so many looks.
    pub(crate) fn of(looks: u64) -> Self {
        Self(Vec::with_capacity(looks.try_into().unwrap()))
    }

    pub(crate) fn push(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// The last quarter uses what the second did, when everything had been used for the first time.
    pub(crate) fn assert_flat(&self) {
        let (before, after) = self.quarters();
        let within = |value: usize, of: usize, slack: usize| value <= of + of / 10 + slack;
        assert!(within(after.memory, before.memory, 4096), "memory grows: {self}");
        assert!(within(after.files, before.files, 20), "files grow: {self}");
        assert!(within(after.tasks, before.tasks, 20), "tasks grow: {self}");
    }

    /// The means of the second and of the last quarter.
    fn quarters(&self) -> (Sample, Sample) {
        let quarter = self.0.len() / 4;
        (
            mean(&self.0[quarter..2 * quarter]),
            mean(&self.0[self.0.len() - quarter..]),
        )
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = self.quarters();
        write!(
            f,
            "in the mean of the second and of the last quarter of {} looks: memory {} and {} KiB, heap {} and {} KiB, files {} and {}, \
             tasks {} and {}, \
             connections {} and {}",
            self.0.len(),
            before.memory,
            after.memory,
            before.heap,
            after.heap,
            before.files,
            after.files,
            before.tasks,
            after.tasks,
            before.connections,
            after.connections
        )
    }
}

/// KiB of this process in memory.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Open file descriptors of this process.
pub(crate) fn files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn mean(samples: &[Sample]) -> Sample {
    let mean = |of: fn(&Sample) -> usize| samples.iter().map(of).sum::<usize>() / samples.len();
    Sample {
        memory: mean(|sample| sample.memory),
        heap: mean(|sample| sample.heap),
        files: mean(|sample| sample.files),
        tasks: mean(|sample| sample.tasks),
        connections: mean(|sample| sample.connections),
    }
}
