//! Writing strings in pieces as large as they come.
//!
//! `serde_json` looks at every byte of a string by itself. Its formatters aren't asked about strings, but they are about bytes:
//! so strings are handed to it as bytes, with a word in passing that they are text, and the formatter writes them.

use std::{cell::Cell, fmt::Display, io};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::plain::plain_len;

/// How `serde_json` names the structs that only it understands.
const PRIVATE: &str = "$serde_json::private::";

/// Says that the next bytes are the text of a string. A formatter asks it.
#[derive(Default)]
pub(in crate::packet) struct TextNext(Cell<bool>);

impl TextNext {
    pub(in crate::packet) fn take(&self) -> bool {
        self.0.take()
    }
}

/// A value whose strings are given to the serializer as bytes, after a word to the formatter.
pub(in crate::packet) struct TextAsBytes<'t, T: ?Sized>(
    pub(in crate::packet) &'t T,
    pub(in crate::packet) &'t TextNext,
);

/// Writes a string with its quotation marks. Only what RFC 8259 §7 asks for is escaped, as JavaScript does it.
pub(in crate::packet) fn string<W: ?Sized + io::Write>(writer: &mut W, text: &[u8]) -> io::Result<()> {
    writer.write_all(b"\"")?;
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(plain_len(rest));
        writer.write_all(plain)?;
        let Some((byte, after)) = special.split_first() else {
            return writer.write_all(b"\"");
        };
        escape(writer, *byte)?;
        rest = after;
    }
}

fn escape<W: ?Sized + io::Write>(writer: &mut W, byte: u8) -> io::Result<()> {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => return write!(writer, "\\u{byte:04x}"),
    };
    writer.write_all(&[b'\\', short])
}

impl<T: Serialize + ?Sized> Serialize for TextAsBytes<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Texts {
            inner: serializer,
            next: Some(self.1),
        })
    }
}

/// A serializer, or a part of one, that sees strings as bytes. Without `next` it is the inner one.
struct Texts<'t, I> {
    inner: I,
    next: Option<&'t TextNext>,
}

macro_rules! passed_on {
    ($($method:ident($($arg:ident: $Type:ty),*);)*) => {
        $(fn $method(self, $($arg: $Type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($arg),*)
        })*
    };
}

macro_rules! wrapped {
    ($($method:ident($($arg:ident: $Type:ty),*) -> $Compound:ident;)*) => {
        $(fn $method(self, $($arg: $Type),*) -> Result<Self::$Compound, S::Error> {
            let next = self.next;
            self.inner.$method($($arg),*).map(|inner| Texts { inner, next })
        })*
    };
}

impl<'t, S: Serializer> Serializer for Texts<'t, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Texts<'t, S::SerializeSeq>;
    type SerializeTuple = Texts<'t, S::SerializeTuple>;
    type SerializeTupleStruct = Texts<'t, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Texts<'t, S::SerializeTupleVariant>;
    type SerializeMap = Texts<'t, S::SerializeMap>;
    type SerializeStruct = Texts<'t, S::SerializeStruct>;
    type SerializeStructVariant = Texts<'t, S::SerializeStructVariant>;

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        let Some(next) = self.next else {
            return self.inner.serialize_str(text);
        };
        next.0.set(true);
        self.inner.serialize_bytes(text.as_bytes())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        match self.next {
            Some(next) => self.inner.serialize_some(&TextAsBytes(value, next)),
            None => self.inner.serialize_some(value),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        match self.next {
            Some(next) => self
                .inner
                .serialize_newtype_struct(name, &TextAsBytes(value, next)),
            None => self.inner.serialize_newtype_struct(name, value),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        match self.next {
            Some(next) => {
                let value = TextAsBytes(value, next);
                self.inner.serialize_newtype_variant(name, index, variant, &value)
            }
            None => self.inner.serialize_newtype_variant(name, index, variant, value),
        }
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        let next = self.next.filter(|_| !name.starts_with(PRIVATE));
        let inner = self.inner.serialize_struct(name, len)?;
        Ok(Texts { inner, next })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    passed_on! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    wrapped! {
        serialize_seq(len: Option<usize>) -> SerializeSeq;
        serialize_tuple(len: usize) -> SerializeTuple;
        serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeTupleVariant;
        serialize_map(len: Option<usize>) -> SerializeMap;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) -> SerializeStructVariant;
    }
}

macro_rules! parts {
    ($($Part:ident: $method:ident($($arg:ident: $Type:ty),*);)*) => {
        $(impl<I: $Part> $Part for Texts<'_, I> {
            type Ok = I::Ok;
            type Error = I::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($arg: $Type,)* value: &T) -> Result<(), I::Error> {
                match self.next {
                    Some(next) => self.inner.$method($($arg,)* &TextAsBytes(value, next)),
                    None => self.inner.$method($($arg,)* value),
                }
            }

            fn end(self) -> Result<I::Ok, I::Error> {
                self.inner.end()
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(key: &'static str);
    SerializeStructVariant: serialize_field(key: &'static str);
}

impl<I: SerializeMap> SerializeMap for Texts<'_, I> {
    type Ok = I::Ok;
    type Error = I::Error;

    /// Keys are strings of another kind to `serde_json`, and short.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), I::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), I::Error> {
        match self.next {
            Some(next) => self.inner.serialize_value(&TextAsBytes(value, next)),
            None => self.inner.serialize_value(value),
        }
    }

    fn end(self) -> Result<I::Ok, I::Error> {
        self.inner.end()
    }
}
