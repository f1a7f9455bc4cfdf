//! The arguments of events and acknowledgements, found without parsing them.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::{
    error::{ArgError, DecodeError, Reason},
    name, placeholder,
    shape::Shape,
};

mod several;

/// The name and the arguments of an event, found without parsing the arguments: slices of the packet.
#[derive(Clone, Debug)]
pub(crate) struct EventPayload<'a> {
    /// Escapes resolved, a number as JavaScript writes it. Empty if the packet has no payload, which is an event without a name:
    /// no listener hears it but the catch-all ones.
    pub(crate) name: Cow<'a, str>,
    pub(crate) args: RawArgs<'a>,
}

/// The arguments of an event or of an acknowledgement, as JSON. Read them through a [cursor](Self::cursor).
///
/// Few events have more than four; those that have take one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawArgs<'a>(SmallVec<[&'a str; 4]>);

/// The arguments of an event or of an acknowledgement that have not been read yet.
///
/// Reading goes from the first to the last, and parses only what is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Args<'a> {
    raw: &'a [&'a str],
    next: usize,
    attachments: &'a [Bytes],
}

/// Reads the payload of an EVENT or BINARY_EVENT. All of its JSON is checked.
///
/// # Errors
/// The payload is not an array that begins with a string or a number, or the name is reserved. The latter is ignorable: only
/// clients of Engine.IO 3 get as far as this with it.
pub(crate) fn event(payload: &str) -> Result<EventPayload<'_>, DecodeError> {
    if payload.is_empty() {
        return Ok(EventPayload {
            name: Cow::Borrowed(""),
            args: RawArgs::default(),
        });
    }
    let Named { name, rest } = parse(payload)?;
    let name = name.and_then(name::event_name).ok_or(INVALID)?;
    if name::is_reserved(&name) {
        return Err(DecodeError::ignorable(Reason::ReservedEvent));
    }
    Ok(EventPayload { name, args: rest })
}

/// Reads the payload of an ACK or BINARY_ACK. All of its JSON is checked.
///
/// # Errors
/// The payload is not an array.
pub(crate) fn ack(payload: &str) -> Result<RawArgs<'_>, DecodeError> {
    if payload.is_empty() {
        return Ok(RawArgs::default());
    }
    parse(payload).map(|Unnamed(raw)| raw)
}

const INVALID: DecodeError = DecodeError::fatal(Reason::InvalidPayload);

fn parse<'a, T: Deserialize<'a>>(payload: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(payload).map_err(|_| INVALID)
}

impl RawArgs<'_> {
    /// Reads from the first argument on, with these attachments in the place of the placeholders.
    pub(crate) fn cursor<'a>(&'a self, attachments: &'a [Bytes]) -> Args<'a> {
        Args {
            raw: &self.0,
            next: 0,
            attachments,
        }
    }
}

impl<'a> Args<'a> {
    /// How many arguments are left.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.raw.len() - self.next
    }

    /// Whether all arguments have been read.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the next argument. One that is missing reads like `null`.
    ///
    /// # Errors
    /// The argument is not what `T` deserialises from. It counts as read.
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<T, ArgError> {
        let index = self.next;
        let raw = self.next_raw();
        placeholder::from_str(raw.unwrap_or("null"), self.attachments)
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
        let mut args = *self;
        match Shape::of::<T>() {
            Shape::Several => several::read(&mut args),
            Shape::One => args.next(),
            Shape::None => Args { raw: &[], ..args }.next(),
        }
    }

    /// The JSON of the next argument, its placeholders left in it.
    pub(crate) fn next_raw(&mut self) -> Option<&'a str> {
        let raw = self.raw.get(self.next).copied()?;
        self.next += 1;
        Some(raw)
    }
}

/// An array's first element and the others.
struct Named<'a> {
    name: Option<&'a str>,
    rest: RawArgs<'a>,
}

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor;
        impl<'de> Visitor<'de> for NamedVisitor {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event's array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let name = seq.next_element::<&RawValue>()?.map(RawValue::get);
                Ok(Named {
                    name,
                    rest: slices(seq)?,
                })
            }
        }
        deserializer.deserialize_seq(NamedVisitor)
    }
}

/// An array's elements.
struct Unnamed<'a>(RawArgs<'a>);

impl<'de> Deserialize<'de> for Unnamed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UnnamedVisitor;
        impl<'de> Visitor<'de> for UnnamedVisitor {
            type Value = Unnamed<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an acknowledgement's array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                slices(seq).map(Unnamed)
            }
        }
        deserializer.deserialize_seq(UnnamedVisitor)
    }
}

fn slices<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<RawArgs<'de>, A::Error> {
    let mut slices = SmallVec::new();
    while let Some(raw) = seq.next_element::<&RawValue>()? {
        slices.push(raw.get());
    }
    Ok(RawArgs(slices))
}
