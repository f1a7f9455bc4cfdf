//! The arguments of events and acknowledgements, found without parsing them.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use self::slices::Slices;
use super::{
    error::{ArgError, DecodeError, Reason},
    json::{Element, Scanner},
    name, placeholder,
    shape::Shape,
};
use crate::Protocol;

mod several;
mod slices;

/// The name and the arguments of an event, found without parsing the arguments: slices of the packet.
#[derive(Clone, Debug)]
pub(crate) struct EventPayload<'a> {
    /// Escapes resolved, a number as JavaScript writes it. Empty if the packet has no payload, which is an event without a name:
    /// no listener hears it but the catch-all ones.
    pub(crate) name: Cow<'a, str>,
    pub(crate) args: Args<'a>,
}

/// The arguments of an event or of an acknowledgement that have not been read yet.
///
/// Reading goes from the first to the last, and parses only what is read.
#[derive(Clone, Debug)]
pub(crate) struct Args<'a> {
    raw: Slices<'a>,
    next: usize,
    attachments: &'a [Bytes],
}

/// Reads the payload of an EVENT or BINARY_EVENT. All of its JSON is checked.
///
/// # Errors
/// The payload is not an array that begins with a string or a number, or the name is reserved. The latter is ignorable from
/// clients of Engine.IO 3.
pub(crate) fn event(payload: &str, protocol: Protocol) -> Result<EventPayload<'_>, DecodeError> {
    if payload.is_empty() {
        return Ok(EventPayload {
            name: Cow::Borrowed(""),
            args: Args::new(Slices::default()),
        });
    }
    let (mut name, mut rest) = (None, Slices::default());
    let scanned = Scanner::new(payload).array(|element| match name {
        None => name = Some(element),
        Some(_) => rest.push(element),
    });
    let name = scanned.and(name).and_then(name::event_name).ok_or(INVALID)?;
    if name::is_reserved(&name) {
        return Err(match protocol {
            Protocol::V3 => DecodeError::ignorable(Reason::ReservedEvent),
            Protocol::V4 => DecodeError::fatal(Reason::ReservedEvent),
        });
    }
    Ok(EventPayload {
        name,
        args: Args::new(rest),
    })
}

/// Reads the payload of an ACK or BINARY_ACK. All of its JSON is checked.
///
/// # Errors
/// The payload is not an array.
pub(crate) fn ack(payload: &str) -> Result<Args<'_>, DecodeError> {
    if payload.is_empty() {
        return Ok(Args::new(Slices::default()));
    }
    let mut slices = Slices::default();
    let scanned = Scanner::new(payload).array(|element| slices.push(element));
    scanned.map(|()| Args::new(slices)).ok_or(INVALID)
}

const INVALID: DecodeError = DecodeError::fatal(Reason::InvalidPayload);

impl<'a> Args<'a> {
    const fn new(raw: Slices<'a>) -> Self {
        Self {
            raw,
            next: 0,
            attachments: &[],
        }
    }

    /// No arguments.
    pub(crate) fn none() -> Self {
        Self::new(Slices::default())
    }

    /// Puts these attachments in the place of the placeholders when arguments are read.
    pub(crate) fn with_attachments(self, attachments: &'a [Bytes]) -> Self {
        Self { attachments, ..self }
    }

    /// How many arguments are left.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.raw.len() - self.next
    }

    /// Reads the next argument. One that is missing reads like `null`.
    ///
    /// # Errors
    /// The argument is not what `T` deserialises from. It counts as read.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<T, ArgError> {
        let index = self.next;
        let raw = self.next_raw();
        placeholder::read(raw.unwrap_or(Element::NULL), self.attachments)
            .map_err(|source| ArgError::new(index, raw.is_none(), source))
    }

    /// Reads all arguments that are left, each as a `T`.
    ///
    /// # Errors
    /// One of them is not what `T` deserialises from.
    pub(crate) fn rest<T: DeserializeOwned>(&mut self) -> Result<Vec<T>, ArgError> {
        (0..self.len()).map(|_| self.next()).collect()
    }

    /// Reads the arguments the way they are emitted: a tuple takes several, `()` none, anything else the first one.
    ///
    /// # Errors
    /// An argument is not what its type deserialises from.
    pub(crate) fn all_as<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        let mut args = self.clone();
        match Shape::of::<T>() {
            Shape::Several => several::read(&mut args),
            Shape::One => args.next(),
            Shape::None => Args::new(Slices::default()).next(),
        }
    }

    /// The JSON of the next argument, its placeholders left in it.
    pub(in crate::packet) fn next_raw(&mut self) -> Option<Element<'a>> {
        let raw = self.raw.get(self.next)?;
        self.next += 1;
        Some(raw)
    }
}
