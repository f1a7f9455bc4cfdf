//! What can go wrong, one error per verb.

use std::{error::Error, fmt, sync::Arc};

use serde::Serialize;

use crate::{
    ServerId,
    adapter::AdapterError,
    engine::SendError,
    foreign::{Foreign, brief, cut},
    packet::{self, JsonText},
    server::dispatch::{BoxError, Rejected},
};

/// Why an emit did not reach the outbox of its connection.
///
/// Asked for with [`Socket::try_emit`](crate::Socket::try_emit); the plain `emit` reports it to the namespace's
/// `on_error` instead.
#[derive(Debug)]
pub struct EmitError(EmitErrorKind);

#[derive(Debug)]
enum EmitErrorKind {
    Closed,
    Full,
    TooManyAcks,
    Encode(packet::EncodeError),
    Reserved(Box<str>),
}

impl EmitError {
    pub(crate) const fn closed() -> Self {
        Self(EmitErrorKind::Closed)
    }

    pub(crate) const fn too_many_acks() -> Self {
        Self(EmitErrorKind::TooManyAcks)
    }

    pub(crate) fn reserved(event: &str) -> Self {
        Self(EmitErrorKind::Reserved(event.into()))
    }

    /// The socket has disconnected.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.0, EmitErrorKind::Closed)
    }

    /// The outbox of the connection is full, see [`Builder::max_send_buffer`](crate::Builder::max_send_buffer);
    /// for a volatile emit: the transport was not writable at this moment; for one with an acknowledgement also: as many are
    /// awaited as may, see [`Builder::max_pending_acks`](crate::Builder::max_pending_acks).
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self.0, EmitErrorKind::Full | EmitErrorKind::TooManyAcks)
    }

    /// The arguments could not be serialised.
    #[must_use]
    pub const fn is_encode(&self) -> bool {
        matches!(self.0, EmitErrorKind::Encode(_))
    }

    /// The event name belongs to the protocol (`connect`, `connect_error`, `disconnect`, `disconnecting`,
    /// `newListener`, `removeListener`).
    #[must_use]
    pub const fn is_reserved(&self) -> bool {
        matches!(self.0, EmitErrorKind::Reserved(_))
    }
}

impl From<SendError> for EmitError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Closed => Self::closed(),
            SendError::Full | SendError::NotWritable => Self(EmitErrorKind::Full),
        }
    }
}

impl From<packet::EncodeError> for EmitError {
    fn from(error: packet::EncodeError) -> Self {
        Self(EmitErrorKind::Encode(error))
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            EmitErrorKind::Closed => f.write_str("the socket has disconnected"),
            EmitErrorKind::Full => f.write_str("the connection takes no more packets now"),
            EmitErrorKind::TooManyAcks => f.write_str("too many acknowledgements of the socket are awaited"),
            EmitErrorKind::Encode(_) => f.write_str("the arguments could not be serialised"),
            EmitErrorKind::Reserved(event) => write!(f, "\"{event}\" is a reserved event name"),
        }
    }
}

impl Error for EmitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            EmitErrorKind::Encode(source) => Some(source),
            _ => None,
        }
    }
}

/// Why an awaited acknowledgement did not come.
#[derive(Debug)]
pub struct AckError(AckErrorKind);

#[derive(Debug)]
enum AckErrorKind {
    Timeout,
    Disconnected,
    Emit(EmitError),
    Adapter(AdapterError),
    Decode(packet::ArgError),
}

impl AckError {
    pub(crate) const fn timeout() -> Self {
        Self(AckErrorKind::Timeout)
    }

    pub(crate) const fn disconnected() -> Self {
        Self(AckErrorKind::Disconnected)
    }

    pub(crate) const fn adapter(error: AdapterError) -> Self {
        Self(AckErrorKind::Adapter(error))
    }

    /// The client did not answer in time.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.0, AckErrorKind::Timeout)
    }

    /// The client left before it answered.
    #[must_use]
    pub const fn is_disconnected(&self) -> bool {
        matches!(self.0, AckErrorKind::Disconnected)
    }

    /// The event was never sent; the source says why.
    #[must_use]
    pub const fn is_emit(&self) -> bool {
        matches!(self.0, AckErrorKind::Emit(_))
    }

    /// Other servers could not be asked, or not be heard any more, because this one has left the cluster meanwhile; the source is the
    /// [`AdapterError`](crate::adapter::AdapterError).
    #[must_use]
    pub const fn is_adapter(&self) -> bool {
        matches!(self.0, AckErrorKind::Adapter(_))
    }

    /// The answer came but is not of the type asked for.
    #[must_use]
    pub const fn is_decode(&self) -> bool {
        matches!(self.0, AckErrorKind::Decode(_))
    }
}

impl From<EmitError> for AckError {
    fn from(error: EmitError) -> Self {
        if error.is_closed() {
            Self::disconnected()
        } else {
            Self(AckErrorKind::Emit(error))
        }
    }
}

impl From<packet::ArgError> for AckError {
    fn from(error: packet::ArgError) -> Self {
        Self(AckErrorKind::Decode(error))
    }
}

impl fmt::Display for AckError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            AckErrorKind::Timeout => "no acknowledgement came in time",
            AckErrorKind::Disconnected => "the client left before it acknowledged",
            AckErrorKind::Emit(_) => "the event could not be sent",
            AckErrorKind::Adapter(_) => "other servers could not be asked, or not be heard any more",
            AckErrorKind::Decode(_) => "the acknowledgement is not of the expected type",
        })
    }
}

