//! What an event carries, without the form in which clients get it.

use std::{error::Error, fmt};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Protocol, foreign,
    packet::{self, ArgError, EncodeError, Value, args, encode},
};

/// The arguments of an event or of an answer, independent of any parser: a JSON array in which placeholders stand for bytes.
///
/// A back end sends [`json`](Self::json) and [`attachments`](Self::attachments), or the [`values`](Self::values) in whatever form
/// its wire has, and makes a payload of them again on the other side. For an event the first element is its name.
///
/// An object that looks like a placeholder and is none, because somebody has sent it in msgpack or with a parser of one's own, has an
/// escape in its key: `{"\u005fplaceholder":true,"num":0}`. To other software that is a placeholder all the same, as it would be without the
/// escape; a payload knows better, so a back end passes the JSON on as it is.
///
/// It may say what only clients are to know, so its `Debug` output has the lengths and not the data.
#[derive(Clone, PartialEq)]
pub struct Payload {
    json: Box<str>,
    attachments: Vec<Bytes>,
}

impl Payload {
    /// What came from the wire. Blanks before the array are left out.
    ///
    /// # Errors
    ///
    /// The text is no JSON array, or a placeholder in it names none of the attachments, or there are more placeholders than attachments.
    pub fn from_parts(json: impl Into<Box<str>>, attachments: Vec<Bytes>) -> Result<Self, PayloadError> {
        let json = without_blanks(json.into());
        if json.is_empty() || args::ack(&json).is_err() {
            return Err(PayloadError);
        }
        packet::check_own_placeholders(&json, attachments.len()).map_err(|_| PayloadError)?;
        let attachments = attachments.into_iter().map(foreign::bytes).collect();
        Ok(Self { json, attachments })
    }

    /// These values as the elements.
    ///
    /// # Errors
    ///
    /// A number among them has no JSON form.
    pub fn from_values(values: &[Value]) -> Result<Self, PayloadError> {
        let written = Self::written(|buf| encode::ack(buf, 0, "/", 0, values_of(values)));
        // One argument, the array, is written as an array in an array.
        let mut written = written.map_err(|_| PayloadError)?;
        let inner = written.json.len() - 1;
        written.json = written.json[1..inner].into();
        Ok(written)
    }

    /// The JSON array.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// What the placeholders `{"_placeholder":true,"num":k}` stand for.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The elements, with bytes in their places.
    ///
    /// # Errors
    ///
    /// The JSON nests too deeply for a [`Value`].
    pub fn values(&self) -> Result<Vec<Value>, ArgError> {
        let Ok(args) = args::ack(&self.json) else {
            return Ok(Vec::new());
        };
        args.with_own_attachments(&self.attachments).rest()
    }

    /// How many bytes it is, roughly.
    pub(crate) fn size(&self) -> usize {
        self.json.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    pub(crate) fn event<A: Serialize + ?Sized>(name: &str, args: &A) -> Result<Self, EncodeError> {
        Self::written(|buf| encode::event(buf, 0, "/", None, name, args))
    }

    /// With a text after all other elements.
    pub(crate) fn with_last(&self, text: &str) -> Self {
        // What came from elsewhere may end with white space.
        let json = self.json.trim_end();
        let before = json.strip_suffix(']').unwrap_or(json);
        let text = serde_json::Value::from(text);
        Self {
            json: format!("{before},{text}]").into(),
            attachments: self.attachments.clone(),
        }
    }

    pub(crate) fn answer<A: Serialize + ?Sized>(args: &A) -> Result<Self, EncodeError> {
        Self::written(|buf| encode::ack(buf, 0, "/", 0, args))
    }

    /// What a client's packet held, which was checked when it came, and in which nothing may be a placeholder.
    pub(crate) fn checked(json: &str) -> Self {
        let json = if json.is_empty() { "[]" } else { json };
        Self {
            json: json.into(),
            attachments: Vec::new(),
        }
    }

    /// The elements as a type, told apart as those of an emit.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        let args = args::ack(&self.json).unwrap_or_else(|_| args::Args::none());
        args.with_own_attachments(&self.attachments).all_as()
    }

    /// The name and, as a type, the arguments after it.
    pub(crate) fn read_event<T: DeserializeOwned>(&self) -> Result<T, ArgError> {
        let args =
            args::event(&self.json, Protocol::V4).map_or_else(|_| args::Args::none(), |event| event.args);
        args.with_own_attachments(&self.attachments).all_as()
    }

