//! The examples as they are built, each tried with Node's client as `examples/README.md` says it can be.
//!
//! `cargo test` builds the examples, `cargo test --test examples` alone doesn't: then it is `cargo build --examples`
//! that brings them up to date.

#[path = "support/checks.rs"]
mod checks;
#[path = "support/setup.rs"]
mod setup;

use std::{
    env::consts::EXE_SUFFIX,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};

/// How long an example may take until it listens.
const DEADLINE: Duration = Duration::from_secs(60);

/// An example that runs, until this is dropped.
struct Example {
    url: String,
    _process: Child,
}

async fn try_out(name: &str) {
    let example = Example::start(name).await;
    let mut script = setup::node(&format!("examples/{name}.mjs"));
    script.arg(&example.url);
    checks::play(script).await;
}

impl Example {
    async fn start(name: &str) -> Self {
        let mut process = tokio::process::Command::from(Command::new(built(name)))
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("the example `{name}` can't be started: {error}"));
        let said = process.stdout.take().expect("the output is piped");
        let line = timeout(DEADLINE, BufReader::new(said).lines().next_line())
            .await
            .unwrap_or_else(|_| panic!("the example `{name}` said nothing within {DEADLINE:?}"))
            .expect("the output can be read")
            .unwrap_or_else(|| panic!("the example `{name}` ended without a word"));
        let url = line
            .strip_prefix("listening on ")
            .filter(|url| url.starts_with("http://"))
            .unwrap_or_else(|| panic!("the example `{name}` doesn't say where it listens, but {line:?}"));
        Self {
            url: url.to_owned(),
            _process: process,
        }
    }
}

/// Cargo puts tests into `deps` and examples into `examples` of one folder.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program is known");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests are in a folder of a folder");
    let example = folder.join("examples").join(format!("{name}{EXE_SUFFIX}"));
    assert!(
        example.exists(),
        "The example `{name}` is not built: run `cargo build --examples`, or `cargo test` without `--test`."
    );
    example
}

#[tokio::test]
async fn hello() {
    try_out("hello").await;
}

#[tokio::test]
async fn rooms() {
    try_out("rooms").await;
}

#[tokio::test]
async fn acks() {
    try_out("acks").await;
}

#[tokio::test]
async fn binary() {
    try_out("binary").await;
}

#[tokio::test]
async fn auth() {
    try_out("auth").await;
}

#[tokio::test]
async fn http_and_sockets() {
    try_out("http_and_sockets").await;
}

#[tokio::test]
async fn parser() {
    try_out("parser").await;
}

#[test]
fn every_single_file_example_is_tried() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = std::fs::read_dir(root.join("examples")).expect("the examples can be listed");
    for path in examples.map(|entry| entry.expect("the examples can be listed").path()) {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().expect("a file has a name").to_string_lossy();
            let test = format!("\n    try_out(\"{name}\").await;");
            assert!(
                include_str!("examples.rs").contains(&test),
                "nothing tries the example `{name}`"
            );
        }
    }
}
