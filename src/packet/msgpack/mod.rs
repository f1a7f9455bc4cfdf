//! The packets of npm's `socket.io-msgpack-parser`: a map in msgpack, one binary message each.
//!
//! ```text
//! { "type": 0..4, "nsp": "/…", "data": …, "id": … }      for clients 3.x and 4.x, parser 3.x
//!                                                        clients 2.x, parser 2.x: CONNECT, DISCONNECT and ERROR as JSON
//! ```
//!
//! Its msgpack is a dialect, that of `notepack.io` 2.2: see [`read`]. Bytes stand where they are, so there are neither attachments
//! nor placeholders, and events look the same to both generations.
//!
//! Receiving goes [`Codec::decode`] → [`Array`] → [`Elements`], from which each argument is deserialised where it lies. What
//! [`decode`] lets pass has been checked to its end, so that nothing is found broken later on.

mod date;
mod decode;
mod deserialize;
mod elements;
mod encode;
mod read;
mod serialize;
mod write;

pub(crate) use self::{
    decode::{Decoded, Limits},
    elements::{Array, Elements},
};

/// The parser, as a value that there is only where the feature is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codec;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
