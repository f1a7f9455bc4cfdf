//! The GET of a polling client: what the server has for it.

use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::Version;

use super::press::{TURN, press};
use crate::{
    Protocol,
    engine::{
        CloseReason, Connection, clock,
        http_compression::{Coding, HttpCompression},
        jsonp,
        outbox::{Control, Item, Queue},
        packet::Part,
        payload_v3::{self, ContentType},
        payload_v4,
        refusal::Refusal,
        refused,
        response::{self, Answer, Denial, Long, Unread},
        session::{PollAnswer, PollStep},
    },
};

/// Packets in one answer to a client that doesn't [take any number](takes_any_number).
const MAX_PACKETS: usize = 16;

/// Whether a client takes any number of packets with one answer, as the protocol has it. Those of `python-socketio` drop payloads of more than
/// [`MAX_PACKETS`]; what they make requests with says `python-requests` or `Python/3 aiohttp` of itself.
pub(in crate::engine) fn takes_any_number(user_agent: Option<&[u8]>) -> bool {
    const PYTHON: &[u8] = b"python";
    let mut words = user_agent.unwrap_or_default().windows(PYTHON.len());
    !words.any(|word| word.eq_ignore_ascii_case(PYTHON))
}

/// A GET that is held until there is something to say.
///
/// Dropped before it has its answer, it is the client giving the request up.
pub(in crate::engine) struct HeldPoll {
    connection: Connection,
    /// How the answer may be compressed.
    coding: Option<Coding>,
    stage: Stage,
    long: Long,
    /// For an answer that may be a long one.
    unread: Option<Arc<Unread>>,
}

/// How far a GET is.
enum Stage {
    Held,
    /// Its answer is being made. Nobody finds it there, unless that panics.
    Encoding,
    /// Its answer is compressed by another thread.
    Compressing(Box<Compressing>),
    Answered,
}

struct Compressing {
    content_type: &'static str,
    coding: Coding,
    body: Bytes,
    /// `None` if the runtime has ended meanwhile, or if it would not be smaller.
    compressed: BoxFuture<'static, Option<Option<Vec<u8>>>>,
}

impl HeldPoll {
    /// Lets the GET wait, or refuses it at once.
    pub(in crate::engine) fn new(
        connection: Connection,
        coding: Option<Coding>,
        version: Version,
    ) -> Result<Self, Denial> {
        let step = connection.update(clock::now(), |core, _| {
            let step = core.session.handle_poll();
            // Whoever has read an answer to its end has taken all of it: this is one more GET while there is one.
            if step == PollStep::Held && core.is_unread() {
                return core.session.handle_poll();
            }
            step
        });
        match step {
            PollStep::Held => Ok(Self {
                connection,
                coding,
                stage: Stage::Held,
                long: Long::of(version),
                unread: None,
            }),
            PollStep::Overlap => Err(Denial::OVERLAP),
            PollStep::Mismatch => Err(Refusal::TRANSPORT_MISMATCH.into()),
            PollStep::Unknown => Err(Refusal::SessionUnknown.into()),
        }
    }

