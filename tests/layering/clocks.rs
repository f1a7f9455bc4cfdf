//! Nothing waits on the real clock: code is told the time, tests wait for what they need to see.

use crate::source::Source;

/// Waiting for time to pass, in tests only where the clock is paused.
const SLEEPS: &[&str] = &[
    "time::sleep(",
    "time::sleep_until(",
    "time::interval(",
    " sleep(",
    "(sleep(",
];

pub fn sleeps(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(sleeps_in).collect()
}

fn sleeps_in(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let (mut next_is_paused, mut paused) = (false, false);
    for (number, line) in source.numbered() {
        let code = line.code.trim();
        if code.starts_with("#[tokio::test") {
            next_is_paused = code.contains("start_paused = true");
        } else if is_function(code) {
            paused = std::mem::take(&mut next_is_paused);
        }
        let thread = code.contains("thread::sleep");
        if thread || (line.test && !paused && SLEEPS.iter().any(|sleep| line.code.contains(sleep))) {
            found.push(format!("{}:{number}: sleeps on the real clock", source.path));
        }
    }
    found
}

fn is_function(code: &str) -> bool {
    let mut words = code
        .split_whitespace()
        .skip_while(|word| matches!(*word, "pub" | "async" | "const"));
    words.next() == Some("fn")
}
