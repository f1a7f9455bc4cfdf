//! How long files are, without their tests.

use crate::source::Source;

pub const LONGEST: usize = 450;

pub fn length(source: &Source) -> usize {
    source.lines.iter().filter(|line| !line.test).count()
}

pub fn too_long(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| length(source) > LONGEST);
    long.map(|source| {
        format!(
            "{}:{LONGEST}: {} lines, more than {LONGEST}",
            source.path,
            length(source)
        )
    })
    .collect()
}

/// The median and the ninetieth percentile.
pub fn quantiles(sources: &[Source]) -> (usize, usize) {
    let mut lengths: Vec<usize> = sources.iter().map(length).filter(|length| *length > 0).collect();
    lengths.sort_unstable();
    let at = |percent: usize| {
        lengths
            .get(lengths.len().saturating_sub(1) * percent / 100)
            .copied()
            .unwrap_or(0)
    };
    (at(50), at(90))
}
