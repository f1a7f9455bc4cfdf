//! A socket as other servers are shown it, in the words of Node.

use tokio::task::consume_budget;

use crate::{
    Value,
    adapter::{Describe, RemoteHandshake, Snapshot},
    server::{Handshake, Socket},
};

/// So many are made without a look at others who want the thread.
pub(super) const AT_ONCE: usize = 16;

/// Those who are there, made in turns with other tasks.
pub(super) async fn all<T>(sockets: Vec<Socket>, shown: impl Fn(&Socket) -> T) -> Vec<T> {
    let mut all = Vec::with_capacity(sockets.len());
    for some in sockets.chunks(AT_ONCE) {
        consume_budget().await;
        all.extend(at_once(some, &shown));
    }
    all
}

/// The same of a few.
pub(super) fn at_once<T>(sockets: &[Socket], shown: impl Fn(&Socket) -> T) -> impl Iterator<Item = T> {
    sockets.iter().filter(|socket| socket.is_connected()).map(shown)
}

pub(super) fn of(socket: &Socket) -> Snapshot {
    Snapshot {
        id: socket.id().as_str().into(),
        handshake: RemoteHandshake::new(socket.handle_of_handshake()),
        rooms: socket.rooms(),
        data: socket.data_shown(),
    }
}

impl Describe for Handshake {
    fn describe(&self) -> Value {
        let headers: Value = self
            .headers()
            .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
            .collect();
        let query: Value = self.query_pairs().collect();
        let address = self.address().map(|address| address.ip().to_string());
        let members = [
            ("headers", headers),
            ("time", self.time_string().into()),
            ("address", address.into()),
            ("xdomain", self.is_cross_domain().into()),
            ("secure", self.is_secure().into()),
            ("issued", self.issued().into()),
            ("url", self.url().into()),
            ("query", query),
            ("auth", self.auth().unwrap_or_default()),
        ];
        members.into_iter().collect()
    }
}
