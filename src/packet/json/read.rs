//! Reading a value with a shortcut for strings.

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::scan::Element;

/// Deserialises a value from its text, which is known to be JSON.
pub(in crate::packet) fn from_json<'de, S: DeserializeSeed<'de>>(
    seed: S,
    element: Element<'de>,
) -> Result<S::Value, serde_json::Error> {
    seed.deserialize(Json(element))
}

/// A value. A string without escapes is lent as it is where a string, or anything, is asked for; the rest is `serde_json`'s.
struct Json<'de>(Element<'de>);

macro_rules! lent {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            match self.0.plain() {
                Some(text) => visitor.visit_borrowed_str(text),
                None => serde_json::Deserializer::from_str(self.0.json).$method(visitor),
            }
        })*
    };
}

macro_rules! delegated {
    ($($method:ident($($arg:ident: $Type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $Type,)* visitor: V) -> Result<V::Value, Self::Error> {
            serde_json::Deserializer::from_str(self.0.json).$method($($arg,)* visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = serde_json::Error;

    lent! { deserialize_any deserialize_str deserialize_string }

    delegated! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}
