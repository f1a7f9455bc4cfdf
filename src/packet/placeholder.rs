//! Placeholders: `{"_placeholder":true,"num":k}` in the JSON of a binary packet stands for its attachment `k`.
//!
//! In JSON an object that somebody has made to look like one *is* one: npm's `socket.io-parser` takes every object whose `_placeholder` is
//! `true` for a placeholder (`binary.js`, `_reconstructPacket`). In msgpack, and in the values of a user's own parser, it is an object like any
//! other, and must not become bytes when it passes through JSON on its way, or a few bytes of a packet could stand for a megabyte, any
//! number of times. So what this server writes has the `_` of a key `_placeholder` escaped ([`string`], [`raw`]), which is the same to everybody
//! else, and where it reads that again, only a key that is spelled out makes a placeholder: [`Origin::Server`].

use std::{cell::Cell, fmt, io};

use bytes::Bytes;
use memchr::memmem;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use self::restore::Restore;
use super::{
    error::{DecodeError, Reason},
    json::{Element, Scanner, from_json},
    value::{NUMBER_KEY, Reading, Value},
};

mod restore;

const MARK: &str = "_placeholder";
const NUMBER: &str = "num";
const OPEN: &str = r#"{"_placeholder"#;
const BEFORE_NUMBER: &str = r#"":true,"num":"#;

/// The first character of the mark, where it marks nothing.
const ESCAPED: &[u8] = br"\u005f";

/// Who has written JSON with placeholders in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Whoever it was: everything is a placeholder that is one to JavaScript.
    Anybody,
    /// A server. What only looks like a placeholder has an escape in its key.
    Server,
}

/// Writes a piece of a string that needs no escapes, so that no key of an object is that of a placeholder.
///
/// The key may come in pieces, so whatever could be the first of them is escaped. Placeholders are written past this.
pub(super) fn string<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    match text.strip_prefix('_') {
        Some(rest) if text.starts_with(MARK) || MARK.starts_with(text) => {
            writer.write_all(ESCAPED)?;
            writer.write_all(rest.as_bytes())
        }
        _ => writer.write_all(text.as_bytes()),
    }
}

/// Writes JSON that somebody else has written, so that no key in it is that of a placeholder. Outside of strings there is no `_`.
pub(super) fn raw<W: ?Sized + io::Write>(writer: &mut W, json: &str) -> io::Result<()> {
    let mut rest = json;
    for at in memmem::find_iter(json.as_bytes(), MARK.as_bytes()) {
        let before = at - (json.len() - rest.len());
        writer.write_all(&rest.as_bytes()[..before])?;
        writer.write_all(ESCAPED)?;
        rest = &json[at + 1..];
    }
    writer.write_all(rest.as_bytes())
}

/// Checks that every placeholder of a complete packet of a client names one of its attachments. Some attachments may go unused.
///
/// Node closes the connection of a client that gets this wrong, so it is checked before any listener hears of the packet.
///
/// `max` is how many there may be: two may name the same attachment, and a few bytes each of a packet could stand for a megabyte.
///
/// # Errors
/// A placeholder's number is missing, not a number, or too large; or there are too many of them. What else serde dislikes, such as
/// half a surrogate pair or too many levels, is legal JSON all the same, and an error of the argument when it is read.
pub(crate) fn check_placeholders(payload: &str, attachments: usize, max: usize) -> Result<(), DecodeError> {
    check(payload, attachments, max, Origin::Anybody)
}

/// Whether an object in this JSON may be a placeholder to a server.
pub(crate) fn may_name_attachments(json: &str) -> bool {
    may_hold_placeholder(json, Origin::Server)
}

/// Checks that every placeholder in what came from a server names one of the attachments, each of which has one.
///
/// # Errors
/// As of [`check_placeholders`].
pub(crate) fn check_own_placeholders(payload: &str, attachments: usize) -> Result<(), DecodeError> {
    check(payload, attachments, attachments, Origin::Server)
}

fn check(payload: &str, attachments: usize, max: usize, origin: Origin) -> Result<(), DecodeError> {
    let count = match canonical_count(payload, attachments, origin) {
        Some(count) => count,
        None => any_count(payload, attachments, origin)?,
    };
    if count > max {
        return Err(DecodeError::fatal(Reason::TooManyAttachments));
    }
    Ok(())
}

/// Counts the placeholders of an array. Each element is read by itself, as arguments are: what is wrong with one says nothing of the
/// others.
fn any_count(payload: &str, attachments: usize, origin: Origin) -> Result<usize, DecodeError> {
    let count = Cell::new(0);
    let mut legal = true;
    let check = Check {
        attachments,
        count: &count,
        origin,
    };
    // What is no array has been refused before.
    let _ = Scanner::new(payload).array(|element| {
        let mut json = serde_json::Deserializer::from_str(element.json);
        legal &= !matches!(check.deserialize(&mut json), Err(error) if error.is_data());
    });
    legal
        .then(|| count.get())
        .ok_or(DecodeError::fatal(Reason::IllegalPlaceholder))
}

