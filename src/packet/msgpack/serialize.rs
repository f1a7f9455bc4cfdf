//! Rust values as msgpack: what they would be as JSON, but for bytes, which are bytes, and floats that JSON has no form for.

use std::fmt::Display;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::Error;

use super::{
    read::{Reader, Token},
    write,
};
use crate::packet::{Value, depth::RAW_JSON, value::NUMBER_KEY};

/// Writes one value behind what is in the buffer.
pub(super) struct Serializer<'b>(pub(super) &'b mut Vec<u8>);

/// The longest text, bytes, array or map: the format counts in 32 bits.
fn length(length: usize) -> Result<u32, Error> {
    u32::try_from(length).map_err(|_| Error::custom("too long for msgpack"))
}

fn out_of_range(_: impl Display) -> Error {
    Error::custom("number out of range")
}

impl<'b> Serializer<'b> {
    fn text(self, text: &str) -> Result<(), Error> {
        length(text.len())?;
        write::text(self.0, text);
        Ok(())
    }

    /// A map of one member, which is how a variant that holds something looks.
    fn variant(self, name: &str) -> Self {
        write::map(self.0, 1);
        write::text(self.0, name);
        self
    }

    fn open(self, kind: Kind, claimed: Option<usize>) -> Result<Holder<'b>, Error> {
        let claimed = claimed.map(length).transpose()?;
        let start = self.0.len();
        match (kind, claimed) {
            (Kind::Array, Some(claimed)) => write::array(self.0, claimed),
            (Kind::Map, Some(claimed)) => write::map(self.0, claimed),
            _ => {}
        }
        Ok(Holder {
            buf: self.0,
            kind,
            start,
            claimed,
            came: 0,
        })
    }
}

impl<'b> serde::Serializer for Serializer<'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Holder<'b>;
    type SerializeTuple = Holder<'b>;
    type SerializeTupleStruct = Holder<'b>;
    type SerializeTupleVariant = Holder<'b>;
    type SerializeMap = Holder<'b>;
    type SerializeStruct = Holder<'b>;
    type SerializeStructVariant = Holder<'b>;

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        write::bool(self.0, value);
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Error> {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> Result<(), Error> {
        write::signed(self.0, number);
        Ok(())
    }

    fn serialize_i128(self, number: i128) -> Result<(), Error> {
        match u64::try_from(number) {
            Ok(number) => self.serialize_u64(number),
            Err(_) => self.serialize_i64(number.try_into().map_err(out_of_range)?),
        }
    }

    fn serialize_u8(self, number: u8) -> Result<(), Error> {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Error> {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<(), Error> {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Error> {
        write::unsigned(self.0, number);
        Ok(())
    }

    fn serialize_u128(self, number: u128) -> Result<(), Error> {
        self.serialize_u64(number.try_into().map_err(out_of_range)?)
    }

    /// JavaScript has doubles only, and a double is what it writes.
    fn serialize_f32(self, number: f32) -> Result<(), Error> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), Error> {
        write::float(self.0, number);
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), Error> {
        self.text(character.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text)
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        length(bytes.len())?;
        write::binary(self.0, bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        write::nil(self.0);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.variant(variant))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Holder<'b>, Error> {
        self.open(Kind::Array, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Holder<'b>, Error> {
        self.open(Kind::Array, Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Holder<'b>, Error> {
        self.open(Kind::Array, Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Holder<'b>, Error> {
        self.variant(variant).open(Kind::Array, Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Holder<'b>, Error> {
        self.open(Kind::Map, len)
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Holder<'b>, Error> {
        match name {
            RAW_JSON => self.open(Kind::RawJson, None),
            NUMBER_KEY => self.open(Kind::Number, None),
            _ => self.open(Kind::Map, Some(len)),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Holder<'b>, Error> {
        self.variant(variant).open(Kind::Map, Some(len))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Array,
    Map,
    /// Its only field is a text: the JSON of what is meant.
    RawJson,
    /// Its only field is a text: a number as [`NUMBER_KEY`] has it.
    Number,
}

/// A value being written that holds others.
pub(super) struct Holder<'b> {
    buf: &'b mut Vec<u8>,
    kind: Kind,
    start: usize,
    /// The length that has been written in front, if it was known.
    claimed: Option<u32>,
    came: usize,
}

impl Holder<'_> {
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(Serializer(self.buf))
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.came += 1;
        self.value(value)
    }

    /// Keys are strings in JSON, and so they are here.
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.came += 1;
        let start = self.buf.len();
        self.value(key)?;
        let text = match Reader::new(&self.buf[start..]).token() {
            Some(Token::Text(_)) => return Ok(()),
            Some(Token::Unsigned(number)) => number.to_string(),
            Some(Token::Signed(number)) => number.to_string(),
            Some(Token::Float(number)) if number.is_finite() => number.to_string(),
            Some(Token::Bool(value)) => value.to_string(),
            _ => return Err(Error::custom("key must be a string")),
        };
        self.buf.truncate(start);
        write::text(self.buf, &text);
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.came += 1;
        match self.kind {
            Kind::RawJson => {
                let value: Value = serde_json::from_str(&self.only_text(value)?)?;
                self.value(&value)
            }
            Kind::Number => {
                let number = self.only_text(value)?;
                self.number(&number)
            }
            Kind::Array | Kind::Map => {
                write::text(self.buf, name);
                self.value(value)
            }
        }
    }

    /// The text that stands for the whole value.
    fn only_text<T: Serialize + ?Sized>(&mut self, text: &T) -> Result<Box<str>, Error> {
        self.value(text)?;
        let Some(Token::Text(text)) = Reader::new(&self.buf[self.start..]).token() else {
            return Err(Error::custom("raw JSON, or a number, that is no text"));
        };
        let text = text.into();
        self.buf.truncate(self.start);
        Ok(text)
    }

    /// As the number would be written that is not told as a text.
    fn number(&mut self, text: &str) -> Result<(), Error> {
        if let Ok(number) = text.parse() {
            write::unsigned(self.buf, number);
        } else if let Some(number) = text.parse().ok().filter(|number| *number != 0) {
            write::signed(self.buf, number);
        } else {
            write::float(self.buf, text.parse().map_err(Error::custom)?);
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        let came = length(self.came)?;
        match (self.claimed, self.kind) {
            (_, Kind::RawJson | Kind::Number) => {}
            (Some(claimed), _) if claimed == came => {}
            (Some(_), _) => return Err(Error::custom("another number of elements than announced")),
            (None, kind) => {
                let mut head = Vec::new();
                match kind {
                    Kind::Array => write::array(&mut head, came),
                    _ => write::map(&mut head, came),
                }
                self.buf.splice(self.start..self.start, head);
            }
        }
        Ok(())
    }
}

impl SerializeSeq for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTuple for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTupleStruct for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeTupleVariant for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.element(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeMap for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStruct for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

impl SerializeStructVariant for Holder<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.field(name, value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}
