//! RFC 6455, server role: frames in and out, the handshake, the closing handshake.
//!
//! Nothing in here touches a socket. A driver reads bytes and hands them to the [`Decoder`], which lends out what
//! they say; what is to be written are bytes too: a [`FrameHead`] in front of a payload, or a whole [`ControlFrame`].
//! [`Closing`] and [`Pongs`] remember what is owed to the peer.
//!
//! ```text
//!  request ──► handshake::accept ──► 101 / 200, subprotocol, deflate offers
//!
//!  bytes ────► Decoder::next ──┬──► Text, Binary ──► the engine
//!                              ├──► Ping  ─────────► Pongs::handle_ping ────► poll_pong ──┐
//!                              └──► Close ─────────► Closing::handle_close ─► poll_reply ─┴─► bytes
//! ```

mod close;
mod control;
mod error;
mod extensions;
mod frame;
mod handshake;
mod header;
mod mask;
mod message;
mod partial;
mod utf8;

#[cfg(test)]
mod tests;
#[cfg(any(test, fuzzing))]
pub(crate) mod transcript;

#[expect(
    unused_imports,
    reason = "the door of the room; the engine's driver is its consumer"
)]
pub(crate) use self::{
    close::{CloseCode, CloseFrame, Closing},
    control::{ControlFrame, Pongs},
    error::ProtocolError,
    extensions::ExtensionOffer,
    frame::{FrameHead, MAX_FRAME_HEAD, OpCode, write_head_before},
    handshake::{Accepted, HandshakeError, accept},
    message::{Decoder, DecoderConfig, Event, Step},
};
