//! One test client that speaks the wire: raw HTTP/1.1 and raw WebSockets, for both client generations.
//!
//! Nothing of the crate is used to speak, so what a test says is what a client of another make would say.
//!
//! With `SOCKETIO_TEST_URL=127.0.0.1:4000` the suites speak to servers that run already, one port for each
//! [`Profile`], with the same handlers as [`suite`]: so the expectations themselves can be checked against Node's server.

mod client;
pub(crate) mod http;
mod payload;
mod server;
mod suite;
mod websocket;

use std::{panic::Location, time::Duration};

pub(crate) use self::{
    client::{Eio, TestClient, Via},
    http::{Request, Response},
    payload::Packet,
    server::{Profile, TestServer},
    websocket::{Frame, Ws},
};

/// Waits for an event; a test whose event never comes fails here instead of hanging.
#[track_caller]
pub(crate) fn within<T>(event: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = Location::caller();
    let event = tokio::time::timeout(Duration::from_secs(30), event);
    async move {
        event
            .await
            .unwrap_or_else(|_| panic!("the awaited event never came, at {caller}"))
    }
}
