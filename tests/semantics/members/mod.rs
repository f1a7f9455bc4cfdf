//! The members of the Socket.IO 2.x server API, as a client on the wire finds them. `docs/from-socketio-js.md` says which test
//! proves which.

mod namespace;
mod options;
mod server;
mod socket;

use axum_socketio::{Socket, SocketIo};

use crate::{
    echoing, io,
    wire::{Eio, TestClient, TestServer, Via},
};

/// A server with the namespaces `/` and `/chat`, one of its clients in both, and the client's socket in `/`.
async fn connected(eio: Eio, via: Via) -> (SocketIo, TestServer, TestClient, Socket) {
    let (io, main) = io(SocketIo::builder());
    let _ = echoing(io.of("/chat"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::open(&server, eio, via).await;
    let id = client.join("/").await;
    client.join("/chat").await;
    let socket = main.socket(id).expect("connected");
    (io, server, client, socket)
}
