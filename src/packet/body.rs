//! What events and acknowledgements carry, in the form in which their parser left it.

use bytes::Bytes;

use super::{
    Args, DecodeError, Value,
    args::{self, EventPayload},
    msgpack::Array,
};
use crate::Protocol;

/// The name and the arguments of an event, or the arguments of an acknowledgement, as they came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// What [`decode`](super::decode()) leaves of a packet, and the attachments that came after it.
    Json {
        payload: &'a str,
        attachments: &'a [Bytes],
    },
    /// What [`msgpack::decode`](super::msgpack::decode) leaves of a packet.
    Msgpack(&'a Array),
    /// What a parser of a user's own makes of a packet.
    Values(&'a [Value]),
}

/// A [`Body`] that is kept for later.
#[derive(Clone, Debug)]
pub(crate) enum KeptBody {
    Json {
        payload: Box<str>,
        attachments: Vec<Bytes>,
    },
    Msgpack(Array),
    Values(Box<[Value]>),
}

impl<'a> Body<'a> {
    /// Reads it as that of an event.
    ///
    /// # Errors
    /// As of [`args::event`].
    pub(crate) fn event(self, protocol: Protocol) -> Result<EventPayload<'a>, DecodeError> {
        match self {
            Self::Json { payload, attachments } => {
                let mut event = args::event(payload, protocol)?;
                event.args = event.args.with_attachments(attachments);
                Ok(event)
            }
            Self::Msgpack(array) => EventPayload::of_msgpack(array.elements(), protocol),
            Self::Values(values) => EventPayload::of_values(values, protocol),
        }
    }

    /// Reads it as that of an acknowledgement.
    ///
    /// # Errors
    /// As of [`args::ack`].
    pub(crate) fn ack(self) -> Result<Args<'a>, DecodeError> {
        match self {
            Self::Json { payload, attachments } => {
                args::ack(payload).map(|args| args.with_attachments(attachments))
            }
            Self::Msgpack(array) => Ok(Args::of_msgpack(array.elements())),
            Self::Values(values) => Ok(Args::of_values(values)),
        }
    }

    pub(crate) fn keep(self) -> KeptBody {
        match self {
            Self::Json { payload, attachments } => KeptBody::Json {
                payload: payload.into(),
                attachments: attachments.to_vec(),
            },
            Self::Msgpack(array) => KeptBody::Msgpack(array.clone()),
            Self::Values(values) => KeptBody::Values(values.into()),
        }
    }
}

impl KeptBody {
    pub(crate) fn as_body(&self) -> Body<'_> {
        match self {
            Self::Json { payload, attachments } => Body::Json { payload, attachments },
            Self::Msgpack(array) => Body::Msgpack(array),
            Self::Values(values) => Body::Values(values),
        }
    }

    /// How many bytes it keeps, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Json { payload, attachments } => {
                payload.len() + attachments.iter().map(Bytes::len).sum::<usize>()
            }
            Self::Msgpack(array) => array.size(),
            Self::Values(values) => values.iter().map(Value::size).sum(),
        }
    }
}
