//! The client programs: where they are, and how one is played.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::timeout;

use crate::setup::{node, setting};

/// Longer than the deadline that every program has for itself.
const DEADLINE: Duration = Duration::from_secs(150);

/// No program has fewer checks.
const FEWEST_CHECKS: usize = 20;

/// A client, by the program that plays it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Client {
    /// An npm client, by its major version.
    Js(&'static str),
    /// An npm client with the parser of `socket.io-msgpack-parser`, whose major version fits.
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "only with the feature"))]
    JsWithMsgpack(&'static str),
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
pub(crate) async fn play(client: Client, transports: &str, url: &str) {
    let mut program = tokio::process::Command::from(client.program());
    program
        .args([transports, url])
        .args(client.parser())
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
    const fn parser(self) -> Option<&'static str> {
        match self {
            Self::JsWithMsgpack(_) => Some("msgpack"),
            Self::Js(_) | Self::Python(_) | Self::Rust => None,
        }
    }

    fn program(self) -> Command {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        match self {
            Self::Js(version) | Self::JsWithMsgpack(version) => {
                let mut node = node("clients/js/client.mjs");
                node.arg(version);
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
