//! Reading types out of values.

use std::borrow::Cow;

use serde::{
    de::{
        Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Number};

use super::Value;
use crate::packet::{depth::RAW_JSON, key::Key};

impl<'de> IntoDeserializer<'de, Error> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Hands over a number where a float is asked for. With `arbitrary_precision` (see [`NUMBER_KEY`](super::NUMBER_KEY)) `serde_json` would
/// keep its text, if it isn't how Rust writes the float: `1e+21` is how JavaScript does.
fn fraction<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value, Error> {
    match number.as_f64() {
        Some(float) if number.as_u64().is_none() && number.as_i64().is_none() => visitor.visit_f64(float),
        _ => number.deserialize_any(visitor),
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(number) => number.deserialize_any(visitor),
            Self::String(text) => visitor.visit_string(text),
            Self::Array(values) => SeqDeserializer::new(values.into_iter()).deserialize_any(visitor),
            Self::Object(members) => {
                let members = members
                    .into_iter()
                    .map(|(key, value)| (Key(Cow::Owned(key)), value));
                MapDeserializer::new(members).deserialize_any(visitor)
            }
            Self::Binary(bytes) => visitor.visit_byte_buf(bytes.into()),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Number(number) => fraction(number, visitor),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW_JSON {
            let json = serde_json::to_string(&self)?;
            return visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_JSON, json))));
        }
        visitor.visit_newtype_struct(self)
    }

    /// A variant is a string, or an object whose only member is the variant's.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self {
            Self::String(text) => visitor.visit_enum(text.into_deserializer()),
            Self::Object(members) if members.len() == 1 => {
                let members = MapDeserializer::new(members.into_iter());
                MapAccessDeserializer::new(members).deserialize_enum(name, variants, visitor)
            }
            _ => Err(Error::invalid_type(
                Unexpected::Other("this"),
                &"a string or an object with one member",
            )),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
