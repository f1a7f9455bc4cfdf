//! One client that stops reading while everybody is broadcast to.

use std::time::{Duration, Instant};

use crate::{
    Result,
    machine::Cpus,
    net::{Net, http},
    process::{Contestant, Server},
    scenario::{
        End, Faults, PATIENCE, Scenario, TICK,
        fanout::{Audience, Fanout},
        opening,
    },
};

pub const CLIENTS: usize = 10;
pub const SIZE: usize = 256;
const WINDOW: usize = 32;
/// Sent after the client reads again.
const LATER: u64 = 10;

pub struct Stalled {
    pub name: &'static str,
    pub calm: Outcome,
    pub stalled: Outcome,
    pub fate: Fate,
}

pub struct Outcome {
    /// The most that memory grew by, in KiB.
    pub growth: f64,
    /// Of those who read.
    pub faults: Faults,
    /// From sending to the last of those who read.
    pub p99: Duration,
}

/// What becomes of the client that did not read, once it reads again.
pub enum Fate {
    /// It gets everything.
    Complete,
    /// It gets the beginning, and the connection ends.
    Closed { received: u64 },
    /// Some are missing, and later ones come nevertheless.
    Hole { received: u64 },
    /// It gets the beginning and nothing more, and is not told.
    Silent { received: u64 },
}

pub fn measure(contestant: &Contestant, cpus: &Cpus, count: u64) -> Result<Stalled> {
    let server = contestant.start(cpus, 1)?;
    let (calm, _) = broadcast(&server, count, false)?;
    drop(server);
    let server = contestant.start(cpus, 1)?;
    let (stalled, fate) = broadcast(&server, count, true)?;
    Ok(Stalled {
        name: contestant.name,
        calm,
        stalled,
        fate,
    })
}

fn broadcast(server: &Server, count: u64, stall: bool) -> Result<(Outcome, Fate)> {
    let last = CLIENTS - 1;
    let mut net = Net::new(server.port)?;
    opening::must_open(&mut net, last)?;
    // The client whose kernel would otherwise take megabytes for it. Opening it tells whether it has come.
    let path = http::path("websocket", "");
    opening::must_open_one(&mut net, |net| net.small_websocket(&path, last, 16 * 1024))?;
    let mut fanout = Fanout::on(net, Audience::All, WINDOW, SIZE)?;
    fanout.slice(server, End::Count(count / 100))?;
    server.settle()?;
    let before = server.rss()?;
    server.reset_peak()?;
    let already = fanout.state.received(last);
    if stall {
        fanout.state.stalled = Some(last);
        fanout.net().0.pause(last, true)?;
    }
    let sample = fanout.slice(server, End::Count(count))?;
    let growth = server.peak()? - before;
    let outcome = Outcome {
        growth,
        faults: sample.faults,
        p99: fanout.state.last.quantile(0.99),
    };
    let fate = if stall {
        resume(fanout, last, already, count)?
    } else {
        Fate::Complete
    };
    Ok((outcome, fate))
}

fn resume(mut fanout: Fanout, client: usize, already: u64, count: u64) -> Result<Fate> {
    let (net, state) = fanout.net();
    net.pause(client, false)?;
    read_on(net, state, client)?;
    let received = state.received(client) - already;
    if state.stalled_closed {
        return Ok(Fate::Closed { received });
    }
    (0..LATER).for_each(|_| state.send(net));
    read_on(net, state, client)?;
    let later = state.received(client) - already - received;
    Ok(match (received == count, later == LATER, state.stalled_closed) {
        (true, true, false) => Fate::Complete,
        (_, _, true) => Fate::Closed {
            received: received + later,
        },
        (_, true, false) => Fate::Hole { received },
        _ => Fate::Silent {
            received: received + later,
        },
    })
}

/// Until nothing has come for a while, or the connection has ended.
fn read_on(net: &mut Net, state: &mut crate::scenario::fanout::State, client: usize) -> Result<()> {
    let (mut seen, mut since) = (state.received(client), Instant::now());
    while since.elapsed() < PATIENCE / 2 && !state.stalled_closed {
        net.poll(TICK, state)?;
        if state.received(client) != seen {
            (seen, since) = (state.received(client), Instant::now());
        }
    }
    Ok(())
}
