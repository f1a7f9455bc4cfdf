//! What others can cause as often as they like, and the log or the application is to hear of now and then.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often it hears of one thing, so many times: whoever causes it could fill a disk otherwise.
const EVERY: Duration = Duration::from_secs(10);

/// Lets so many lines pass in ten seconds, and counts the others.
#[derive(Debug)]
pub(crate) struct Throttle {
    lines: u32,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// When the last ten seconds began.
    since: Option<Instant>,
    /// The lines that they have had.
    lines: u32,
    /// How often it has happened without a line.
    unsaid: u64,
}

impl Default for Throttle {
    /// As many lines as show what goes wrong where several things do.
    fn default() -> Self {
        Self::new(10)
    }
}

impl Throttle {
    pub(crate) const fn new(lines: u32) -> Self {
        Self {
            lines,
            heard: Mutex::new(Heard {
                since: None,
                lines: 0,
                unsaid: 0,
            }),
        }
    }

    /// How often it has happened since the last line, now included, if there is to be another one.
    pub(crate) fn worth_a_line(&self) -> Option<u64> {
        self.at(now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.since.is_none_or(|since| now.duration_since(since) >= EVERY) {
            (heard.since, heard.lines) = (Some(now), 0);
        }
        heard.unsaid += 1;
        if heard.lines == self.lines {
            return None;
        }
        heard.lines += 1;
        Some(std::mem::take(&mut heard.unsaid))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "lines of the log are so far from each other, whoever causes them"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears<const N: usize>(lines: u32, seconds: [u64; N]) -> [Option<u64>; N] {
        let (throttle, start) = (Throttle::new(lines), now());
        seconds.map(|seconds| throttle.at(start + Duration::from_secs(seconds)))
    }

    #[test]
    fn the_log_hears_of_it_every_ten_seconds_with_what_it_missed() {
        let heard = hears(1, [0, 1, 9, 10, 19, 40]);
        assert_eq!(heard, [Some(1), None, None, Some(3), None, Some(2)]);
    }

    #[test]
    fn or_as_often_as_it_may() {
        let heard = hears(2, [0, 1, 2, 9, 12, 13, 14]);
        assert_eq!(heard, [Some(1), Some(1), None, None, Some(3), Some(1), None]);
    }
}
