//! A Socket.IO server as a Tower layer for axum.

mod engine;
mod id;
mod packet;
mod protocol;
mod room;
mod websocket;

pub use id::{SessionId, SocketId};
pub use room::{Room, Rooms};
pub use protocol::Protocol;
