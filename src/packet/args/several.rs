//! A tuple or a list read from several arguments.

use serde::{
    de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{ArgError, Args};

/// Reads a tuple, one argument for each of its fields, or a list of all arguments.
pub(super) fn read<T: DeserializeOwned>(args: &mut Args<'_>) -> Result<T, ArgError> {
    let mut reader = Reader {
        args,
        reading: (0, false),
    };
    let result = T::deserialize(&mut reader);
    let (index, missing) = reader.reading;
    result.map_err(|source| ArgError::new(index, missing, source))
}

struct Reader<'r, 'a> {
    args: &'r mut Args<'a>,
    /// The index of the argument that is being read, and whether it is missing.
    reading: (usize, bool),
}

impl<'de> Deserializer<'de> for &mut Reader<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_tuple<V: Visitor<'de>>(self, fields: usize, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(Fields {
            reader: self,
            left: fields,
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let left = self.args.len();
        visitor.visit_seq(Fields { reader: self, left })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("not a tuple"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple_struct map struct enum identifier ignored_any
    }
}

/// As many elements as the tuple has fields, whatever the number of arguments: the missing ones are `null`.
struct Fields<'f, 'r, 'a> {
    reader: &'f mut Reader<'r, 'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, '_, 'de> {
    type Error = serde_json::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Self::Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let args = &mut *self.reader.args;
        let index = args.next;
        let read = args.seeded(seed);
        self.reader.reading = (index, args.next == index);
        read.map(Some)
    }
}
