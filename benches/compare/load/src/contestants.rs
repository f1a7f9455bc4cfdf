//! Who is compared.

use std::time::Duration;

use crate::{arguments::Arguments, process::Contestant};

pub const OURS: &str = "axum-socketio";
pub const SOCKETIOXIDE: &str = "socketioxide";
pub const NODE: &str = "Node";
pub const CEILING: &str = "ceiling";
pub const MOUNTED: &str = "ceiling behind axum";
pub const MIMALLOC: &str = "axum-socketio with mimalloc";

pub struct Contestants {
    pub ours: Contestant,
    pub socketioxide: Contestant,
    pub node: Contestant,
    pub ceiling: Contestant,
    pub mounted: Contestant,
    pub mimalloc: Contestant,
}

impl Contestants {
    pub fn of(arguments: &Arguments) -> Self {
        let rust = |name, program: &str, settings: &[_]| Contestant {
            name,
            command: vec![arguments.binaries.join(program).display().to_string()],
            settings: settings.to_vec(),
            warm_up: Duration::from_millis(500),
        };
        let node = Contestant {
            name: NODE,
            command: vec!["node".into(), arguments.node.display().to_string()],
            settings: vec![("NODE_ENV", "production")],
            // What its compiler has not optimised by then is not run often.
            warm_up: Duration::from_secs(4),
        };
        Self {
            ours: rust(OURS, "compare-server", &[]),
            socketioxide: rust(SOCKETIOXIDE, "compare-socketioxide", &[]),
            node,
            ceiling: rust(CEILING, "compare-ceiling", &[]),
            mounted: rust(MOUNTED, "compare-ceiling", &[("MOUNT", "axum")]),
            mimalloc: rust(MIMALLOC, "compare-server-mimalloc", &[]),
        }
    }
}
