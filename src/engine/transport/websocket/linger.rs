//! The end of a WebSocket whose session is over.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    io::Stream,
    reader::{Flow, Read, Reader, Sink},
    writer::Writer,
};
use crate::{
    Protocol,
    engine::{
        clock,
        turn::{self, Turn},
    },
    websocket::Event,
};

/// How long the client has to answer our close frame.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sees to it that the client reads our close frame: writes it, waits for the client's, and closes the connection.
///
/// To close at once would have the network stack throw away what the client hasn't read yet, if it had sent anything.
pub(super) async fn linger<S: Stream>(
    mut stream: S,
    mut writer: Writer,
    mut reader: Reader,
    protocol: Protocol,
) {
    let farewell = async {
        poll_fn(|cx| writer.poll_flush(&mut stream, protocol, cx)).await?;
        poll_fn(|cx| poll_close(&mut stream, &mut reader, cx)).await;
        stream.shutdown().await
    };
    // Whether or not the client is in time: the connection is dropped.
    let _: Result<io::Result<()>, _> = timeout(PATIENCE, farewell).await;
}

/// Closes the connection of a client that has closed its WebSocket.
pub(super) async fn shut_down<S: Stream>(mut stream: S) {
    let _: Result<io::Result<()>, _> = timeout(PATIENCE, stream.shutdown()).await;
}

fn poll_close<S: Stream>(stream: &mut S, reader: &mut Reader, cx: &mut Context<'_>) -> Poll<()> {
    let mut deaf = Deaf {
        turn: Turn::new(),
        closed: false,
    };
    match reader.poll_read(stream, &mut deaf, cx) {
        Poll::Pending => Poll::Pending,
        // One read at a time: a client that goes on sending must not keep the thread busy.
        Poll::Ready(Read::Taken | Read::Stopped) if !deaf.closed => {
            turn::end(cx);
            Poll::Pending
        }
        Poll::Ready(_) => Poll::Ready(()),
    }
}

/// Hears nothing but the close frame. What else there is takes as long to read as if it were heard, above all if it is compressed.
struct Deaf {
    turn: Turn,
    closed: bool,
}

impl Sink for Deaf {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn handle(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::Close(_) => self.closed = true,
            Event::Text(text) => self.turn.spend(text.len(), clock::now),
            Event::Binary(data) => self.turn.spend(data.len(), clock::now),
            Event::Ping(_) | Event::Pong(_) => {}
        }
        if self.closed || self.turn.is_over(clock::now) {
            Flow::Stop
        } else {
            Flow::Go
        }
    }
}
