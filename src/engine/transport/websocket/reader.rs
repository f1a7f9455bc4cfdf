//! From the stream to events.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::scratch::ReadScratch;
use crate::websocket::{Decoder, DecoderConfig, Event, ProtocolError};

/// Reads a stream through the scratch of the thread. While nothing arrives it owns no buffer, except for a message
/// that is cut off, or what its sink didn't want yet.
pub(super) struct Reader {
    decoder: Decoder,
    /// What has been read and not been taken in, from `kept_at` on.
    kept: Box<[u8]>,
    kept_at: u32,
}

/// Takes in what the client says.
pub(super) trait Sink {
    /// Whether the next event may come.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    fn handle(&mut self, event: Event<'_>) -> Flow;
}

/// Whether to go on with the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Go,
    Stop,
}

/// How a read ended.
#[derive(Debug)]
pub(super) enum Read {
    /// Everything read was taken in.
    Taken,
    /// The sink said stop; the rest is kept.
    Stopped,
    /// The sink isn't ready, and will wake the task.
    Blocked,
    End,
    Failed(io::Error),
    Invalid(ProtocolError),
}

impl Reader {
    /// A reader that begins with what has been read `early`.
    pub(super) fn new(early: &[u8], max_message_size: usize) -> Self {
        let decoder = Decoder::new(DecoderConfig { max_message_size });
        Self {
            decoder,
            kept: early.into(),
            kept_at: 0,
        }
    }

    /// Reads once, and hands what arrived to the sink.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        sink: &mut impl Sink,
        cx: &mut Context<'_>,
    ) -> Poll<Read> {
        if !self.kept.is_empty() {
            return Poll::Ready(self.take_kept(sink, cx));
        }
        let mut scratch = ReadScratch::take();
        let mut read = ReadBuf::new(&mut scratch);
        if let Err(error) = ready!(Pin::new(stream).poll_read(cx, &mut read)) {
            return Poll::Ready(Read::Failed(error));
        }
        let input = read.filled_mut();
        if input.is_empty() {
            return Poll::Ready(Read::End);
        }
        let (read, taken) = self.take_in(input, sink, cx);
        if matches!(read, Read::Stopped | Read::Blocked) {
            self.kept = input[taken..].into();
        }
        Poll::Ready(read)
    }

    fn take_kept(&mut self, sink: &mut impl Sink, cx: &mut Context<'_>) -> Read {
        let mut kept = std::mem::take(&mut self.kept);
        let start = self.kept_at as usize;
        let (read, taken) = self.take_in(&mut kept[start..], sink, cx);
        let rest = start + taken;
        if matches!(read, Read::Stopped | Read::Blocked) && rest < kept.len() {
            self.kept_at = u32::try_from(rest).expect("invariant: what is kept was one read");
            self.kept = kept;
        } else {
            self.kept_at = 0;
        }
        read
    }

    /// How it ended, and how much was taken in.
    fn take_in(&mut self, input: &mut [u8], sink: &mut impl Sink, cx: &mut Context<'_>) -> (Read, usize) {
        let mut taken = 0;
        loop {
            if sink.poll_ready(cx).is_pending() {
                return (Read::Blocked, taken);
            }
            let step = match self.decoder.next(&mut input[taken..]) {
                Ok(step) => step,
                Err(error) => return (Read::Invalid(error), taken),
            };
            taken += step.consumed;
            match step.event.map(|event| sink.handle(event)) {
                None => return (Read::Taken, taken),
                Some(Flow::Go) => {}
                Some(Flow::Stop) => return (Read::Stopped, taken),
            }
        }
    }
}
