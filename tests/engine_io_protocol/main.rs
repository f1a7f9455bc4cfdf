//! The official Engine.IO protocol suite, and its like for revision 3 and for JSONP.
//!
//! User code reaches Engine.IO messages through Socket.IO only, so messages are Socket.IO packets here.

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the other suites")]
mod wire;

mod jsonp;
mod v3;
mod v4;
