//! From the stream to events.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

use super::scratch::ReadScratch;
use crate::websocket::{Agreement, ControlFrame, Decoder, DecoderConfig, Event, Pongs, ProtocolError};

/// Reads a stream through the scratch of the thread, and sees to the client's pings.
///
/// While nothing arrives it owns no buffer, except for a message that is cut off, or what its sink didn't want yet.
pub(super) struct Reader {
    decoder: Decoder,
    extra: Option<Box<Extra>>,
}

/// What a reader seldom has.
#[derive(Default)]
struct Extra {
    /// What has been read and not been taken in, from `kept_at` on.
    kept: Box<[u8]>,
    kept_at: usize,
    pongs: Pongs,
}

/// Takes in what the client says.
pub(super) trait Sink {
    /// Whether the next event may come.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// A message, or the end. Pings and pongs don't come here.
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
    /// The stream ended, or broke: Node doesn't tell them apart either.
    End,
    Invalid(ProtocolError),
}

impl Reader {
    /// A reader that begins with what has been read `early`.
    pub(super) fn new(early: &[u8], max_message_size: usize, deflate: Option<Agreement>) -> Self {
        let decoder = Decoder::new(DecoderConfig {
            max_message_size,
            deflate,
        });
        let mut reader = Self { decoder, extra: None };
        reader.keep(early.into(), 0);
        reader
    }

    /// What was agreed on about compression.
    pub(super) fn agreement(&self) -> Option<Agreement> {
        self.decoder.agreement()
    }

    /// Reads once, and hands what arrived to the sink.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        sink: &mut impl Sink,
        cx: &mut Context<'_>,
    ) -> Poll<Read> {
        if let Some((mut kept, at)) = self.take_kept() {
            let (read, taken) = self.take_in(&mut kept[at..], sink, cx);
            if read.leaves_rest() {
                self.keep(kept, at + taken);
            }
            return Poll::Ready(read);
        }
        let mut scratch = ReadScratch::take();
        let mut read = ReadBuf::new(&mut scratch);
        let result = ready!(Pin::new(stream).poll_read(cx, &mut read));
        let input = read.filled_mut();
        if result.is_err() || input.is_empty() {
            return Poll::Ready(Read::End);
        }
        let (read, taken) = self.take_in(input, sink, cx);
        if read.leaves_rest() {
            self.keep(input[taken..].into(), 0);
        }
        Poll::Ready(read)
    }

    /// The pong that is owed to the client.
    pub(super) fn poll_pong(&mut self) -> Option<ControlFrame> {
        let extra = self.extra.as_mut()?;
        let pong = extra.pongs.poll_pong();
        if extra.kept.is_empty() {
            self.extra = None;
        }
        pong
    }

    fn take_kept(&mut self) -> Option<(Box<[u8]>, usize)> {
        let extra = self.extra.as_mut().filter(|extra| !extra.kept.is_empty())?;
        Some((std::mem::take(&mut extra.kept), extra.kept_at))
    }

    fn keep(&mut self, kept: Box<[u8]>, at: usize) {
        if at < kept.len() {
            let extra = self.extra.get_or_insert_default();
            (extra.kept, extra.kept_at) = (kept, at);
        }
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
            let flow = match step.event {
                None => return (Read::Taken, taken),
                Some(Event::Ping(payload)) => {
                    self.extra.get_or_insert_default().pongs.handle_ping(payload);
                    Flow::Go
                }
                Some(Event::Pong(_)) => Flow::Go,
                Some(event) => sink.handle(event),
            };
            if flow == Flow::Stop {
                return (Read::Stopped, taken);
            }
        }
    }
}

impl Read {
    fn leaves_rest(&self) -> bool {
        matches!(self, Self::Stopped | Self::Blocked)
    }
}
