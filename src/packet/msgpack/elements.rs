//! The arguments of a packet, where they lie in its message.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Error as _};

use super::{
    deserialize::Deserializer,
    read::{Bounds, Reader, Token},
};
use crate::packet::{Value, name};

/// The elements of an array in a message, which have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    bytes: Bytes,
    len: usize,
    /// Of the whole message, which the elements keep in memory.
    message: usize,
}

/// The elements of an array that have not been read.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    left: usize,
}

impl Array {
    /// An array of this length from its elements, and the message that they are part of.
    pub(super) fn new(message: &Bytes, elements: &[u8], len: usize) -> Self {
        Self {
            bytes: message.slice_ref(elements),
            len,
            message: message.len(),
        }
    }

    pub(crate) fn elements(&self) -> Elements<'_> {
        Elements {
            rest: &self.bytes,
            left: self.len,
        }
    }

    /// How many bytes it keeps: also those of the message that mean nothing.
    pub(crate) const fn size(&self) -> usize {
        self.message
    }
}

impl<'a> Elements<'a> {
    /// How many there are left.
    pub(crate) const fn len(&self) -> usize {
        self.left
    }

    /// The name of an event, which any string or number is, if that is what comes next.
    pub(crate) fn take_name(&mut self) -> Option<Cow<'a, str>> {
        self.left = self.left.checked_sub(1)?;
        let mut reader = Reader::new(self.rest);
        let token = reader.token()?;
        self.rest = reader.rest();
        match token {
            Token::Text(name) => Some(Cow::Borrowed(name)),
            Token::Unsigned(number) => Some(number_name(&number.to_string())),
            Token::Signed(number) => Some(number_name(&number.to_string())),
            Token::Float(number) => Some(number_name(&number.to_string())),
            _ => None,
        }
    }

    /// Deserialises the next one; `null` if there is none.
    ///
    /// # Errors
    /// It isn't what is asked for.
    pub(crate) fn read<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, serde_json::Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return seed.deserialize(Value::Null);
        };
        self.left = left;
        let mut reader = Reader::new(self.rest);
        reader
            .skip(Bounds::NONE)
            .map_err(|_| serde_json::Error::custom("broken msgpack"))?;
        let (element, rest) = self.rest.split_at(self.rest.len() - reader.rest().len());
        self.rest = rest;
        seed.deserialize(&mut Deserializer::new(element))
    }
}

fn number_name(number: &str) -> Cow<'static, str> {
    name::number_name(number).into_owned().into()
}
