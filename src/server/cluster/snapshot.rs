//! A socket as other servers are shown it, in the words of Node.

use crate::{
    Value,
    adapter::Snapshot,
    server::{Handshake, Socket},
};

pub(super) fn of(socket: &Socket) -> Snapshot {
    Snapshot {
        id: socket.id().as_str().into(),
        handshake: handshake(socket.handshake()),
        rooms: socket.rooms(),
        data: socket.data().unwrap_or_default(),
    }
}

fn handshake(handshake: &Handshake) -> Value {
    let headers: Value = handshake
        .headers()
        .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
        .collect();
    let query: Value = handshake.query_pairs().collect();
    let address = handshake.address().map(|address| address.ip().to_string());
    let members = [
        ("headers", headers),
        ("time", handshake.time_string().into()),
        ("address", address.into()),
        ("xdomain", handshake.is_cross_domain().into()),
        ("secure", handshake.is_secure().into()),
        ("issued", handshake.issued().into()),
        ("url", handshake.url().into()),
        ("query", query),
        ("auth", handshake.auth().unwrap_or_default()),
    ];
    members.into_iter().collect()
}
