//! Making values, and looking into them.

use std::ops::Index;

use bytes::Bytes;
use serde_json::Number;

use super::{Map, Value};

static NULL: Value = Value::Null;

/// The member of this name, or `Null`, as in `serde_json`. Never panics.
impl Index<&str> for Value {
    type Output = Self;

    fn index(&self, key: &str) -> &Self {
        self.get(key).unwrap_or(&NULL)
    }
}

/// The element at this index, or `Null`, as in `serde_json`. Never panics.
impl Index<usize> for Value {
    type Output = Self;

    fn index(&self, index: usize) -> &Self {
        self.get_index(index).unwrap_or(&NULL)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => Self::Number(number),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(values) => values.into_iter().collect(),
            serde_json::Value::Object(members) => members.into_iter().collect(),
        }
    }
}

macro_rules! from {
    ($($from:ty => |$value:ident| $made:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $made
            }
        }
    )*};
}

from! {
    () => |_nothing| Self::Null;
    bool => |value| Self::Bool(value);
    i8 => |number| Self::Number(number.into());
    i16 => |number| Self::Number(number.into());
    i32 => |number| Self::Number(number.into());
    i64 => |number| Self::Number(number.into());
    isize => |number| Self::Number(number.into());
    u8 => |number| Self::Number(number.into());
    u16 => |number| Self::Number(number.into());
    u32 => |number| Self::Number(number.into());
    u64 => |number| Self::Number(number.into());
    usize => |number| Self::Number(number.into());
    // Not a number and the infinities are `null`, as in JavaScript.
    f32 => |number| Number::from_f64(number.into()).into();
    f64 => |number| Number::from_f64(number).into();
    Number => |number| Self::Number(number);
    &str => |text| Self::String(text.to_owned());
    String => |text| Self::String(text);
    Bytes => |bytes| Self::Binary(bytes);
    Map => |members| Self::Object(members);
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Self>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        let member = |(key, value): (K, V)| (key.into(), value.into());
        Self::Object(members.into_iter().map(member).collect())
    }
}
