//! The arguments' JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Few events have more arguments than this; those that have take an allocation.
const INLINE: usize = 4;

/// A list of slices of the packet. (Not a `SmallVec`: that one is invariant, and then the attachments would have to live as long
/// as the text.)
#[derive(Clone, Debug, Default)]
pub(super) struct Slices<'a> {
    first: [&'a str; INLINE],
    more: Vec<&'a str>,
    len: usize,
}

impl<'a> Slices<'a> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<&'a str> {
        match index.checked_sub(INLINE) {
            _ if index >= self.len => None,
            None => Some(self.first[index]),
            Some(index) => self.more.get(index).copied(),
        }
    }

    fn push(&mut self, slice: &'a str) {
        match self.first.get_mut(self.len) {
            Some(free) => *free = slice,
            None => self.more.push(slice),
        }
        self.len += 1;
    }

    fn collect<A: SeqAccess<'a>>(mut seq: A) -> Result<Self, A::Error> {
        let mut slices = Self::default();
        while let Some(raw) = seq.next_element::<&RawValue>()? {
            slices.push(raw.get());
        }
        Ok(slices)
    }
}

/// The elements of an array.
impl<'de> Deserialize<'de> for Slices<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SlicesVisitor;
        impl<'de> Visitor<'de> for SlicesVisitor {
            type Value = Slices<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an acknowledgement's array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Slices::collect(seq)
            }
        }
        deserializer.deserialize_seq(SlicesVisitor)
    }
}

/// The first element of an array, if there is one, and the others.
pub(super) struct Named<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) rest: Slices<'a>,
}

impl<'de> Deserialize<'de> for Named<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor;
        impl<'de> Visitor<'de> for NamedVisitor {
            type Value = Named<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event's array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let name = seq.next_element::<&RawValue>()?.map(RawValue::get);
                Ok(Named {
                    name,
                    rest: Slices::collect(seq)?,
                })
            }
        }
        deserializer.deserialize_seq(NamedVisitor)
    }
}
