//! Everybody loses the connection at once, and comes back at once.

use std::time::{Duration, Instant};

use crate::{Result, machine::Cpus, net::Net, process::Contestant, scenario::opening};

pub struct Storm {
    pub name: &'static str,
    pub failed: usize,
    /// Until the last was served again.
    pub wall: Duration,
    /// Server CPU, the leaving too.
    pub cpu: Duration,
    /// Resident memory before, with all connected, and the highest meanwhile, in KiB.
    pub before: f64,
    pub peak: f64,
}

pub fn measure(contestant: &Contestant, cpus: &Cpus, count: usize) -> Result<Storm> {
    let server = contestant.start(cpus, 1)?;
    let mut net = Net::new(server.port)?;
    opening::must_open(&mut net, count)?;
    server.settle()?;
    let (before, cpu) = (server.rss()?, server.cpu()?);
    server.reset_peak()?;
    net.close_all();
    let (mut net, started) = (Net::new(server.port)?, Instant::now());
    let failed = opening::open(&mut net, count, count)?;
    let wall = started.elapsed();
    Ok(Storm {
        name: contestant.name,
        failed,
        wall,
        cpu: server.cpu()? - cpu,
        before,
        peak: server.peak()?,
    })
}
