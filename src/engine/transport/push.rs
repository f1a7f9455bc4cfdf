//! The POST of a polling client: what it has for the server.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use http_body::Body;

use crate::{
    Protocol,
    engine::{
        CloseReason, Connection, Limit, ReadyState, Receiver, Transport, clock, jsonp,
        outbox::Control,
        packet::{Packet, ParseError},
        payload_v3, payload_v4,
        refusal::Refusal,
        refused,
        response::{self, Answer, Denial},
        session::PushStep,
        turn::{self, Turn},
    },
};

/// A POST on its way: read whole, then dispatched packet by packet, then answered.
///
/// ```text
///  Reading ── body complete ──► Dispatching ── all packets delivered ──► ok
///     ├── too large ──► 413        ▲    │
///     │                            └────┘ the receiver isn't ready
///     └── the session ends ──► 400
/// ```
///
/// Dropped before it has its answer, it is the client giving the request up.
pub(in crate::engine) struct Push {
    connection: Connection,
    encoding: Encoding,
    stage: Stage,
}

/// How the body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Text,
    Binary,
    Form,
}

enum Stage {
    Reading(Vec<u8>),
    Dispatching(Dispatch),
    Answered,
}

/// The packets of a body.
struct Dispatch {
    receiver: Arc<dyn Receiver>,
    payload: Payload,
    /// Where the next packet starts; `None` behind the last one.
    at: Option<usize>,
}

enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

/// A packet from a body.
type Next<'a> = Option<Result<Packet<'a>, ParseError>>;

impl Push {
    /// Lets the POST in, or refuses it at once.
    pub(in crate::engine) fn new(connection: Connection, headers: &HeaderMap) -> Result<Self, Denial> {
        match connection.update(clock::now(), |core, _| core.session.handle_push()) {
            PushStep::Accepted => {}
            PushStep::Overlap => return Err(Denial::OVERLAP),
            PushStep::Mismatch => return Err(Refusal::TRANSPORT_MISMATCH.into()),
            PushStep::Unknown => return Err(Refusal::SessionUnknown.into()),
        }
        let encoding = Encoding::of(&connection, headers);
        let mut push = Self {
            connection,
            encoding,
            stage: Stage::Reading(Vec::new()),
        };
        if encoding == Encoding::Binary && push.connection.protocol() == Protocol::V4 {
            push.abort();
            return Err(Denial::CONTENT);
        }
        Ok(push)
    }

    pub(in crate::engine) fn poll<B>(&mut self, body: Pin<&mut B>, cx: &mut Context<'_>) -> Poll<Answer>
    where
        B: Body,
    {
        if let Stage::Reading(read) = &mut self.stage {
            let limit = self.connection.shared().config.max_http_buffer_size;
            let read = match poll_read(body, read, limit, cx) {
                Poll::Pending => return self.poll_closed(cx),
                Poll::Ready(Ok(())) => std::mem::take(read),
                Poll::Ready(Err(Unread::TooLarge)) => {
                    refused!(self.connection, "body too large");
                    self.connection.limit_exceeded(Limit::HttpBufferSize, limit, None);
                    return Poll::Ready(self.end(response::empty(StatusCode::PAYLOAD_TOO_LARGE)));
                }
                Poll::Ready(Err(Unread::Aborted)) => {
                    refused!(self.connection, "data request connection closed prematurely");
                    return Poll::Ready(self.abort());
                }
            };
            self.start_dispatch(read);
        }
        let span = self.connection.span();
        ready!(span.in_scope(|| self.poll_dispatch(cx)));
        Poll::Ready(self.end(response::ok()))
    }

    /// A body that never ends must not outlive its session.
    fn poll_closed(&mut self, cx: &Context<'_>) -> Poll<Answer> {
        let mut core = self.connection.lock();
        if core.session.closed().is_none() {
            let displaced = core.register_push(cx);
            drop(core);
            drop(displaced);
            return Poll::Pending;
        }
        drop(core);
        Poll::Ready(self.end(response::empty(StatusCode::BAD_REQUEST)))
    }

    /// The body is complete. If the session has ended meanwhile, it is ignored.
    fn start_dispatch(&mut self, body: Vec<u8>) {
        let Some(payload) = self.payload(body) else { return };
        let receiver = self.connection.update(clock::now(), |core, _| {
            let receiver = core.receiver.clone().filter(|_| core.session.closed().is_none());
            core.dispatching |= receiver.is_some();
            receiver
        });
        if let Some(receiver) = receiver {
            self.stage = Stage::Dispatching(Dispatch {
                receiver,
                payload,
                at: Some(0),
            });
        }
    }

    fn payload(&self, body: Vec<u8>) -> Option<Payload> {
        let text = match self.encoding {
            Encoding::Binary => return Some(Payload::Binary(body)),
            Encoding::Form => jsonp::unwrap_form(&body)?,
            Encoding::Text => match String::from_utf8(body) {
                Ok(text) => text,
                Err(_) => {
                    refused!(self.connection, "body is not UTF-8");
                    self.fail(CloseReason::ParseError);
                    return None;
                }
            },
        };
        Some(Payload::Text(text))
    }

    fn poll_dispatch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Stage::Dispatching(dispatch) = &mut self.stage else {
            return Poll::Ready(());
        };
        let connection = &self.connection;
        let mut turn = Turn::new();
        while dispatch.at.is_some() && connection.ready_state() != ReadyState::Closed {
            if turn.is_over(clock::now) {
                turn::end(cx);
                return Poll::Pending;
            }
            if connection.is_open() && dispatch.receiver.poll_ready(cx).is_pending() {
                connection.set_blocked();
                if is_woken(connection, cx) {
                    // It may have become ready before there was anybody to tell.
                    ready!(dispatch.receiver.poll_ready(cx));
                }
            }
            connection.unblock();
            let bytes = dispatch.next(connection);
            turn.spend(bytes, clock::now);
        }
        Poll::Ready(())
    }

