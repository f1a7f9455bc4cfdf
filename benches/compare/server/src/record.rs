//! What the load generator sends: a text, or a nested object of about 230 bytes.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Record {
    a_id: String,
    body: String,
    meta: Meta,
    tags: Vec<String>,
    user: User,
    v: u32,
}

#[derive(Debug, Deserialize, Serialize)]
struct Meta {
    flags: (u32, u32, u32, bool, ()),
    lang: String,
    score: f64,
}

#[derive(Debug, Deserialize, Serialize)]
struct User {
    id: u64,
    name: String,
}

/// Either, told apart by the first byte. (`#[serde(untagged)]` would copy the value into a buffer first and try twice.)
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum TextOrRecord {
    Text(String),
    Record(Box<Record>),
}

impl<'de> Deserialize<'de> for TextOrRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

struct Either;

impl<'de> Visitor<'de> for Either {
    type Value = TextOrRecord;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a record")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TextOrRecord, E> {
        Ok(TextOrRecord::Text(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<TextOrRecord, E> {
        Ok(TextOrRecord::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOrRecord, A::Error> {
        Record::deserialize(MapAccessDeserializer::new(map))
            .map(Box::new)
            .map(TextOrRecord::Record)
    }
}
