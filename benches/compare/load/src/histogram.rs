//! Durations, counted by their size: exact to 1/32.

use std::time::Duration;

const STEPS: u32 = 5;

#[derive(Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; 64 << STEPS],
            total: 0,
        }
    }
}

impl Histogram {
    pub fn add(&mut self, time: Duration) {
        self.counts[bucket(time.as_nanos() as u64)] += 1;
        self.total += 1;
    }

    /// The time that a part of all (0.5 is half) did not exceed; zero if there are none.
    pub fn quantile(&self, part: f64) -> Duration {
        let wanted = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted.max(1)
        });
        Duration::from_nanos(reached.map_or(0, lower_end))
    }
}

/// The position of the highest bit, and the bits below it.
fn bucket(nanoseconds: u64) -> usize {
    let value = nanoseconds.max(1 << STEPS);
    let shift = value.ilog2() - STEPS;
    ((shift as usize) << STEPS) + (value >> shift) as usize - (1 << STEPS)
}

fn lower_end(bucket: usize) -> u64 {
    let (shift, step) = (bucket >> STEPS, bucket & ((1 << STEPS) - 1));
    (((1 << STEPS) + step) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_exact_to_a_thirtysecond() {
        for value in [32, 33, 63, 64, 1_000, 123_456_789, u64::MAX] {
            let low = lower_end(bucket(value));
            assert!(
                low <= value && value - low <= value / 32,
                "{value} in the bucket of {low}"
            );
        }
    }

    #[test]
    fn quantiles_count_from_below() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        (0..99).for_each(|_| histogram.add(Duration::from_nanos(1024)));
        histogram.add(Duration::from_nanos(1 << 20));
        assert_eq!(histogram.quantile(0.99), Duration::from_nanos(1024));
        assert_eq!(histogram.quantile(1.0), Duration::from_nanos(1 << 20));
    }
}
