//! Any argument a packet can carry: JSON, and bytes anywhere in it.

use bytes::Bytes;
use serde_json::Number;

mod convert;
mod deserialize;
mod deserializer;
mod serialize;

pub(super) use deserialize::{NUMBER_KEY, ReadObject, Reading, object};

/// The members of an object, in the order in which they were sent.
pub type Map = indexmap::IndexMap<String, Value>;

/// Any argument of an event: JSON, or bytes, or bytes within JSON.
///
/// This is `serde_json::Value` with one variant more. Reach for it when the shape of an argument is not known and bytes may be
/// among it; bytes don't deserialise into `serde_json::Value`, which has no place for them. Where the shape is known, a struct
/// of your own with fields of type [`Bytes`] does the same in fewer steps.
///
/// It is a deserializer too, so a part of it can be read as a type later: `Message::deserialize(value)`.
///
/// Equality ignores the order of an object's members.
// Exhaustive on purpose: JSON and bytes are all that the protocol defines.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`, which is also what JavaScript's `undefined`, `NaN` and infinities are sent as.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Map),
    /// Bytes: a `Buffer`, `ArrayBuffer`, typed array, `Blob` or `File` on the other side.
    Binary(Bytes),
}

impl Value {
    /// Whether this is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if it is an integer that fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// The number, if it is a non-negative integer that fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The bytes, if that is what it is.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    #[must_use]
    pub const fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    #[must_use]
    pub const fn as_array_mut(&mut self) -> Option<&mut Vec<Self>> {
        match self {
            Self::Array(values) => Some(values),
            _ => None,
        }
    }

    /// The members, if it is an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The members, if it is an object.
    #[must_use]
    pub const fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member of this name, if it is an object that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The element at this index, if it is an array that long.
    #[must_use]
    pub fn get_index(&self, index: usize) -> Option<&Self> {
        self.as_array()?.get(index)
    }

    /// How many bytes it holds, roughly.
    pub(crate) fn size(&self) -> usize {
        let held = match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::String(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
            Self::Array(values) => values.iter().map(Self::size).sum(),
            Self::Object(members) => members.iter().map(|(key, value)| key.len() + value.size()).sum(),
        };
        size_of::<Self>() + held
    }

    /// Takes the value out and leaves `Null`.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

#[cfg(test)]
mod tests;
