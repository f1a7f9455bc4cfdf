//! RFC 6455, server role: frames in and out, and the handshake.
//!
//! Nothing in here touches a socket. A driver reads bytes and hands them to the [`Decoder`], which lends out what
//! they say; what is to be written are bytes too: a [`FrameHead`] in front of a payload, or a whole [`ControlFrame`].
//! [`Pongs`] remembers what is owed to the peer.
//!
//! ```text
//!  request ──► handshake::accept ──► 101 / 200, subprotocol, deflate offers
//!
//!  bytes ────► Decoder::next ──┬──► Text, Binary ──► the engine
//!                              ├──► Ping  ─────────► Pongs::handle_ping ────► poll_pong ──┐
//!                              └──► Close ─────────► ControlFrame::close ─────────────────┴─► bytes
//! ```

mod close;
mod control;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(not(feature = "deflate"))]
#[path = "no_deflate.rs"]
mod deflate;
mod error;
mod extensions;
mod frame;
mod handshake;
mod header;
mod mask;
mod message;
mod negotiation;
mod partial;
mod utf8;

#[cfg(feature = "deflate")]
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
pub(crate) mod transcript;

pub(crate) use self::{
    close::{CloseCode, CloseFrame},
    control::{ControlFrame, Pongs},
    deflate::{Deflater, Effort, deflate},
    error::ProtocolError,
    frame::{FrameHead, OpCode, head_len, write_head_before},
    handshake::{Accepted, HandshakeError, accept},
    message::{Decoder, DecoderConfig, Event},
    negotiation::{Agreement, Terms, negotiate},
};
