//! What moves packets between a connection and its client.

pub(super) mod poll;
pub(super) mod press;
pub(super) mod push;
pub(super) mod websocket;

#[cfg(all(test, models))]
mod models;
