//! A parser of one's own: packets as JSON arrays, in which moments stay moments on both sides.
//!
//! JSON has no dates, so a `Date` of the client arrives as a string that looks like one. This parser marks them on the wire, and here they are
//! [`Moment`]s. The client's half is `examples/parser.mjs`.
//!
//! Run it with `cargo run --example parser`; `examples/README.md` shows how to talk to it.

#![expect(
    clippy::print_stdout,
    reason = "a program says on the terminal where it listens"
)]

use std::error::Error;

use axum::Router;
use axum_socketio::{
    Ack, Protocol, SocketIo, Value,
    extract::Data,
    parser::{Decoder, Message, Messages, Packet, Parser},
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

type BoxError = Box<dyn Error + Send + Sync>;

/// Packets are `[type, namespace, id, data]`.
#[derive(Debug)]
struct Arrays;

impl Parser for Arrays {
    fn encode(&self, packet: &Packet, _: Protocol) -> Result<Messages, BoxError> {
        let array = (u8::from(packet.kind), &packet.namespace, packet.id, &packet.data);
        Ok(Messages::text(serde_json::to_string(&array)?))
    }

    fn decoder(&self, _: Protocol) -> Box<dyn Decoder> {
        Box::new(Reader)
    }
}

/// Each message is a packet, so there is nothing to remember.
struct Reader;

impl Decoder for Reader {
    fn add(&mut self, message: Message<'_>) -> Result<Option<Packet>, BoxError> {
        let Message::Text(text) = message else {
            return Err("there is nothing binary on this wire".into());
        };
        let (kind, namespace, id, data): (u8, String, _, Value) = serde_json::from_str(text)?;
        Ok(Some(Packet::new(kind.try_into()?, namespace, data).with_id(id)))
    }
}

/// A `Date`, on the wire `{"$date": milliseconds since 1970}`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
struct Moment {
    #[serde(rename = "$date")]
    milliseconds: i64,
}

#[derive(Debug, Deserialize, Serialize)]
struct Meeting {
    title: String,
    begins: Moment,
}

const HOUR: i64 = 3_600_000;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let io = SocketIo::builder().parser(Arrays).build()?;
    // socket.emit("an hour later", { title, begins: new Date() }, (meeting) => meeting.begins.getTime())
    io.of("/")
        .on("an hour later", async |Data(mut meeting): Data<Meeting>| {
            meeting.begins.milliseconds += HOUR;
            Ack(meeting)
        });

    let app = Router::new().layer(io.layer());

    let port = std::env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