    pub(in crate::engine) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = ready!(self.poll_answer(cx));
        Poll::Ready(match self.unread.take() {
            Some(unread) => answer.map(|body| body.of_session(unread, self.long)),
            None => answer,
        })
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        if let Stage::Compressing(compressing) = &mut self.stage {
            let answer = ready!(compressing.poll(cx));
            self.stage = Stage::Answered;
            return Poll::Ready(answer);
        }
        let taken = self.connection.update(clock::now(), |core, effects| {
            let queued = !core.outbox.is_empty() && !core.is_held();
            let answer = core.session.handle_poll_answer(queued);
            if answer == PollAnswer::Wait {
                effects.displaced = core.register_driver(cx);
                return None;
            }
            let queued = core.outbox.queued();
            let payload = match answer {
                PollAnswer::Packets if core.takes_any_number => core.outbox.take_payload(usize::MAX),
                PollAnswer::Packets => core.outbox.take_payload(MAX_PACKETS),
                _ => Queue::new(),
            };
            let taken = queued - core.outbox.queued();
            let unread = self.long.may_be(taken).then(|| core.begin_answer());
            if core.outbox.is_drained() {
                core.wake_drained(effects);
            }
            Some((answer, payload, queued, unread))
        });
        let Some((answer, mut payload, queued, unread)) = taken else {
            return Poll::Pending;
        };
        // The payload is out of the outbox: should anything panic from here on, it is lost, and the session with it.
        self.stage = Stage::Encoding;
        self.unread = unread;
        self.connection.shared().instruments.flushed(queued);
        payload.extend(controls(answer).iter().copied().map(Item::Control));
        let (content_type, body) = self.encode(&payload);
        self.respond(content_type, body, &payload, cx)
    }

    fn encode(&self, payload: &Queue) -> (&'static str, Bytes) {
        let format = self.connection.polling_format();
        let parts: Vec<Part<'_>> = payload.iter().flat_map(parts).collect();
        let mut body = Vec::with_capacity(capacity(&parts));
        let content_type = match self.connection.protocol() {
            Protocol::V3 => payload_v3::encode(&parts, !format.b64, &mut body),
            Protocol::V4 => {
                payload_v4::encode(parts.into_iter(), &mut body);
                ContentType::Text
            }
        };
        if let Some(callback) = &format.jsonp {
            let text = String::from_utf8(body).expect("invariant: a JSONP session gets text only");
            body = jsonp::wrap(&text, callback).into_bytes();
        }
        (content_type.as_str(), body.into())
    }

    /// Compresses the body, if that is wanted and worth it, and takes its time for a long one.
    fn respond(
        &mut self,
        content_type: &'static str,
        body: Bytes,
        payload: &Queue,
        cx: &mut Context<'_>,
    ) -> Poll<Answer> {
        let options = self.connection.shared().config.http_compression.as_ref();
        let worth = |options: &&HttpCompression| {
            body.len() >= options.threshold && payload.iter().any(Item::is_compressible)
        };
        let answer = match (options.filter(worth), self.coding) {
            (None, _) => response::payload(content_type, body),
            (Some(_), None) => response::negotiated(content_type, body, None),
            (Some(options), Some(coding)) if body.len() > TURN => {
                let (options, pressed) = (options.clone(), body.clone());
                let compressed = press(body.len(), move || options.compress(coding, &pressed));
                self.stage = Stage::Compressing(Box::new(Compressing {
                    content_type,
                    coding,
                    body,
                    compressed: compressed.boxed(),
                }));
                return self.poll_answer(cx);
            }
            (Some(options), Some(coding)) => {
                let compressed = options.compress(coding, &body);
                compressed_or_not(content_type, coding, body, compressed)
            }
        };
        self.stage = Stage::Answered;
        Poll::Ready(answer)
    }
}

impl Compressing {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let compressed = ready!(self.compressed.poll_unpin(cx)).flatten();
        let body = std::mem::take(&mut self.body);
        Poll::Ready(compressed_or_not(
            self.content_type,
            self.coding,
            body,
            compressed,
        ))
    }
}

fn compressed_or_not(
    content_type: &'static str,
    coding: Coding,
    body: Bytes,
    compressed: Option<Vec<u8>>,
) -> Answer {
    match compressed {
        Some(compressed) => response::negotiated(content_type, compressed.into(), Some(coding)),
        None => response::negotiated(content_type, body, None),
    }
}

impl Drop for HeldPoll {
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Answered) {
            return;
        }
        if self.connection.is_open() {
            refused!(self.connection, "poll connection closed prematurely");
        }
        match self.stage {
            // Its packets are lost.
            Stage::Encoding | Stage::Compressing(_) => self.connection.fail(CloseReason::TransportError),
            _ => self
                .connection
                .update(clock::now(), |core, _| core.session.handle_poll_aborted()),
        }
    }
}

impl fmt::Debug for HeldPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldPoll")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

/// What follows after the queued packets.
fn controls(answer: PollAnswer) -> &'static [Control] {
    match answer {
        PollAnswer::Wait | PollAnswer::Packets => &[],
        PollAnswer::Close => &[Control::Close],
        PollAnswer::Noop => &[Control::Noop],
        PollAnswer::NoopAndClose => &[Control::Noop, Control::Close],
    }
}

fn parts(item: &Item) -> impl Iterator<Item = Part<'_>> {
    let (text, attachments) = match item {
        Item::Packet(packet) => (packet.packet(), packet.attachments()),
        Item::Control(control) => (control.packet(), Default::default()),
        Item::Frame(_) => unreachable!("invariant: frames are made by the WebSocket driver for itself"),
    };
    let attachments = attachments
        .iter()
        .map(|attachment| Part::Binary(attachment.data()));
    (!text.is_empty())
        .then_some(Part::Text(text))
        .into_iter()
        .chain(attachments)
}

fn capacity(parts: &[Part<'_>]) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) => text.len() + 4,
        Part::Binary(data) => data.len().div_ceil(3) * 4 + 8,
    });
    sizes.sum()
}
