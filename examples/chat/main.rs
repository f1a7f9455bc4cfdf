//! The chat that the README starts: names, rooms, who is there, typing notices, history, pictures as binary, and
//! delivery ticks made of acknowledgements.
//!
//! `examples/chat/run` installs the JavaScript client and starts it on <http://127.0.0.1:3000>; `HOST` and `PORT`
//! change the address. `events.rs` holds the listeners, `rooms.rs` what the server remembers, `wire.rs` what is sent.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

mod events;
mod rooms;
mod wire;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use axum::Router;
use axum_socketio::{
    SocketIo,
    layer::{ClientBundle, Server},
};
use tower_http::services::ServeDir;

/// Room for a picture and for what stands around it in the packet.
const LARGEST_MESSAGE: usize = wire::MAX_PICTURE + 64 * 1024;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chat: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/chat");

    let io = SocketIo::builder()
        .max_http_buffer_size(LARGEST_MESSAGE)
        .serve_client(ClientBundle::from_dir(client_folder(&here))?)
        .build()?;
    events::register(&io);

    let page = Router::new()
        .fallback_service(ServeDir::new(here.join("public")))
        .layer(io.layer());

    let server = listen(&io).await?;
    println!("listening on http://{}", server.local_addr()?);
    server.app(page).with_graceful_shutdown(interrupted()).await?;
    Ok(())
}

/// Where the browser's `socket.io.js` is: `run` says so when it had to install it somewhere else.
fn client_folder(here: &Path) -> PathBuf {
    env::var_os("SOCKET_IO_CLIENT")
        .map_or_else(|| here.join("node_modules/socket.io-client/dist"), PathBuf::from)
}

async fn listen(io: &SocketIo) -> io::Result<Server> {
    let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let address = format!("{host}:{port}");
    io.listen(&address).await.map_err(|error| {
        let hint = "PORT=3001 in front of the command chooses another port";
        io::Error::new(
            error.kind(),
            format!("can't listen on {address}: {error}; {hint}"),
        )
    })
}

/// Ctrl-C. The server tells the clients then, and runs the disconnect handlers, before the process ends.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can interrupt it.
        std::future::pending().await
    }
}
