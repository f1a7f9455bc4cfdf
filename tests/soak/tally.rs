//! What has been counted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// What all clients have seen.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) echoes: AtomicU64,
    pub(crate) acks: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) news: AtomicU64,
    pub(crate) passed_on: AtomicU64,
    pub(crate) upgrades: AtomicU64,
    /// Upgrades that were given up.
    pub(crate) probes: AtomicU64,
    pub(crate) ends: Mutex<BTreeMap<String, u64>>,
}

impl Tally {
    /// How many connections have come and gone.
    pub(crate) fn connections(&self) -> u64 {
        self.ends.lock().unwrap().values().sum()
    }

    pub(crate) fn ended(&self, how: String) {
        *self.ends.lock().unwrap().entry(how).or_default() += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = self.connections();
        let ends = self.ends.lock().unwrap();
        writeln!(f, "connections: {connections}, by their ends: {ends:?}")?;
        let upgrades = (self.upgrades.load(Relaxed), self.probes.load(Relaxed));
        writeln!(f, "upgrades: {}, given up: {}", upgrades.0, upgrades.1)?;
        let own = (
            self.echoes.load(Relaxed),
            self.acks.load(Relaxed),
            self.answers.load(Relaxed),
        );
        writeln!(
            f,
            "events echoed: {}, acknowledged: {}, questions answered: {}",
            own.0, own.1, own.2
        )?;
        let others = (self.news.load(Relaxed), self.passed_on.load(Relaxed));
        write!(
            f,
            "deliveries of news: {}, of other clients' events: {}",
            others.0, others.1
        )
    }
}