/// Deserialises an argument, the placeholders in it replaced.
///
/// Bytes can stand anywhere in a type, also where serde asks for "anything" and buffers it (flattened, untagged), and JSON has
/// no notion of them; so an argument that has placeholders goes through a [`Value`], which has. All others do not.
pub(super) fn seeded<'de, S: DeserializeSeed<'de>>(
    seed: S,
    element: Element<'de>,
    attachments: &[Bytes],
    origin: Origin,
) -> Result<S::Value, serde_json::Error> {
    let json = element.json;
    if attachments.is_empty() {
        return from_json(seed, element);
    }
    if let Some((number, "")) = canonical(json) {
        return seed.deserialize(Value::Binary(attachment(Some(number), attachments)?.clone()));
    }
    if !may_hold_placeholder(json, origin) {
        return from_json(seed, element);
    }
    let restore = Reading(Restore { attachments, origin });
    seed.deserialize(restore.deserialize(&mut serde_json::Deserializer::from_str(json))?)
}

/// Tells most texts without placeholders apart quickly. A backslash might spell the key with an escape.
fn may_hold_placeholder(json: &str, origin: Origin) -> bool {
    origin == Origin::Anybody && memchr::memchr(b'\\', json.as_bytes()).is_some()
        || memmem::find(json.as_bytes(), MARK.as_bytes()).is_some()
}

/// How every client writes a placeholder. What follows it is given back with its number.
fn canonical(json: &str) -> Option<(u64, &str)> {
    let digits = json.strip_prefix(OPEN)?.strip_prefix(BEFORE_NUMBER)?;
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let rest = digits[len..].strip_prefix('}')?;
    let leading_zero = len > 1 && digits.starts_with('0');
    let number = digits[..len].parse().ok().filter(|_| !leading_zero)?;
    Some((number, rest))
}

/// How many placeholders there are, if their key stands in this JSON in nothing but placeholders as every client writes them, all of
/// which are in order.
fn canonical_count(json: &str, attachments: usize, origin: Origin) -> Option<usize> {
    let in_order = |at: usize| {
        let start = at.checked_sub(OPEN.len() - MARK.len())?;
        let (number, _) = canonical(json.get(start..)?)?;
        usize::try_from(number)
            .ok()
            .filter(|number| *number < attachments)
    };
    if origin == Origin::Anybody && memchr::memchr(b'\\', json.as_bytes()).is_some() {
        return None;
    }
    // A searcher for the whole key would cost more to make than most packets are long.
    memchr::memchr_iter(b'_', json.as_bytes())
        .filter(|at| json.as_bytes()[*at..].starts_with(MARK.as_bytes()))
        .try_fold(0, |count, at| in_order(at).map(|_| count + 1))
}

/// JavaScript has one type of numbers, and so have clients that write 0 as `0.0` or `-0`.
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
}

fn attachment(number: Option<u64>, attachments: &[Bytes]) -> Result<&Bytes, serde_json::Error> {
    number
        .and_then(|number| attachments.get(usize::try_from(number).ok()?))
        .ok_or_else(|| serde_json::Error::custom("illegal attachments"))
}

/// Walks through JSON without keeping any of it.
#[derive(Clone, Copy)]
struct Check<'a> {
    attachments: usize,
    /// The placeholders found so far.
    count: &'a Cell<usize>,
    origin: Origin,
}

/// What a placeholder object needs to know about its values.
#[derive(PartialEq)]
enum Seen {
    True,
    Number(u64),
    /// A string, and the number it spells.
    Text(Option<u64>),
    Other,
}

enum Key {
    Mark,
    Number,
    /// Not an object at all: see [`NUMBER_KEY`].
    Wrapped,
    Other,
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Seen, E> {
        Ok(if value { Seen::True } else { Seen::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Seen, E> {
        Ok(Seen::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Seen, E> {
        Ok(whole(value).map_or(Seen::Other, Seen::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        let number = text.parse().ok().or_else(|| whole(text.parse().ok()?));
        Ok(Seen::Text(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let (mut mark, mut number, mut wrapped) = (Seen::Other, Seen::Other, Seen::Other);
        let mut others = false;
        while let Some(key) = map.next_key_seed(KeySeed(self.origin))? {
            let seen = map.next_value_seed(self)?;
            others |= !matches!(key, Key::Wrapped);
            match key {
                Key::Mark => mark = seen,
                Key::Number => number = seen,
                Key::Wrapped => wrapped = seen,
                Key::Other => {}
            }
        }
        match wrapped {
            Seen::Text(Some(wrapped)) if !others => Ok(Seen::Number(wrapped)),
            _ if mark != Seen::True => Ok(Seen::Other),
            _ if number.is_below(self.attachments) => {
                self.count.set(self.count.get() + 1);
                Ok(Seen::Other)
            }
            _ => Err(A::Error::custom("illegal attachments")),
        }
    }
}

impl Seen {
    fn is_below(&self, limit: usize) -> bool {
        matches!(self, Self::Number(number) if usize::try_from(*number).is_ok_and(|number| number < limit))
    }
}

struct KeySeed(Origin);

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    /// It has an escape in it.
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        match self.0 {
            Origin::Server if key == MARK => Ok(Key::Other),
            _ => self.visit_borrowed_str(key),
        }
    }

    fn visit_borrowed_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            MARK => Key::Mark,
            NUMBER => Key::Number,
            NUMBER_KEY => Key::Wrapped,
            _ => Key::Other,
        })
    }
}
