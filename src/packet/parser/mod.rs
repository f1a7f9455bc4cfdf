//! How packets are written on the wire and read from it: the parser. JS: the option `parser`.
//!
//! Every client of a server has to have the same parser as the server; one that has another is disconnected after its first
//! packet. Three kinds can be given to [`Builder::parser`](crate::Builder::parser):
//!
//! * [`Json`], the default, which every client has. Events are text, and bytes in them follow as messages of their own.
//! * `Msgpack`, with the feature `msgpack`: that of npm's `socket.io-msgpack-parser`. Packets are one binary message each, which is
//!   smaller where much is numbers or bytes, and slower to read and write in browsers.
//! * a [`Parser`] of one's own, for another format, or for values that JSON has no form for.
//!
//! Handlers and emits are the same whatever the parser: arguments are serde types.
//!
//! # A parser of one's own
//!
//! It makes messages of a [`Packet`], and packets of the messages that come. What a packet may say is none of its business: the
//! server checks what it gives as strictly as it checks its own.
//!
//! ```
//! use std::error::Error;
//!
//! use axum_socketio::{
//!     Protocol, SocketIo, Value,
//!     parser::{Decoder, Message, Messages, Packet, PacketType, Parser},
//! };
//!
//! /// Packets as JSON arrays: `[type, namespace, id, data]`.
//! #[derive(Debug)]
//! struct Arrays;
//!
//! impl Parser for Arrays {
//!     fn encode(&self, packet: &Packet, _: Protocol) -> Result<Messages, Box<dyn Error + Send + Sync>> {
//!         let array = (u8::from(packet.kind), &packet.namespace, packet.id, &packet.data);
//!         Ok(Messages::text(serde_json::to_string(&array)?))
//!     }
//!
//!     fn decoder(&self, _: Protocol) -> Box<dyn Decoder> {
//!         Box::new(Reader)
//!     }
//! }
//!
//! struct Reader;
//!
//! impl Decoder for Reader {
//!     fn add(&mut self, message: Message<'_>) -> Result<Option<Packet>, Box<dyn Error + Send + Sync>> {
//!         let Message::Text(text) = message else {
//!             return Err("there is nothing binary here".into());
//!         };
//!         let (kind, namespace, id, data): (u8, String, _, Value) = serde_json::from_str(text)?;
//!         Ok(Some(Packet::new(kind.try_into()?, namespace, data).with_id(id)))
//!     }
//! }
//!
//! let io = SocketIo::builder().parser(Arrays).build()?;
//! # Ok::<(), axum_socketio::BuildError>(())
//! ```
//!
//! On the other side the same is done by an object with `Encoder` and `Decoder`, given to the JS client as its option `parser`; the
//! example `parser` has both.

mod choice;
mod control;
mod packet;
mod read;

use std::{error::Error, fmt};

use bytes::Bytes;

#[cfg(feature = "msgpack")]
pub use self::choice::Msgpack;
pub(crate) use self::{
    choice::Kind,
    control::{connect, connect_error, disconnect},
    read::judge,
};
pub use self::{
    choice::{Json, PacketParser},
    packet::{Packet, PacketType, UnknownPacketType},
};

/// A parser of one's own: one value for all connections of a server. See the [module](self).
///
/// A panic in it or in its decoders is an error that it returns.
#[doc(alias = "Encoder")]
pub trait Parser: fmt::Debug + Send + Sync + 'static {
    /// Writes a packet. JS `encoder.encode(packet)`.
    ///
    /// Events are written once for all clients of a generation that get them, CONNECT and the like for each. `protocol` is that
    /// generation; most parsers have no use for it.
    ///
    /// By long-polling, clients of Engine.IO 3 get texts that look like packets of the JSON parser (a digit and JSON) in ASCII, as JSON
    /// escapes what isn't. For clients of Engine.IO 4 a text can't have a U+001E in it, which separates packets there: it counts as an
    /// error of the parser.
    ///
    /// # Errors
    ///
    /// The packet has no form on this wire. An event that can't be written is not sent, and whoever emits is told as of
    /// arguments that don't serialise ([`EmitError::is_encode`](crate::EmitError::is_encode)). A client whose CONNECT can't be
    /// answered is disconnected.
    fn encode(
        &self,
        packet: &Packet,
        protocol: crate::Protocol,
    ) -> Result<Messages, Box<dyn Error + Send + Sync>>;

    /// What reads the messages of one connection, whose client is of this generation. JS `new Decoder()`.
    fn decoder(&self, protocol: crate::Protocol) -> Box<dyn Decoder>;
}

/// Reads the messages of one connection. Dropped when the connection ends.
pub trait Decoder: Send + 'static {
    /// Takes the next message. Gives a packet if this message completes one. JS `decoder.add(chunk)`.
    ///
    /// # Errors
    ///
    /// The message makes no sense. The sockets of the connection are told (see
    /// [`HandlerError::is_decode`](crate::HandlerError::is_decode)), and it is closed with the reason `forced close`.
    fn add(&mut self, message: Message<'_>) -> Result<Option<Packet>, Box<dyn Error + Send + Sync>>;
}

/// A message as the transport carried it, at most
/// [`max_http_buffer_size`](crate::Builder::max_http_buffer_size) bytes.
// Exhaustive on purpose: Engine.IO has no third kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// A text.
    Text(&'a str),
    /// Bytes.
    Binary(Bytes),
}

/// What a packet is on the wire: a text message, or binary ones, or a text message with binary ones after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    pub(crate) text: Option<String>,
    pub(crate) binary: Vec<Bytes>,
}

impl Messages {
    /// A text message.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: Some(text.into()),
            binary: Vec::new(),
        }
    }

    /// A binary message.
    #[must_use]
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self {
            text: None,
            binary: vec![data.into()],
        }
    }

    /// One more binary message, after those there are.
    #[must_use]
    pub fn and_binary(mut self, data: impl Into<Bytes>) -> Self {
        self.binary.push(data.into());
        self
    }
}
