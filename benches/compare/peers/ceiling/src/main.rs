//! The least that a tokio process must do for the bytes of the comparison: a yardstick, and no server.
//!
//! It reads, unmasks, and writes the same bytes behind another frame header. There is no JSON, no routing, no heartbeat,
//! no limit and no error. One task per connection; one buffer per worker thread; a broadcast is framed once and written
//! to every socket by whoever sends it.
//!
//! `PORT` is the port on 127.0.0.1, `THREADS` the number of worker threads. With `MOUNT=axum` the requests come through
//! `axum::serve`, and the socket is taken back from hyper after the handshake: the least that a tower service must do.

mod connection;
mod frame;
mod hub;
mod message;
mod mounted;
mod peer;
mod polling;
mod request;

use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use crate::{connection::Connection, hub::Hub};

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn listener() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], number("PORT").unwrap_or(3000) as u16).into())?;
    socket.listen(4096)
}

async fn bare(listener: TcpListener, hub: Arc<Hub>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(Connection::bare(hub.clone(), stream).run());
    }
}

fn main() -> std::io::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = number("THREADS") {
        runtime.worker_threads(threads);
    }
    runtime.enable_all().build()?.block_on(async {
        let (listener, hub) = (listener()?, Arc::default());
        match std::env::var("MOUNT").as_deref() {
            Ok("axum") => axum::serve(listener, mounted::router(hub)).await,
            // Accepting in a task of a worker, and not in the main thread, saves a wake-up per connection.
            _ => tokio::spawn(bare(listener, hub))
                .await
                .expect("accepting does not panic"),
        }
    })
}
