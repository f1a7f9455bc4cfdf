//! Scripts that print `ok` and a sentence for each promise they have seen kept; see `checks.mjs`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::timeout;

/// Longer than the deadlines that the scripts have for themselves.
const DEADLINE: Duration = Duration::from_secs(150);

/// Runs a script to its end.
///
/// # Panics
///
/// A check failed, or there was none: with everything the script said.
pub(crate) async fn play(script: Command) {
    let mut program = tokio::process::Command::from(script);
    program.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(DEADLINE, program.output())
        .await
        .unwrap_or_else(|_| panic!("{program:?} did not end within {DEADLINE:?}"))
        .unwrap_or_else(|error| panic!("{program:?} can't be started: {error}"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.starts_with("ok "),
        "{}\n{said}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
}
