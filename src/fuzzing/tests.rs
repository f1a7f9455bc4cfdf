//! The fuzz targets without a fuzzer: their seeds, and a few thousand inputs made from them.
//!
//! What is drawn is drawn from a constant, so that a run that fails can be repeated.

use std::{fs, path::Path};

/// From each seed.
const MUTATIONS: usize = 2_000;

/// Most mutations of one seed before it starts over.
const GENERATIONS: usize = 12;

/// Runs the seeds of a target and what can be made of them.
fn run(target: &str, check: impl Fn(&[u8])) {
    let seeds = seeds(target);
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    for (name, seed) in &seeds {
        let mut input = seed.clone();
        for round in 0..=MUTATIONS {
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&input)));
            assert!(
                checked.is_ok(),
                "{target}, {name}, round {round}: {:?}",
                input.escape_ascii().to_string()
            );
            if round % GENERATIONS == 0 {
                input.clone_from(seed);
            }
            draw.mutate(&mut input, &seeds);
        }
    }
}

/// The seeds of a target by their names.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "seeds of {target}");
    let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .map(|file| (name(file), fs::read(file).unwrap()))
        .collect()
}

/// A xorshift generator.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.next(256)).unwrap()
    }

    fn mutate(&mut self, input: &mut Vec<u8>, seeds: &[(String, Vec<u8>)]) {
        /// Bytes that mean something to one grammar or another.
        const TELLING: &[u8] =
            b"0123456789{}[]\",:-/?&=%+\\b\x1e\xff\x00\x80\x81\xfe\x7f\xc3\xa9\xe2\x82\xac\xf0";

        let at = self.next(input.len());
        match self.next(8) {
            0 if !input.is_empty() => input[at] ^= 1 << self.next(8),
            1 if !input.is_empty() => input[at] = TELLING[self.next(TELLING.len())],
            2 if !input.is_empty() => drop(input.remove(at)),
            3 if !input.is_empty() => input.truncate(at),
            4 => input.insert(at, TELLING[self.next(TELLING.len())]),
            5 => input.insert(at, self.byte()),
            6 => {
                let again = input[at..(at + self.next(16)).min(input.len())].to_vec();
                input.splice(at..at, again);
            }
            _ => {
                let (_, other) = &seeds[self.next(seeds.len())];
                let from = self.next(other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
        input.truncate(2048);
    }
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

#[test]
fn websocket_stream() {
    run("websocket_stream", |input| {
        let Some((&count, rest)) = input.split_first() else {
            return;
        };
        let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 16)));
        let whole = super::websocket_stream(stream, &[], 300);
        assert_eq!(super::websocket_stream(stream, sizes, 300), whole);
        assert_eq!(super::websocket_stream(stream, &[0], 300), whole);
    });
}

#[cfg(feature = "deflate")]
#[test]
fn deflate_stream() {
    run("deflate_stream", super::deflate_stream);
}

#[test]
fn packet() {
    run("packet", |input| super::packet(&text(input)));
}

#[test]
fn packet_with_attachments() {
    run("packet_with_attachments", super::packet_with_attachments);
}

#[cfg(feature = "msgpack")]
#[test]
fn msgpack() {
    run("msgpack", super::msgpack);
}

#[test]
fn payload_v4() {
    run("payload_v4", |input| super::payload_v4(&text(input)));
}

#[test]
fn payload_v3() {
    run("payload_v3", super::payload_v3);
}

#[test]
fn jsonp() {
    run("jsonp", super::jsonp);
}

#[test]
fn query() {
    run("query", |input| super::query(&text(input)));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "an Instant can't be made from nothing")]
fn session() {
    let epoch = std::time::Instant::now();
    run("session", |input| super::session(input, epoch));
}
