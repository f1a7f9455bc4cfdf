//! Socket.IO on the wire: protocol revisions 4 and 5, text and binary.
//!
//! ```text
//! packet = type [ attachments "-" ] [ namespace "," ] [ id ] [ JSON ]
//! ```
//!
//! Receiving goes [`decode()`] → ([`Pending`] while attachments arrive, then [`check_placeholders`]) → [`args::event`] or
//! [`args::ack`] → [`Args`], which deserialises one argument after the other from the packet's own bytes.
//! Sending goes through [`encode`], which writes into a buffer it is given and hands back the attachments.
//!
//! That is the default parser, JSON. [`msgpack`] and the users' own (see [`parser`]) write and read the same packets in other ways, and
//! leave their arguments in other forms of [`Body`] and [`Args`].
//!
//! Nothing here does I/O, and nothing knows which transport carries the text.

pub(crate) mod args;
mod attachments;
mod body;
mod carried;
mod decode;
mod depth;
pub(crate) mod encode;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod json;
mod key;
#[cfg(feature = "msgpack")]
pub(crate) mod msgpack;
#[cfg(not(feature = "msgpack"))]
#[path = "no_msgpack.rs"]
pub(crate) mod msgpack;
mod name;
pub mod parser;
mod placeholder;
mod rest;
mod shape;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use args::Args;
pub(crate) use attachments::Pending;
pub(crate) use body::{Body, KeptBody};
pub(crate) use decode::{Packet, PacketType, decode, decode_checked};
pub(crate) use depth::{is_nested_deeper, is_read_anew};
pub use error::ArgError;
pub(crate) use error::{DecodeError, EncodeError};
pub(crate) use json::JsonText;
pub(crate) use name::is_reserved;
pub(crate) use placeholder::{check_own_placeholders, check_placeholders, may_name_attachments};
pub use rest::Rest;
pub use value::{Map, Value};
