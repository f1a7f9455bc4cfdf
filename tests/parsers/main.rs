//! Parsers other than the default one, on the wire: packets written and read by hand.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it panics"
)]

#[path = "../support/wire/mod.rs"]
#[expect(dead_code, reason = "shared with the protocol suites")]
mod wire;

mod arrays;
mod bombs;
mod custom;
mod lookalikes;
#[cfg(feature = "msgpack")]
mod msgpack;
mod owned;

use axum_socketio::{
    Ack, Builder, ConnectError, DisconnectReason, HandlerError, Socket, SocketIo, Value,
    extract::{Event, Rest},
    parser::Json,
};
use tokio::sync::mpsc;
use wire::within;

/// What a server has to say to its test, line by line.
type Said = mpsc::UnboundedReceiver<String>;

/// A server that echoes, asks, and says why sockets leave and what makes no sense.
fn server(options: Builder) -> (SocketIo, Said) {
    let (say, said) = mpsc::unbounded_channel();
    let io = options.build().unwrap();
    let (errors, outgoing) = (say.clone(), say.clone());
    io.of("/")
        .on("message", async |socket: Socket, args: Rest<Value>| {
            socket.emit("message-back", args);
        })
        .on("with ack", async |args: Rest<Value>| Ack(args))
        .on("ask", async |socket: Socket, args: Rest<Value>| {
            if let Ok(answer) = socket.emit_with_ack::<Rest<Value>>("question", args).await {
                socket.emit("answered", answer);
            }
        })
        .on("leave", async |socket: Socket| socket.disconnect(false))
        .on_disconnect(async move |reason: DisconnectReason| {
            let _ = say.send(reason.as_str().to_owned());
        })
        .on_error(async move |_: Socket, error: HandlerError| {
            let source = std::error::Error::source(&error).unwrap().to_string();
            let _ = errors.send(format!("{error}: {source}"));
        });
    io.of("/refused")
        .middleware(async || Err::<(), _>(ConnectError::new("no").with_data([1])));
    io.of("/watched")
        .packet_middleware(async |mut event: Event| {
            event.args.push(Value::from("checked"));
            event
        })
        .on_connect(async move |socket: Socket| {
            let outgoing = outgoing.clone();
            socket.on_any_outgoing(async move |event: Event| {
                let args = serde_json::to_string(&event.args).unwrap();
                let _ = outgoing.send(format!("{} {args}", event.name));
            });
        })
        .on("message", async |socket: Socket, args: Rest<Value>| {
            socket.emit("message-back", args);
        });
    (io, said)
}

async fn hears(said: &mut Said, line: &str) {
    assert_eq!(within(said.recv()).await.unwrap(), line);
}

#[test]
fn json_is_the_default() {
    assert!(SocketIo::new().parser().is_json());
    let io = SocketIo::builder().parser(Json).build().unwrap();
    assert!(io.parser().is_json() && !io.parser().is_msgpack());
    assert_eq!(format!("{:?}", io.parser()), "Json");
}
