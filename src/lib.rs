//! A Socket.IO server as a Tower layer for axum.

pub mod engine;
pub mod extract;
pub mod handler;
mod id;
pub mod layer;
mod packet;
mod protocol;
mod room;
mod server;
mod websocket;

pub use handler::Ack;
pub use id::{SessionId, SocketId};
pub use layer::SocketIoLayer;
pub use packet::{ArgError, Map, Value};
pub use protocol::Protocol;
pub use room::{Room, Rooms};
pub use server::*;
