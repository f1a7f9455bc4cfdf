//! A value of a message as serde sees it: what the same value would be as JSON, but for bytes, which are bytes.

use std::borrow::Cow;

use serde::{
    de::{
        Deserialize, DeserializeSeed, Deserializer as _, Error as _, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::Error;

use super::{
    date::iso_8601,
    read::{Bounds, Reader, Token},
};
use crate::packet::{Value, depth::RAW_JSON, key::Key};

/// How deeply values may stand in one another to be read, as for JSON.
const MAX_DEPTH: usize = 128;

/// Reads one value.
pub(super) struct Deserializer<'de> {
    reader: Reader<'de>,
    depth: usize,
}

impl<'de> Deserializer<'de> {
    pub(super) const fn new(value: &'de [u8]) -> Self {
        Self {
            reader: Reader::new(value),
            depth: 0,
        }
    }

    fn token(&mut self) -> Result<Token<'de>, Error> {
        self.reader.token().ok_or_else(broken)
    }

    fn peek(&self) -> Result<Token<'de>, Error> {
        let mut ahead = self.reader;
        ahead.token().ok_or_else(broken)
    }

    fn visit<V: Visitor<'de>>(&mut self, token: Token<'de>, visitor: V) -> Result<V::Value, Error> {
        match token {
            Token::Nil | Token::Undefined => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(number) => visitor.visit_u64(number),
            Token::Signed(number) => visitor.visit_i64(number),
            Token::Float(number) => visitor.visit_f64(number),
            Token::Text(text) => visitor.visit_borrowed_str(text),
            Token::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Date(milliseconds) => match iso_8601(milliseconds) {
                Some(text) => visitor.visit_string(text),
                None => visitor.visit_unit(),
            },
            Token::Extension(kind, data) => {
                let parts = [Part::Kind(kind), Part::Data(data)];
                SeqDeserializer::new(parts.into_iter()).deserialize_any(visitor)
            }
            Token::Array(length) => self.sequence(length, visitor),
            Token::Map(length) => self.members(length, visitor),
        }
    }

    fn sequence<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.nested(length, |values| visitor.visit_seq(values))
    }

    fn members<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Error> {
        self.nested(length, |members| visitor.visit_map(members))
    }

    fn nested<R>(
        &mut self,
        length: usize,
        visit: impl FnOnce(&mut Contents<'_, 'de>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::custom("recursion limit exceeded"));
        }
        self.depth += 1;
        let mut contents = Contents {
            deserializer: self,
            left: length,
        };
        let visited = visit(&mut contents)?;
        let left = contents.left;
        self.depth -= 1;
        match left {
            0 => Ok(visited),
            _ => Err(Error::invalid_length(length, &"fewer elements")),
        }
    }

    /// The value as `serde_json::value::RawValue` wants it.
    fn raw_json<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let json = serde_json::to_string(&Value::deserialize(self)?)?;
        visitor.visit_map(MapDeserializer::new(std::iter::once((RAW_JSON, json))))
    }
}

fn broken() -> Error {
    Error::custom("broken msgpack")
}

macro_rules! numbers {
    ($($method:ident)*) => {
        // A moment where a number is asked for is its milliseconds.
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.token()? {
                Token::Date(milliseconds) => visitor.visit_i64(milliseconds),
                token => self.visit(token, visitor),
            }
        })*
    };
}

impl<'de> serde::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let token = self.token()?;
        self.visit(token, visitor)
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            Token::Nil | Token::Undefined => {
                self.token()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            RAW_JSON => self.raw_json(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A text is the bytes of its UTF-8, as in JSON.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Text(text) => visitor.visit_borrowed_bytes(text.as_bytes()),
            token => self.visit(token, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    /// A variant is a string, or a map whose only member is the variant's.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Text(text) => visitor.visit_enum(text.into_deserializer()),
            Token::Map(1) => self.nested(1, |members| {
                MapAccessDeserializer::new(members).deserialize_enum(name, variants, visitor)
            }),
            _ => Err(Error::invalid_type(
                Unexpected::Other("this"),
                &"a string or an object with one member",
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.reader.skip(Bounds::NONE).map_err(|_| broken())?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool char str string unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// What an array or a map holds.
struct Contents<'d, 'de> {
    deserializer: &'d mut Deserializer<'de>,
    left: usize,
}

impl Contents<'_, '_> {
    fn one_less(&mut self) -> bool {
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

impl<'de> SeqAccess<'de> for &mut Contents<'_, 'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        match self.one_less() {
            true => seed.deserialize(&mut *self.deserializer).map(Some),
            false => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for &mut Contents<'_, 'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !self.one_less() {
            return Ok(None);
        }
        let key = match self.deserializer.token()? {
            Token::Text(key) => Cow::Borrowed(key),
            // What JavaScript makes of them.
            Token::Unsigned(number) => Cow::Owned(number.to_string()),
            Token::Signed(number) => Cow::Owned(number.to_string()),
            Token::Float(number) => Cow::Owned(number.to_string()),
            Token::Bool(value) => Cow::Owned(value.to_string()),
            _ => return Err(Error::custom("a key is no string")),
        };
        seed.deserialize(Key(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.deserializer)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// An extension that `notepack.io` doesn't know becomes an array of these two.
enum Part<'de> {
    Kind(i8),
    Data(&'de [u8]),
}

impl<'de> IntoDeserializer<'de, Error> for Part<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> serde::Deserializer<'de> for Part<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Self::Kind(kind) => visitor.visit_i8(kind),
            Self::Data(data) => visitor.visit_borrowed_bytes(data),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
