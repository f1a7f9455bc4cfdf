//! The two halves of a socket, or what stands for them in a model.

#[cfg(not(models))]
pub(super) use tokio::net::tcp::{OwnedReadHalf as ReadHalf, OwnedWriteHalf as WriteHalf};

#[cfg(models)]
pub(super) use super::models::wire::{ReadHalf, WriteHalf};

#[cfg(not(models))]
pub(super) fn of(stream: tokio::net::TcpStream) -> (ReadHalf, WriteHalf) {
    stream.into_split()
}

/// A socket's readiness is the operating system's, which no model can order.
#[cfg(models)]
pub(super) fn of(_: tokio::net::TcpStream) -> (ReadHalf, WriteHalf) {
    unreachable!("a model has no sockets")
}
