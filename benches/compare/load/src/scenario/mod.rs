//! What is done to a server, and what is counted meanwhile.

pub mod connect;
pub mod echo;
pub mod fanout;
pub mod opening;
pub mod polling;
pub mod upgrade;

use std::{
    fmt,
    ops::AddAssign,
    time::{Duration, Instant},
};

use crate::{Result, process::Server};

/// One slice of load after the other, on connections that stay.
pub trait Scenario {
    fn slice(&mut self, server: &Server, end: End) -> Result<Sample>;
}

/// When a slice sends nothing more. It still waits for what it has asked for.
#[derive(Clone, Copy)]
pub enum End {
    After(Duration),
    Count(u64),
}

impl End {
    pub fn reached(self, started: Instant, count: u64) -> bool {
        match self {
            Self::After(time) => started.elapsed() >= time,
            Self::Count(most) => count >= most,
        }
    }
}

/// How long a wait for events lasts at most: slices end that much late.
pub const TICK: Duration = Duration::from_millis(5);

/// An answer that has not come by then is missing.
pub const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Messages, deliveries or connections.
    pub work: u64,
    /// Of the server.
    pub cpu: Duration,
    pub faults: Faults,
    /// Answers that an answer to a later request of the same connection overtook.
    pub overtaken: u64,
}

impl Sample {
    /// Server CPU for each piece of work, in microseconds.
    pub fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.work as f64
    }
}

/// What may not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    pub wrong: u64,
    pub missing: u64,
    pub closed: u64,
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        self.wrong += other.wrong;
        self.missing += other.missing;
        self.closed += other.closed;
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return formatter.write_str("0");
        }
        let parts = [
            (self.wrong, "wrong"),
            (self.missing, "missing"),
            (self.closed, "closed"),
        ];
        let parts = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"));
        formatter.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

/// Measures one slice.
pub struct Meter<'a> {
    server: &'a Server,
    cpu: Duration,
    pub started: Instant,
}

impl<'a> Meter<'a> {
    pub fn start(server: &'a Server) -> Result<Self> {
        Ok(Self {
            server,
            cpu: server.cpu()?,
            started: Instant::now(),
        })
    }

    pub fn stop(self, work: u64, faults: Faults) -> Result<Sample> {
        Ok(Sample {
            work,
            cpu: self.server.cpu()? - self.cpu,
            faults,
            overtaken: 0,
        })
    }
}

/// Tells when nothing has changed for too long.
pub struct Watch {
    seen: u64,
    since: Instant,
}

impl Watch {
    pub fn new() -> Self {
        Self {
            seen: 0,
            since: Instant::now(),
        }
    }

    /// `progress` is anything that grows while there is some.
    pub fn stalled(&mut self, progress: u64) -> bool {
        if progress != self.seen {
            *self = Self {
                seen: progress,
                since: Instant::now(),
            };
        }
        self.since.elapsed() > PATIENCE
    }
}

/// The number of a message, in eight hexadecimal digits.
pub fn tag(number: u32) -> [u8; 8] {
    std::array::from_fn(|at| b"0123456789abcdef"[(number >> (28 - 4 * at)) as usize & 15])
}

pub fn untag(digits: &[u8]) -> Option<u32> {
    digits.get(..8)?.iter().try_fold(0, |number, &digit| {
        Some(number << 4 | char::from(digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_they_were_written() {
        for number in [0, 1, 0xfe, 0x1234_5678, u32::MAX] {
            assert_eq!(untag(&tag(number)), Some(number));
        }
        assert_eq!((untag(b"0000000"), untag(b"0000000g")), (None, None));
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(Faults::default().to_string(), "0");
        assert_eq!(
            Faults {
                wrong: 1,
                missing: 0,
                closed: 2
            }
            .to_string(),
            "1 wrong, 2 closed"
        );
    }
}
