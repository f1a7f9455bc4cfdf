//! What can be wrong with a packet, with a value to send, with an argument.

use std::{error, fmt};

use crate::foreign::Foreign;

/// Why a packet was refused. Displays the words of the Node decoder, which its `error` event carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecodeError {
    reason: Reason,
    ignorable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The digit, or `None` for what is not a digit.
    UnknownType(Option<u8>),
    IllegalAttachments,
    TooManyAttachments,
    InvalidId,
    InvalidPayload,
    ReservedEvent,
    ErrorFromClient,
    IllegalPlaceholder,
    TextAmongAttachments,
    UnannouncedBinary,
    NestedTooDeeply,
    /// What the msgpack parser complains of.
    #[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "msgpack's"))]
    Msgpack(MsgpackReason),
}

/// What is wrong with a packet in msgpack.
#[cfg_attr(not(feature = "msgpack"), expect(dead_code, reason = "msgpack's"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MsgpackReason {
    InvalidType,
    InvalidNamespace,
    /// No msgpack, or not all of it.
    Broken,
    TrailingBytes,
}

impl DecodeError {
    /// The refusal of a packet that closes the connection.
    pub(super) const fn fatal(reason: Reason) -> Self {
        Self {
            reason,
            ignorable: false,
        }
    }

    /// The refusal of a packet after which the connection goes on.
    pub(super) const fn ignorable(reason: Reason) -> Self {
        Self {
            reason,
            ignorable: true,
        }
    }

    /// A text message came while attachments of a binary packet were due.
    pub(crate) const fn text_among_attachments() -> Self {
        Self::fatal(Reason::TextAmongAttachments)
    }

    /// A binary message came and no packet had announced it.
    pub(crate) const fn unannounced_binary() -> Self {
        Self::fatal(Reason::UnannouncedBinary)
    }

    /// JSON is nested more deeply than allowed. To the client it is any payload that makes no sense.
    pub(crate) const fn nested_too_deeply() -> Self {
        Self::fatal(Reason::NestedTooDeeply)
    }

    /// JSON, or what stands in its place, is nested more deeply than allowed.
    pub(crate) fn is_nested_too_deeply(&self) -> bool {
        self.reason == Reason::NestedTooDeeply
    }

    /// The packet announced more attachments than allowed.
    pub(crate) fn is_too_many_attachments(&self) -> bool {
        self.reason == Reason::TooManyAttachments
    }

    /// The packet is one that makes sense, but not from a client: Node closes the connection without telling its sockets of an error.
    pub(crate) fn is_out_of_state(&self) -> bool {
        self.reason == Reason::ErrorFromClient
    }

    /// Whether the packet is skipped, as Node skips it for a client of this generation, instead of closing the connection.
    pub(crate) const fn is_ignorable(&self) -> bool {
        self.ignorable
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::UnknownType(Some(digit)) => return write!(f, "unknown packet type {digit}"),
            Reason::UnknownType(None) => "unknown packet type NaN",
            Reason::IllegalAttachments => "Illegal attachments",
            Reason::TooManyAttachments => "too many attachments",
            Reason::InvalidId => "invalid packet id",
            Reason::InvalidPayload | Reason::ReservedEvent | Reason::NestedTooDeeply => "invalid payload",
            Reason::ErrorFromClient => "CONNECT_ERROR from a client",
            Reason::IllegalPlaceholder => "illegal attachments",
            Reason::TextAmongAttachments => "got plaintext data when reconstructing a packet",
            Reason::UnannouncedBinary => "got binary data when not reconstructing a packet",
            Reason::Msgpack(MsgpackReason::InvalidType) => "invalid packet type",
            Reason::Msgpack(MsgpackReason::InvalidNamespace) => "invalid namespace",
            Reason::Msgpack(MsgpackReason::Broken) => "Could not parse",
            Reason::Msgpack(MsgpackReason::TrailingBytes) => "trailing bytes",
        })
    }
}

impl error::Error for DecodeError {}

/// Why a value could not be sent: it does not serialise, or a parser of the user's own can't write it. The cause is the `source()`.
#[derive(Debug)]
pub(crate) struct EncodeError(Foreign<Box<dyn error::Error + Send + Sync>>);

impl EncodeError {
    pub(crate) fn of(source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self(Foreign::new(source.into()))
    }
}

impl From<serde_json::Error> for EncodeError {
    fn from(source: serde_json::Error) -> Self {
        Self::of(source)
    }
}

impl From<ArgError> for EncodeError {
    fn from(source: ArgError) -> Self {
        Self::of(source)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the arguments do not serialise")
    }
}

impl error::Error for EncodeError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&**self.0)
    }
}

/// An argument of an event or an acknowledgement that could not be read as the type asked for.
///
/// The reason serde gives is the [`source()`](error::Error::source).
#[derive(Debug)]
pub struct ArgError {
    index: usize,
    missing: bool,
    source: serde_json::Error,
}

impl ArgError {
    pub(super) const fn new(index: usize, missing: bool, source: serde_json::Error) -> Self {
        Self {
            index,
            missing,
            source,
        }
    }

    /// Which argument it was. The first one after the event's name is 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Whether the peer sent fewer arguments than were asked for.
    ///
    /// A missing argument reads like JSON `null`, so types that accept `null`, such as `Option`, never cause this.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.missing
    }
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, missing, .. } = self;
        match missing {
            true => write!(f, "argument {index} is missing"),
            false => write!(f, "argument {index} is not of the expected type"),
        }
    }
}

impl error::Error for ArgError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.source)
    }
}
