//! The script of `../README.md`, as far as `rust_socketio` can play it.
//!
//! ```text
//! axum-socketio-rust-client <polling|websocket|upgrade> <url>
//! ```
//!
//! Prints `ok <name>` or `not ok <name>: why` for each check; exits with 1 if any of them failed.

mod peer;
mod script;

use std::{process::ExitCode, time::Duration};

use tokio::time::timeout;

use crate::{
    peer::Subject,
    script::{CHECKS, NOT_BY_POLLING, Play},
};

const CHECK_DEADLINE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some(subject) = subject(&args) else {
        eprintln!("usage: axum-socketio-rust-client <polling|websocket|upgrade> <url>");
        return ExitCode::from(2);
    };
    let mut failures = 0;
    for (name, play) in CHECKS {
        if subject.polls() && NOT_BY_POLLING.contains(name) {
            continue;
        }
        match run(&subject, *play).await {
            Ok(()) => println!("ok {name}"),
            Err(why) => {
                failures += 1;
                println!("not ok {name}: {why}");
            }
        }
    }
    ExitCode::from(u8::from(failures > 0))
}

fn subject(args: &[String]) -> Option<Subject> {
    let [transports, url] = args else { return None };
    Subject::new(transports, url)
}

/// Runs a check in a task of its own, so that a panic fails this check only.
#[expect(clippy::disallowed_methods, reason = "the server's rule about tasks is not for its clients")]
async fn run(subject: &Subject, play: Play) -> Result<(), String> {
    let mut task = tokio::spawn(play(subject.clone()));
    match timeout(CHECK_DEADLINE, &mut task).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(panic)) => Err(format!("{panic}, see above")),
        Err(_) => {
            task.abort();
            Err(format!("nothing came within {} s", CHECK_DEADLINE.as_secs()))
        }
    }
}
