//! What a connection costs while it is idle. These figures are promises: raise them knowingly.

use crate::engine::{
    Handshake, connection::Inner, core::Core, outbox::Outbox, transport::websocket::driver_size,
};

/// What tokio adds to a task of up to 152 bytes makes it an allocation of 256 bytes; the next step is 384.
const SMALL_TASK: usize = 152;

#[test]
fn an_idle_connection_is_small() {
    let sizes = [
        ("connection", size_of::<Inner>(), 336),
        ("what its lock protects", size_of::<Core>(), 216),
        ("outbox", size_of::<Outbox>(), 72),
        ("handshake without its bytes", size_of::<Handshake>(), 48),
        ("WebSocket driver", driver_size(), SMALL_TASK),
    ];
    for (name, size, limit) in sizes {
        assert!(size <= limit, "{name}: {size} bytes, which is more than {limit}");
    }
}