    /// The session is over because of this request.
    fn abort(&mut self) -> Answer {
        self.fail(CloseReason::TransportError);
        self.end(response::empty(StatusCode::BAD_REQUEST))
    }

    /// A session that is closing has its reason, and its client may still fetch what is queued.
    fn fail(&self, reason: CloseReason) {
        self.connection.update(clock::now(), |core, _| {
            if core.session.accepts_packets() {
                core.session.fail(reason);
            }
        });
    }

    fn end(&mut self, answer: Answer) -> Answer {
        let dispatched = matches!(self.stage, Stage::Dispatching(_));
        self.stage = Stage::Answered;
        self.connection.unblock();
        self.connection.update(clock::now(), |core, effects| {
            core.session.handle_push_end();
            core.dispatching &= !dispatched;
            core.wake_probe(effects);
        });
        answer
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Answered) {
            refused!(self.connection, "data request connection closed prematurely");
            self.abort();
        }
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("encoding", &self.encoding)
            .finish_non_exhaustive()
    }
}

/// Has the request's task woken when the receiver may be ready; `false` if nobody will, because the session is closing or has ended.
fn is_woken(connection: &Connection, cx: &Context<'_>) -> bool {
    let mut core = connection.lock();
    let is_open = core.session.accepts_packets();
    let displaced = is_open.then(|| core.register_push(cx));
    drop(core);
    drop(displaced);
    is_open
}

impl Encoding {
    /// Node takes everything for text that isn't exactly `application/octet-stream`. Whether a body is a form was
    /// decided at the handshake.
    fn of(connection: &Connection, headers: &HeaderMap) -> Self {
        let binary = headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value == "application/octet-stream");
        match (binary, &connection.polling_format().jsonp) {
            (true, _) => Self::Binary,
            (false, Some(_)) => Self::Form,
            (false, None) => Self::Text,
        }
    }
}

impl Dispatch {
    /// Delivers the next packet, and says how many bytes of the body it was.
    fn next(&mut self, connection: &Connection) -> usize {
        let at = self.at.take().unwrap_or_default();
        let protocol = connection.protocol();
        let (packet, rest) = match (&self.payload, protocol) {
            (Payload::Text(text), Protocol::V4) => {
                let mut packets = payload_v4::decode(&text[at..]);
                (packets.next(), packets.rest_len())
            }
            (Payload::Text(text), Protocol::V3) => {
                let mut packets = payload_v3::decode_text(&text[at..]);
                (packets.next(), packets.rest_len())
            }
            (Payload::Binary(body), _) => {
                let mut packets = payload_v3::decode_binary(&body[at..]);
                (packets.next(), packets.rest_len())
            }
        };
        self.at = rest.map(|rest| self.payload.len() - rest);
        deliver(packet, connection, &*self.receiver);
        self.at.unwrap_or(self.payload.len()) - at
    }
}

impl Payload {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(body) => body.len(),
        }
    }
}

/// Hands a packet up, or does what it asks for. While the session is closing, nothing but a good-bye is heard.
fn deliver(packet: Next<'_>, connection: &Connection, receiver: &dyn Receiver) {
    if !connection.is_open() {
        if let Some(Ok(Packet::Close)) = packet {
            hear_good_bye(connection);
        }
        return;
    }
    let packet = match packet {
        Some(Ok(packet)) => packet,
        Some(Err(error)) => {
            refused!(connection, "{error}");
            return connection.fail(CloseReason::ParseError);
        }
        None => return,
    };
    if connection.protocol() == Protocol::V3 || matches!(packet, Packet::Pong(_)) {
        connection.heard(clock::now());
    }
    if connection.is_watched() {
        connection.tell_packet(&packet);
    }
    let received = |bytes| {
        connection
            .shared()
            .instruments
            .received(Transport::Polling, bytes)
    };
    match packet {
        Packet::Text(text) => {
            received(text.len());
            receiver.on_text(text);
        }
        Packet::Binary(data) => {
            received(data.len());
            receiver.on_binary(Bytes::from(data.into_owned()));
        }
        Packet::Close => hear_good_bye(connection),
        Packet::Ping(_) => handle_ping(connection),
        // A pong nobody asked for, and what only has a meaning on a WebSocket that probes.
        Packet::Pong(_) | Packet::Open | Packet::Upgrade | Packet::Noop => {}
    }
}

/// The client leaves.
fn hear_good_bye(connection: &Connection) {
    connection.update(clock::now(), |core, _| core.session.handle_close_packet());
}

/// In Engine.IO 4 it is the server who pings.
pub(super) fn handle_ping(connection: &Connection) {
    match connection.protocol() {
        Protocol::V3 => connection.send_control(Control::Pong),
        Protocol::V4 => {
            refused!(connection, "invalid heartbeat direction");
            connection.fail(CloseReason::TransportError);
        }
    }
}

enum Unread {
    TooLarge,
    Aborted,
}

/// Reads the body to its end. The limit is checked before anything is kept.
fn poll_read<B: Body>(
    mut body: Pin<&mut B>,
    read: &mut Vec<u8>,
    limit: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Unread>> {
    if body.size_hint().lower() > limit as u64 {
        return Poll::Ready(Err(Unread::TooLarge));
    }
    while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
        let Ok(frame) = frame else {
            return Poll::Ready(Err(Unread::Aborted));
        };
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > limit - read.len() {
            return Poll::Ready(Err(Unread::TooLarge));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            read.extend_from_slice(chunk);
            data.advance(length);
        }
    }
    Poll::Ready(Ok(()))
}
