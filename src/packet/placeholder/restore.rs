//! Values with their bytes in the places of the placeholders.

use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};

use super::{MARK, NUMBER, Origin, attachment, whole};
use crate::packet::value::{self, Map, ReadObject, Reading, Value};

/// Reads objects, of which some stand for bytes.
#[derive(Clone, Copy)]
pub(super) struct Restore<'a> {
    pub(super) attachments: &'a [Bytes],
    pub(super) origin: Origin,
}

impl Restore<'_> {
    fn binary(self, placeholder: &Map) -> Result<Value, serde_json::Error> {
        let number = placeholder.get(NUMBER);
        let number = number.and_then(|number| number.as_u64().or_else(|| whole(number.as_f64()?)));
        attachment(number, self.attachments).cloned().map(Value::Binary)
    }
}

impl ReadObject for Restore<'_> {
    fn read<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        let mut marked = false;
        while let Some(Key { text, spelled_out }) = map.next_key_seed(KeySeed)? {
            let value = map.next_value_seed(Reading(self))?;
            if text == MARK {
                marked = value == Value::Bool(true) && (spelled_out || self.origin == Origin::Anybody);
            }
            members.insert(text, value);
        }
        match marked {
            true => self.binary(&members).map_err(A::Error::custom),
            false => value::object(members),
        }
    }
}

struct Key {
    text: String,
    /// There is no escape in it.
    spelled_out: bool,
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    /// One without escapes would have been lent from the text.
    fn visit_str<E>(self, text: &str) -> Result<Key, E> {
        let text = text.to_owned();
        let spelled_out = false;
        Ok(Key { text, spelled_out })
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key, E> {
        let text = text.to_owned();
        let spelled_out = true;
        Ok(Key { text, spelled_out })
    }
}