impl Error for AckError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            AckErrorKind::Emit(source) => Some(source),
            AckErrorKind::Adapter(source) => Some(source),
            AckErrorKind::Decode(source) => Some(source),
            AckErrorKind::Timeout | AckErrorKind::Disconnected => None,
        }
    }
}

/// Not every client acknowledged a broadcast properly. Keeps the replies that came.
#[derive(Debug)]
pub struct BroadcastAckError<T> {
    /// The replies that came, in the order of arrival.
    pub replies: Vec<T>,
    source: AckError,
    missing: Vec<ServerId>,
}

impl<T> BroadcastAckError<T> {
    pub(crate) const fn new(replies: Vec<T>, source: AckError, missing: Vec<ServerId>) -> Self {
        Self {
            replies,
            source,
            missing,
        }
    }

    /// The other servers of which some client, or the server itself, did not answer; sorted.
    #[must_use]
    pub fn missing_servers(&self) -> &[ServerId] {
        &self.missing
    }

    /// Some client did not answer in time.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        self.source.is_timeout()
    }
}

impl<T> fmt::Display for BroadcastAckError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not every client acknowledged: {} did", self.replies.len())
    }
}

impl<T: fmt::Debug> Error for BroadcastAckError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Refuses a connection to a namespace, from a middleware.
///
/// Engine.IO 4 clients get `connect_error` with `message` and, where given, `data`. For Engine.IO 3 clients the `error`
/// event carries the data, or the message where there is none.
#[derive(Debug)]
pub struct ConnectError {
    message: Box<str>,
    data: Option<JsonText>,
}

impl ConnectError {
    /// A refusal that tells the client `message`.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into().into_boxed_str(),
            data: None,
        }
    }

    /// Adds details for the client's code, `err.data` in JS.
    ///
    /// Data that can't be serialised is left out and traced.
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        self.data = JsonText::of(&data)
            .inspect_err(|error| {
                crate::log::warn!(
                    error = cut(error, 300),
                    "the data of a refusal can't be serialised"
                )
            })
            .ok();
        self
    }

    /// What the client is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn data(&self) -> Option<&JsonText> {
        self.data.as_ref()
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ConnectError {}

impl From<String> for ConnectError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<&str> for ConnectError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

/// What `on_error` is told: a handler failed, an extractor refused, an emit was lost, a packet made no sense.
///
/// As text it is what happened, such as `an extractor refused (event "join")`; why is said by its `source()`, and by the
/// sources of that. [`Namespace::on_error`](crate::Namespace::on_error) has an example that prints them all.
///
/// A cheap handle: several handlers may hear of the same error.
#[derive(Clone, Debug)]
pub struct HandlerError(Arc<WhatFailed>);

#[derive(Debug)]
struct WhatFailed {
    event: Option<Box<str>>,
    kind: HandlerErrorKind,
    source: Foreign<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandlerErrorKind {
    Failed,
    Rejected,
    Refused,
    Panicked,
    Emit,
    Decode,
}

impl HandlerError {
    pub(crate) fn new(event: Option<&str>, kind: HandlerErrorKind, source: impl Into<BoxError>) -> Self {
        Self(Arc::new(WhatFailed {
            event: event.map(Into::into),
            kind,
            source: Foreign::new(source.into()),
        }))
    }

    /// The error that a handler's future ended with.
    pub(super) fn of_run(event: Option<&str>, error: BoxError) -> Self {
        match error.downcast::<Rejected>() {
            Ok(rejected) => Self::new(event, HandlerErrorKind::Rejected, rejected.into_inner()),
            Err(error) => Self::new(event, HandlerErrorKind::Failed, error),
        }
    }

    pub(super) fn kind(&self) -> HandlerErrorKind {
        self.0.kind
    }

    /// The event concerned, where there is one.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.0.event.as_deref()
    }

    /// A handler returned an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.0.kind == HandlerErrorKind::Failed
    }

    /// An extractor could not be made, so its handler did not run.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        self.0.kind == HandlerErrorKind::Rejected
    }

    /// A packet middleware refused an event of an Engine.IO 4 client; the source is the [`EventError`](crate::EventError).
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.0.kind == HandlerErrorKind::Refused
    }

    /// A handler panicked.
    #[must_use]
    pub fn is_panicked(&self) -> bool {
        self.0.kind == HandlerErrorKind::Panicked
    }

    /// An emit was lost; the source is an [`EmitError`].
    #[must_use]
    pub fn is_emit(&self) -> bool {
        self.0.kind == HandlerErrorKind::Emit
    }

    /// The client sent a packet that makes no sense; its connection is being closed.
    #[must_use]
    pub fn is_decode(&self) -> bool {
        self.0.kind == HandlerErrorKind::Decode
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0.kind {
            HandlerErrorKind::Failed => "a handler failed",
            HandlerErrorKind::Rejected => "an extractor refused",
            HandlerErrorKind::Refused => "a middleware refused an event",
            HandlerErrorKind::Panicked => "a handler panicked",
            HandlerErrorKind::Emit => "an emit was lost",
            HandlerErrorKind::Decode => "a packet makes no sense",
        };
        match &self.0.event {
            Some(event) => write!(f, "{what} (event {:?})", brief(event)),
            None => f.write_str(what),
        }
    }
}

impl Error for HandlerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.0.source)
    }
}
