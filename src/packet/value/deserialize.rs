//! Values from whatever describes itself.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Map, Value};

/// How `serde_json` hands over numbers when some crate in the build has its feature `arbitrary_precision` on: as an object with
/// this one key.
pub(in crate::packet) const NUMBER_KEY: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reading(Plainly).deserialize(deserializer)
    }
}

/// Reads a value whose objects are read in some way.
#[derive(Clone, Copy)]
pub(in crate::packet) struct Reading<O>(pub(in crate::packet) O);

/// How an object is read.
pub(in crate::packet) trait ReadObject: Copy {
    fn read<'de, A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error>;
}

/// As it is.
#[derive(Clone, Copy)]
struct Plainly;

impl ReadObject for Plainly {
    fn read<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some((key, value)) = map.next_entry()? {
            members.insert(key, value);
        }
        object(members)
    }
}

impl<'de, O: ReadObject> DeserializeSeed<'de> for Reading<O> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, O: ReadObject> Visitor<'de> for Reading<O> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON or bytes")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Binary(Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Binary(bytes.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        self.0.read(map)
    }
}

/// What stands for an object in JSON, if it is none: see [`NUMBER_KEY`].
pub(in crate::packet) fn object<E: Error>(members: Map) -> Result<Value, E> {
    number(&members).unwrap_or(Ok(Value::Object(members)))
}

/// The number that an object stands for; see [`NUMBER_KEY`].
fn number<E: Error>(members: &Map) -> Option<Result<Value, E>> {
    let text = members.get(NUMBER_KEY).filter(|_| members.len() == 1)?.as_str()?;
    Some(text.parse().map(Value::Number).map_err(E::custom))
}
