//! The arguments of events and acknowledgements, found without parsing them.

use std::{borrow::Cow, marker::PhantomData};

use bytes::Bytes;
use serde::de::{DeserializeOwned, DeserializeSeed};

use self::slices::Slices;
use super::{
    error::{ArgError, DecodeError, Reason},
    json::{Element, Scanner},
    msgpack::Elements,
    name,
    placeholder::{self, Origin},
    shape::Shape,
    value::Value,
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
    form: Form<'a>,
    next: usize,
}

/// What arguments are read from: whatever the parser left of the packet.
#[derive(Clone, Debug)]
enum Form<'a> {
    Json {
        raw: Slices<'a>,
        attachments: &'a [Bytes],
        origin: Origin,
    },
    Msgpack(Elements<'a>),
    Values(&'a [Value]),
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
    check_name(&name, protocol)?;
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

/// Whether clients may send events of this name.
fn check_name(name: &str, protocol: Protocol) -> Result<(), DecodeError> {
    match (name::is_reserved(name), protocol) {
        (false, _) => Ok(()),
        (true, Protocol::V3) => Err(DecodeError::ignorable(Reason::ReservedEvent)),
        (true, Protocol::V4) => Err(DecodeError::fatal(Reason::ReservedEvent)),
    }
}

const INVALID: DecodeError = DecodeError::fatal(Reason::InvalidPayload);

impl<'a> EventPayload<'a> {
    /// An event whose name and arguments are these elements.
    ///
    /// # Errors
    /// As of [`event`].
    pub(super) fn of_msgpack(mut elements: Elements<'a>, protocol: Protocol) -> Result<Self, DecodeError> {
        let name = elements.take_name().ok_or(INVALID)?;
        Self::new(name, Form::Msgpack(elements), protocol)
    }

    /// An event whose name and arguments are these values.
    ///
    /// # Errors
    /// As of [`event`].
    pub(super) fn of_values(values: &'a [Value], protocol: Protocol) -> Result<Self, DecodeError> {
        let (name, args) = values.split_first().ok_or(INVALID)?;
        let name = match name {
            Value::String(name) => Cow::Borrowed(name.as_str()),
            Value::Number(number) => name::number_name(&number.to_string()).into_owned().into(),
            _ => return Err(INVALID),
        };
        Self::new(name, Form::Values(args), protocol)
    }

    fn new(name: Cow<'a, str>, form: Form<'a>, protocol: Protocol) -> Result<Self, DecodeError> {
        check_name(&name, protocol)?;
        let args = Args { form, next: 0 };
        Ok(Self { name, args })
    }
}

impl<'a> Args<'a> {
    const fn new(raw: Slices<'a>) -> Self {
        Self {
            form: Form::Json {
                raw,
                attachments: &[],
                origin: Origin::Anybody,
            },
            next: 0,
        }
    }

    /// No arguments.
    pub(crate) fn none() -> Self {
        Self::new(Slices::default())
    }

    pub(super) const fn of_msgpack(elements: Elements<'a>) -> Self {
        Self {
            form: Form::Msgpack(elements),
            next: 0,
        }
    }

    pub(super) const fn of_values(values: &'a [Value]) -> Self {
        Self {
            form: Form::Values(values),
            next: 0,
        }
    }

    /// Puts these attachments in the place of the placeholders when arguments are read.
    pub(crate) fn with_attachments(mut self, with: &'a [Bytes]) -> Self {
        if let Form::Json { attachments, .. } = &mut self.form {
            *attachments = with;
        }
        self
    }

    /// As [`with_attachments`](Self::with_attachments), for JSON that a server has written: in that, an object that only looks like a
    /// placeholder is told apart.
    pub(crate) fn with_own_attachments(mut self, with: &'a [Bytes]) -> Self {
        if let Form::Json { origin, .. } = &mut self.form {
            *origin = Origin::Server;
        }
        self.with_attachments(with)
    }

    /// How many arguments are left.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        match &self.form {
            Form::Json { raw, .. } => raw.len() - self.next,
            Form::Msgpack(elements) => elements.len(),
            Form::Values(values) => values.len() - self.next,
        }
    }

    /// Reads the next argument. One that is missing reads like `null`.
    ///
    /// # Errors
    /// The argument is not what `T` deserialises from. It counts as read.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<T, ArgError> {
        let index = self.next;
        self.seeded(PhantomData)
            .map_err(|source| ArgError::new(index, self.next == index, source))
    }

    /// As [`next`](Self::next), for a type that is described by a value. One that is missing doesn't count as read.
    fn seeded<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, serde_json::Error> {
        let index = self.next;
        match &mut self.form {
            Form::Json {
                raw,
                attachments,
                origin,
            } => {
                let element = raw.get(index);
                self.next += usize::from(element.is_some());
                placeholder::seeded(seed, element.unwrap_or(Element::NULL), attachments, *origin)
            }
            Form::Msgpack(elements) => {
                self.next += usize::from(elements.len() > 0);
                elements.read(seed)
            }
            Form::Values(values) => {
                let value = values.get(index);
                self.next += usize::from(value.is_some());
                seed.deserialize(value.cloned().unwrap_or_default())
            }
        }
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
}