    /// The name, if clients may be sent an event of this name.
    pub(crate) fn event_name(&self) -> Option<std::borrow::Cow<'_, str>> {
        args::event(&self.json, Protocol::V4).ok().map(|event| event.name)
    }

    fn written(
        write: impl FnOnce(&mut Vec<u8>) -> Result<encode::Encoded, EncodeError>,
    ) -> Result<Self, EncodeError> {
        let mut buf = Vec::new();
        let done = write(&mut buf)?;
        // In front are the digits of a packet of `/`, without a bracket among them.
        let array = buf
            .iter()
            .position(|byte| *byte == b'[')
            .expect("invariant: a payload is an array");
        let json = std::str::from_utf8(&buf[array..]).expect("invariant: JSON is UTF-8");
        Ok(Self {
            json: json.into(),
            attachments: done.attachments,
        })
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("json", &self.json.len())
            .field("attachments", &self.attachments.len())
            .finish()
    }
}

/// A slice is one argument.
const fn values_of(values: &[Value]) -> &[Value] {
    values
}

/// What came from the wire is no payload.
#[derive(Debug)]
pub struct PayloadError;

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a JSON array with placeholders for its attachments")
    }
}

impl Error for PayloadError {}

/// Without those before it: behind the type of a packet, npm's clients take a blank for the id of an acknowledgement.
fn without_blanks(json: Box<str>) -> Box<str> {
    match json.trim_start_matches([' ', '\t', '\r', '\n']) {
        bare if bare.len() == json.len() => json,
        bare => bare.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_survives_its_values() {
        let payload = Payload::event("photo", &(Bytes::from_static(b"\x01\x02"), "[")).unwrap();
        assert_eq!(payload.json(), r#"["photo",{"_placeholder":true,"num":0},"["]"#);
        let values = payload.values().unwrap();
        assert_eq!(values[1], Value::Binary(Bytes::from_static(b"\x01\x02")));
        assert_eq!(Payload::from_values(&values).unwrap(), payload);
        assert_eq!(Payload::from_values(&[]).unwrap().json(), "[]");
    }

    #[test]
    fn a_last_element_goes_into_the_array_whatever_stands_behind_it() {
        for json in [r#"["e",1]"#, "[\"e\",1]\n", "[\"e\",1 ] \t\r\n"] {
            let payload = Payload::from_parts(json, Vec::new()).unwrap();
            let values = payload.with_last("tag.1").values().unwrap();
            assert_eq!(values, ["e".into(), 1.into(), "tag.1".into()], "{json}");
        }
    }

    #[test]
    fn blanks_before_the_array_are_no_part_of_it() {
        for json in [r#"["e",1]"#, r#" ["e",1]"#, " \t\r\n[\"e\",1]"] {
            let payload = Payload::from_parts(json, Vec::new()).unwrap();
            assert_eq!(payload.json(), r#"["e",1]"#);
        }
        for json in ["\u{a0}[1]", "\u{b}[1]", " "] {
            assert!(Payload::from_parts(json, Vec::new()).is_err(), "{json:?}");
        }
    }

    #[test]
    fn what_looks_like_a_placeholder_is_none_here_and_on_the_other_side() {
        let lookalike =
            |number: u64| Value::from_iter([("_placeholder", Value::from(true)), ("num", number.into())]);
        let values = [
            "e".into(),
            vec![lookalike(0), lookalike(0)].into(),
            Value::Binary(Bytes::from_static(b"bytes")),
            lookalike(7),
        ];
        let payload = Payload::from_values(&values).unwrap();
        assert_eq!(payload.values().unwrap(), values);
        let there = Payload::from_parts(payload.json(), payload.attachments().to_vec()).unwrap();
        assert_eq!(there.values().unwrap(), values);
        assert_eq!(there.with_last("tag.1").values().unwrap()[..4], values);
        // Software that doesn't know the rule sees what it would see without it.
        let spelled_out = payload.json().replace(r"\u005f", "_");
        assert_ne!(spelled_out, payload.json());
        let json = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
        assert_eq!(json(&spelled_out), json(payload.json()));
        assert!(Payload::from_parts(spelled_out, payload.attachments().to_vec()).is_err());
    }

    /// A server of other software may have let them pass.
    #[test]
    fn no_attachment_stands_in_two_places() {
        let placeholder = r#"{"_placeholder":true,"num":0}"#;
        let two = format!("[{placeholder},{placeholder}]");
        assert!(Payload::from_parts(two.clone(), vec![Bytes::new()]).is_err());
        assert!(Payload::from_parts(two, vec![Bytes::new(); 2]).is_ok());
    }

    #[test]
    fn what_would_break_clients_is_refused() {
        for json in ["", "{}", "[1", r#"[{"_placeholder":true,"num":1}]"#] {
            assert!(Payload::from_parts(json, vec![Bytes::new()]).is_err(), "{json}");
        }
        assert!(Payload::from_parts(r#"[{"_placeholder":true,"num":0}]"#, vec![Bytes::new()]).is_ok());
    }
}
