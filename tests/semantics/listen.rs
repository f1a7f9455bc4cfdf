//! A server on a port of its own, and how it ends.

use std::{future::IntoFuture as _, net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use axum_socketio::{Socket, SocketIo, layer::Server};
use futures::FutureExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Handle,
};

use crate::{
    io,
    wire::{Eio, TestClient, TestServer, Via, within},
};

/// A connection over which something was asked for, and answered.
async fn kept_alive(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        assert_ne!(within(stream.read_buf(&mut read)).await.unwrap(), 0);
    }
    stream
}

/// Until the server closes it. An error means that it was closed, too.
async fn closed(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// A server of which the application keeps nothing, and what its connect handler owns.
async fn listens(owned: &Arc<()>) -> Server {
    let (io, main) = io(SocketIo::builder());
    let owned = owned.clone();
    let _ = main.on_connect(async move |_: Socket| drop(owned.clone()));
    let app = Router::new().route("/hello", get("hello")).layer(io.layer());
    io.listen("127.0.0.1:0").await.unwrap().app(app)
}

/// As behind `select!` or a time-out.
#[tokio::test]
async fn a_server_whose_future_is_dropped_leaves_nothing() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let (before, owned) = (tasks(), Arc::new(()));
    for _ in 0..10 {
        let serving = listens(&owned).await.into_future();
        assert!(serving.now_or_never().is_none());
    }
    within(async {
        while tasks() > before || Arc::strong_count(&owned) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What there is of HTTP ends as with `axum::serve`.
#[tokio::test]
async fn a_server_whose_future_is_dropped_is_there_for_its_sockets_until_they_leave() {
    let owned = Arc::new(());
    let server = listens(&owned).await;
    let addr = server.local_addr().unwrap();
    let test = TestServer::at(addr);
    let mut serving = server.into_future();
    let (mut client, kept_alive) = tokio::select! {
        ended = &mut serving => panic!("{ended:?}"),
        clients = async {
            (TestClient::connect(&test, Eio::V4, Via::WebSocket).await, kept_alive(addr).await)
        } => clients,
    };
    drop(serving);
    within(closed(kept_alive)).await;
    assert!(TcpStream::connect(addr).await.is_err(), "the port is free");
    client.expect_nothing().await;
    client.close().await;
    within(async {
        while Arc::strong_count(&owned) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
