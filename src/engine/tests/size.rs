//! What a connection costs while it is idle. These figures are promises: raise them knowingly.

use crate::engine::{
    Handshake, connection::Inner, core::Core, outbox::Outbox, transport::websocket::driver_size,
};

#[test]
fn an_idle_connection_is_small() {
    let sizes = [
        ("connection", size_of::<Inner>(), 0),
        ("core", size_of::<Core>(), 0),
        ("outbox", size_of::<Outbox>(), 0),
        ("driver", driver_size(), 0),
        ("handshake", size_of::<Handshake>(), 0),
    ];
    for (name, size, limit) in sizes {
        println!("{name} {size} {limit}");
    }
}
