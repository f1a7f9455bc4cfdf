//! What moves packets between a connection and its client.

pub(super) mod poll;
mod press;
pub(super) mod push;
pub(super) mod websocket;
