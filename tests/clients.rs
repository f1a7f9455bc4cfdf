//! Real clients, each as a program of its own, each against a server of its own in this process.
//!
//! The programs and the script they play are in `tests/clients`, with a README.

#[path = "clients/contract.rs"]
mod contract;
#[path = "clients/programs.rs"]
mod programs;
#[path = "support/setup.rs"]
mod setup;

use axum_socketio::SocketIo;
use contract::Server;
use programs::Client;

async fn play(client: Client, transports: &str) {
    let server = Server::start(SocketIo::builder()).await;
    programs::play(client, transports, server.url()).await;
}

/// A test for each way that a client may come.
macro_rules! matrix {
    ($($name:ident: $client:expr;)*) => {$(
        mod $name {
            use super::{Client, play};

            #[tokio::test]
            async fn by_polling() {
                play($client, "polling").await;
            }

            #[tokio::test]
            async fn by_websocket() {
                play($client, "websocket").await;
            }

            #[tokio::test]
            async fn upgrading_from_polling() {
                play($client, "upgrade").await;
            }
        }
    )*};
}

matrix! {
    socket_io_client_1_7: Client::Js("1");
    socket_io_client_2_5: Client::Js("2");
    socket_io_client_3_1: Client::Js("3");
    socket_io_client_4_8: Client::Js("4");
    python_socketio_4: Client::Python("4");
    python_socketio_5: Client::Python("5");
    rust_socketio_0_6: Client::Rust;
}

#[cfg(feature = "msgpack")]
mod with_msgpack {
    use axum_socketio::{SocketIo, parser::Msgpack};

    use super::{Client, Server, programs};

    async fn play(client: Client, transports: &str) {
        let server = Server::start(SocketIo::builder().parser(Msgpack)).await;
        programs::play(client, transports, server.url()).await;
    }

    matrix! {
        socket_io_client_2_5: Client::JsWithMsgpack("2");
        socket_io_client_4_8: Client::JsWithMsgpack("4");
    }
}
