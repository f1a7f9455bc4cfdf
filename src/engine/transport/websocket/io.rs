//! The byte stream under a WebSocket.

use std::{
    any::Any,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::{rt::TokioIo, server::conn::auto};
use smallvec::SmallVec;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    direct::Direct,
    halves::{self, ReadHalf, WriteHalf},
};
use crate::engine::IdleStream;

/// How much a stream that isn't a socket is given at a time. What is under a WebSocket over HTTP/2 copies all that it is given, and keeps two
/// of these as long as the client's window is closed, whether or not the session still lives.
const PIECE: usize = 16 * 1024;

/// What a driver needs of its stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// The stream under a WebSocket: the socket itself where it can be had, else whatever there is.
pub(super) enum Io {
    Tcp(Tcp),
    // Boxed, because it may be larger than the socket, which is what nearly all connections are.
    Other(Box<dyn Stream>),
}

/// A socket whose writing half may be lent.
pub(super) struct Tcp {
    reader: ReadHalf,
    writer: Option<WriteHalf>,
}

/// The writing half, for others to write to while the driver rests. Only a socket has one.
pub(super) fn lend<S: Stream>(stream: &mut S) -> Option<Direct> {
    match (stream as &mut dyn Any).downcast_mut()? {
        Io::Tcp(tcp) => tcp.writer.take().map(Direct),
        Io::Other(_) => None,
    }
}

/// Takes back what [`lend`] gave.
pub(super) fn take_back<S: Stream>(stream: &mut S, direct: Direct) {
    if let Some(Io::Tcp(tcp)) = (stream as &mut dyn Any).downcast_mut() {
        tcp.writer = Some(direct.0);
    }
}

impl Tcp {
    fn writer(&mut self) -> io::Result<Pin<&mut WriteHalf>> {
        let lent = || io::Error::other("the writing half is lent");
        self.writer.as_mut().map(Pin::new).ok_or_else(lent)
    }
}

impl Io {
    /// Takes the stream, and what of it has been read already.
    pub(super) fn new(upgraded: Upgraded) -> (Self, Bytes) {
        let upgraded = match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
            Ok(parts) => return (Self::tcp(parts.io.into_inner()), parts.read_buf),
            Err(upgraded) => upgraded,
        };
        let upgraded = match auto::upgrade::downcast::<TokioIo<IdleStream<TcpStream>>>(upgraded) {
            Ok(parts) => return (Self::tcp(parts.io.into_inner().into_inner()), parts.read_buf),
            Err(upgraded) => upgraded,
        };
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => (Self::tcp(parts.io.into_inner()), parts.read_buf),
            Err(upgraded) => (Self::Other(Box::new(TokioIo::new(upgraded))), Bytes::new()),
        }
    }

    /// Takes a stream of any type, and what of it has been read already.
    pub(super) fn of<S: Stream>(stream: S) -> (Self, Bytes) {
        let mut stream = Some(stream);
        if let Some(upgraded) = take::<TokioIo<Upgraded>>(&mut stream) {
            return Self::new(upgraded.into_inner());
        }
        if let Some(tcp) = take::<TcpStream>(&mut stream) {
            return (Self::tcp(tcp), Bytes::new());
        }
        let stream = stream.expect("invariant: it has not been taken");
        (Self::Other(Box::new(stream)), Bytes::new())
    }

    /// With Nagle's algorithm a second small write waits for the acknowledgement of the first, 40 ms and more.
    fn tcp(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            crate::log::debug!(%error, "TCP_NODELAY can't be set");
        }
        let (reader, writer) = halves::of(stream);
        Self::of_halves(reader, writer)
    }

    pub(super) const fn of_halves(reader: ReadHalf, writer: WriteHalf) -> Self {
        Self::Tcp(Tcp {
            reader,
            writer: Some(writer),
        })
    }
}

/// The beginning of these, no longer than a [piece](PIECE).
fn piece<'a>(slices: &'a [io::IoSlice<'_>]) -> SmallVec<[io::IoSlice<'a>; 2]> {
    let mut room = PIECE;
    let begun = slices.iter().map_while(|slice| {
        let taken = slice.len().min(room);
        room -= taken;
        (taken > 0 || slice.is_empty()).then(|| io::IoSlice::new(&slice[..taken]))
    });
    begun.collect()
}

/// The stream, if it is of this type.
fn take<T: 'static>(stream: &mut dyn Any) -> Option<T> {
    stream.downcast_mut::<Option<T>>().and_then(Option::take)
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(&mut tcp.reader).poll_read(cx, buf),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => tcp.writer()?.poll_write(cx, buf),
            Self::Other(stream) => Pin::new(stream).poll_write(cx, &buf[..buf.len().min(PIECE)]),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => tcp.writer()?.poll_flush(cx),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => tcp.writer()?.poll_shutdown(cx),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => tcp.writer()?.poll_write_vectored(cx, slices),
            Self::Other(stream) => Pin::new(stream).poll_write_vectored(cx, &piece(slices)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(_) => true,
            Self::Other(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::IoSlice};

    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    use super::*;

    #[tokio::test]
    async fn what_is_no_socket_is_given_no_more_than_a_piece_at_a_time() {
        let (stream, mut other) = tokio::io::duplex(1 << 20);
        let (mut io, _) = Io::of(stream);
        let (head, long) = ([1; 10], vec![2; 100_000]);
        let slices = [IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&long)];
        let whole = poll_fn(|cx| Pin::new(&mut io).poll_write(cx, &long))
            .await
            .unwrap();
        let parts = poll_fn(|cx| Pin::new(&mut io).poll_write_vectored(cx, &slices))
            .await
            .unwrap();
        assert_eq!((whole, parts), (PIECE, PIECE));
        let mut written = vec![0; 2 * PIECE];
        other.read_exact(&mut written).await.unwrap();
        assert_eq!(written[..PIECE], long[..PIECE]);
        assert_eq!(written[PIECE..PIECE + 10], head);
        assert_eq!(written[PIECE + 10..], long[..PIECE - 10]);
    }

    #[tokio::test]
    async fn a_socket_is_found_whatever_it_was_handed_in_as() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (io, early) = Io::of(stream);
        assert!(matches!(io, Io::Tcp(_)) && early.is_empty());
        let (pipe, _) = tokio::io::duplex(1);
        assert!(matches!(Io::of(pipe).0, Io::Other(_)));
    }
}
