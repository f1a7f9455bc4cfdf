//! What `tests/setup` has installed, and scripts that are run with it.

use std::{
    collections::HashMap,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// A setting of `tests/setup`: from the environment, where `tests/run` put it, else from running it now.
pub(crate) fn setting(name: &str) -> String {
    static SET_UP: OnceLock<HashMap<String, String>> = OnceLock::new();
    std::env::var(name).unwrap_or_else(|_| SET_UP.get_or_init(set_up)[name].clone())
}

/// Node, about to run this script of `tests` with the npm packages of `tests/clients/js` at hand.
pub(crate) fn node(script: &str) -> Command {
    let mut node = Command::new("node");
    node.env("AXUM_SOCKETIO_JS_CLIENTS", setting("AXUM_SOCKETIO_JS_CLIENTS"))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script));
    node
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
