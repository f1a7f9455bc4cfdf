//! Resident memory over connections that do nothing, after each of them has said something, and after all have left.

use crate::{
    Result,
    machine::Cpus,
    net::Net,
    process::{Contestant, Server},
    scenario::{Faults, echo, opening},
};

/// What every client sends and gets back once.
pub const TALK: usize = 16 * 1024;

#[derive(Clone, Default)]
pub struct Memory {
    pub name: &'static str,
    /// Before anybody came. All in KiB.
    pub start: f64,
    /// Connections, and what they added.
    pub idle: Vec<(usize, f64)>,
    /// What they have added after [`TALK`].
    pub talked: f64,
    /// What is left of it after all have left.
    pub left: f64,
    /// The same, after more waves of as many connections.
    pub waves: f64,
    pub faults: Faults,
}

impl Memory {
    pub fn count(&self) -> usize {
        self.idle.last().map_or(1, |&(count, _)| count)
    }

    pub fn per_connection(&self) -> f64 {
        self.idle
            .last()
            .map_or(f64::NAN, |&(count, added)| added / count as f64)
    }
}

pub fn measure(contestant: &Contestant, cpus: &Cpus, marks: &[usize], waves: usize) -> Result<Memory> {
    let server = contestant.start(cpus, 1)?;
    let mut memory = Memory {
        name: contestant.name,
        ..Memory::default()
    };
    // What any first connection costs once is none of theirs.
    wave(&server, 20, &mut memory.faults)?;
    memory.start = server.rss()?;
    let mut net = Net::new(server.port)?;
    for &mark in marks {
        let count = mark - net.count();
        memory.faults.missing += opening::open(&mut net, count, opening::AT_ONCE)? as u64;
        server.settle()?;
        memory.idle.push((mark, server.rss()? - memory.start));
    }
    memory.faults += echo::once_each(&mut net, TALK)?;
    server.settle()?;
    memory.talked = server.rss()? - memory.start;
    net.close_all();
    server.settle()?;
    memory.left = server.rss()? - memory.start;
    for _ in 1..waves {
        wave(&server, memory.count(), &mut memory.faults)?;
    }
    memory.waves = server.rss()? - memory.start;
    Ok(memory)
}

fn wave(server: &Server, count: usize, faults: &mut Faults) -> Result<()> {
    let mut net = Net::new(server.port)?;
    faults.missing += opening::open(&mut net, count, opening::AT_ONCE)? as u64;
    net.close_all();
    server.settle()
}
