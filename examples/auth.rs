//! Who may connect: a middleware reads what the client gives with its handshake, lets it in or refuses it with an
//! error that the client can act on.
//!
//! Run it with `cargo run --example auth`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use std::{collections::HashMap, sync::Arc};

use axum::{Router, extract::State};
use axum_socketio::{
    Ack, ConnectError, Socket, SocketIo,
    extract::{Auth, Data},
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;

/// Tokens and whose they are. A real server asks its database or checks a signature here.
type Tokens = Arc<HashMap<&'static str, User>>;

#[derive(Clone)]
struct User {
    name: &'static str,
    admin: bool,
}

/// What the client gives: io(url, { auth: { token: "…" } })
#[derive(Deserialize)]
struct Credentials {
    token: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens: Tokens = Arc::new(HashMap::from([
        (
            "open sesame",
            User {
                name: "Ali",
                admin: false,
            },
        ),
        (
            "xyzzy",
            User {
                name: "Will",
                admin: true,
            },
        ),
    ]));
    let io = SocketIo::builder().build()?;
    register(&io, tokens);

    let app = Router::new().layer(io.layer());
    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

fn register(io: &SocketIo, tokens: Tokens) {
    io.of("/")
        .with_state(tokens.clone())
        .middleware(signed_in)
        .on("whoami", async |socket: Socket| {
            Ack(user(&socket).map(|user| user.name))
        })
        .on("shout", async |socket: Socket, Data(text): Data<String>| {
            socket.broadcast().emit("shout", text);
        });

    // Middlewares run one after the other, each namespace has its own.
    io.of("/admin")
        .with_state(tokens)
        .middleware(signed_in)
        .middleware(admins_only);
}

/// A refusal reaches the client's "connect_error" as an Error with this message and with `error.data`.
async fn signed_in(
    socket: Socket,
    State(tokens): State<Tokens>,
    credentials: Option<Auth<Credentials>>, // none at all is a case of its own, not a failure to read them
) -> Result<(), ConnectError> {
    let Some(Auth(Credentials { token })) = credentials else {
        return Err(refuse("authentication required", "missing_token"));
    };
    let user = tokens
        .get(token.as_str())
        .ok_or_else(|| refuse("who are you?", "unknown_token"))?;
    // Every later handler of this socket finds it there.
    socket.extensions().insert(user.clone());
    Ok(())
}

async fn admins_only(socket: Socket) -> Result<(), ConnectError> {
    let admin = user(&socket).is_some_and(|user| user.admin);
    if admin {
        Ok(())
    } else {
        Err(refuse("admins only", "forbidden"))
    }
}

fn refuse(message: &str, code: &str) -> ConnectError {
    ConnectError::new(message).with_data(json!({ "code": code }))
}

fn user(socket: &Socket) -> Option<User> {
    socket.extensions().get::<User>()
}
