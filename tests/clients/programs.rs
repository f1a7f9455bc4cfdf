//! The client programs: where they are, and how one is played.

use std::{
    collections::HashMap,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use tokio::time::timeout;

/// Longer than the deadline that every program has for itself.
const DEADLINE: Duration = Duration::from_secs(150);

/// No program has fewer checks.
const FEWEST_CHECKS: usize = 20;

/// A client, by the program that plays it.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// An npm client, by its major version.
    Js(&'static str),
    /// python-socketio, by its major version.
    Python(&'static str),
    /// `rust_socketio`.
    Rust,
}

/// Plays the script with a client against the server at `url`.
///
/// # Panics
///
/// The program failed, with everything it said.
pub async fn play(client: Client, transports: &str, url: &str) {
    let mut program = tokio::process::Command::from(client.program());
    program
        .args([transports, url])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(DEADLINE, program.output())
        .await
        .unwrap_or_else(|_| panic!("{client:?} did not end within {DEADLINE:?}"))
        .unwrap_or_else(|error| panic!("{client:?} can't be started: {error}"));
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let passed = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(
        output.status.success() && passed >= FEWEST_CHECKS,
        "{client:?} by {transports}: {}, {passed} checks passed\n{said}\n{complained}",
        output.status,
    );
}

impl Client {
    fn program(self) -> Command {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        match self {
            Self::Js(version) => {
                let mut node = Command::new("node");
                node.env("AXUM_SOCKETIO_JS_CLIENTS", setting("AXUM_SOCKETIO_JS_CLIENTS"));
                node.arg(here.join("js/client.mjs")).arg(version);
                node
            }
            Self::Python(version) => {
                let mut python = Command::new(setting(&format!("AXUM_SOCKETIO_PYTHON_{version}")));
                python.env("PYTHONDONTWRITEBYTECODE", "1");
                python.arg(here.join("python/client.py")).arg(version);
                python
            }
            Self::Rust => Command::new(setting("AXUM_SOCKETIO_RUST_CLIENT")),
        }
    }
}

/// A setting of `tests/setup`: from the environment, where `tests/run` put it, else from running it now.
fn setting(name: &str) -> String {
    static SET_UP: OnceLock<HashMap<String, String>> = OnceLock::new();
    std::env::var(name).unwrap_or_else(|_| SET_UP.get_or_init(set_up)[name].clone())
}

fn set_up() -> HashMap<String, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/setup");
    let output = Command::new(script)
        .arg("clients")
        .stderr(Stdio::inherit())
        .output()
        .expect("tests/setup can be run");
    assert!(
        output.status.success(),
        "tests/setup could not install the clients, see above"
    );
    let settings = String::from_utf8(output.stdout).expect("the settings are text");
    settings
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
