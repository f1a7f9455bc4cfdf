//! Which parser a server has.

use std::{fmt, sync::Arc};

use super::Parser;
use crate::packet::msgpack::Codec;

/// The default parser: packets in JSON, that of npm's `socket.io-parser`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "socket.io-parser")]
pub struct Json;

/// Packets in msgpack: the parser of npm's `socket.io-msgpack-parser`, 3.x for clients 3.x and 4.x, 2.x for clients 2.x.
/// With the cargo feature `msgpack`.
///
/// Bytes are native, so are floats that JSON has no form for, and integers of 64 bits (JavaScript itself has no more than 53). A
/// `Date` of a client reads as it does with JSON, as a string in ISO 8601; and as its milliseconds where a number is
/// asked for. `undefined` reads like `null`, and an extension of msgpack as an array of its type and its bytes.
///
/// [`max_attachments`](crate::Builder::max_attachments) is the number of values in a packet that may be bytes, extensions included,
/// [`max_json_depth`](crate::Builder::max_json_depth) holds as for JSON.
#[cfg(feature = "msgpack")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "socket.io-msgpack-parser")]
pub struct Msgpack;

/// The parser of a server: [`Json`], `Msgpack` (with the feature `msgpack`), or a [`Parser`] of one's own.
#[derive(Clone)]
pub struct PacketParser(Kind);

/// The parsers that the server knows are told apart by a match where a packet is written or read, so that JSON goes through no
/// table of functions.
#[derive(Clone)]
pub(crate) enum Kind {
    Json,
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "msgpack's"))]
    Msgpack(Codec),
    Custom(Arc<dyn Parser>),
}

impl PacketParser {
    pub(crate) const JSON: Self = Self(Kind::Json);

    pub(crate) const fn kind(&self) -> &Kind {
        &self.0
    }

    /// Whether it is the default.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        matches!(self.0, Kind::Json)
    }

    /// Whether it is that of `socket.io-msgpack-parser`.
    #[must_use]
    pub const fn is_msgpack(&self) -> bool {
        matches!(self.0, Kind::Msgpack(_))
    }
}

impl Default for PacketParser {
    fn default() -> Self {
        Self::JSON
    }
}

impl From<Json> for PacketParser {
    fn from(_: Json) -> Self {
        Self::JSON
    }
}

#[cfg(feature = "msgpack")]
impl From<Msgpack> for PacketParser {
    fn from(_: Msgpack) -> Self {
        Self(Kind::Msgpack(Codec))
    }
}

impl<P: Parser> From<P> for PacketParser {
    fn from(parser: P) -> Self {
        Self(Kind::Custom(Arc::new(parser)))
    }
}

impl fmt::Debug for PacketParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Json => f.write_str("Json"),
            Kind::Msgpack(_) => f.write_str("Msgpack"),
            Kind::Custom(parser) => parser.fmt(f),
        }
    }
}
