//! A Socket.IO server as a Tower layer for axum.

mod engine;
mod id;
mod packet;
mod protocol;
mod room;
mod websocket;

pub use id::{SessionId, SocketId};
pub use protocol::Protocol;
pub use room::{Room, Rooms};
