//! Writing packets.
//!
//! Every function clears the buffer, leaves at least `headroom` bytes in front, for the header of whatever carries the packet,
//! and tells where the packet starts. It ends with the buffer.

use std::io;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Serializer, ser::Formatter};

use super::{
    error::EncodeError,
    json::{self, JsonText, TextAsBytes, TextNext},
    placeholder,
    shape::Shape,
};
use crate::Protocol;

/// What was written.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Encoded {
    /// Where in the buffer the packet starts: `headroom` or a little more.
    pub(crate) start: usize,
    /// The binary messages that must follow the packet, in this order.
    pub(crate) attachments: Vec<Bytes>,
}

/// Writes an EVENT, or a BINARY_EVENT if there are bytes in the arguments.
///
/// A tuple is several arguments, `()` is none, anything else is one.
///
/// # Errors
/// The arguments do not serialise as JSON. The buffer's contents are undefined then.
pub(crate) fn event<T: Serialize + ?Sized>(
    buf: &mut Vec<u8>,
    headroom: usize,
    namespace: &str,
    id: Option<u64>,
    name: &str,
    args: &T,
) -> Result<Encoded, EncodeError> {
    let mut draft = Draft::new(buf, headroom + SLACK, b'2', namespace, id);
    draft.push("[");
    draft.name(name);
    draft.args_after_name(args)?;
    Ok(draft.finish_as(b'5'))
}

/// Writes an ACK, or a BINARY_ACK if there are bytes in the arguments, which are told apart as those of an [`event`].
///
/// # Errors
/// The arguments do not serialise as JSON. The buffer's contents are undefined then.
pub(crate) fn ack<T: Serialize + ?Sized>(
    buf: &mut Vec<u8>,
    headroom: usize,
    namespace: &str,
    id: u64,
    args: &T,
) -> Result<Encoded, EncodeError> {
    let mut draft = Draft::new(buf, headroom + SLACK, b'3', namespace, Some(id));
    draft.args_alone(args)?;
    Ok(draft.finish_as(b'6'))
}

/// Writes an EVENT, or a BINARY_EVENT, whose payload is a JSON array already, with placeholders for these attachments.
pub(crate) fn event_of_json(
    buf: &mut Vec<u8>,
    headroom: usize,
    namespace: &str,
    id: Option<u64>,
    json: &str,
    attachments: &[Bytes],
) -> Encoded {
    let mut draft = Draft::new(buf, headroom + SLACK, b'2', namespace, id);
    draft.push(json);
    draft.attachments.extend_from_slice(attachments);
    draft.finish_as(b'5')
}

/// Writes the CONNECT that tells a client it is connected. Engine.IO 3 clients know their id, so it is not told.
pub(crate) fn connect(
    buf: &mut Vec<u8>,
    headroom: usize,
    protocol: Protocol,
    namespace: &str,
    sid: &str,
    pid: Option<&str>,
) -> Encoded {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<&'a str>,
    }
    let mut draft = Draft::new(buf, headroom, b'0', namespace, None);
    if protocol == Protocol::V4 {
        draft.strings(&Connected { sid, pid });
    }
    draft.finish()
}

/// Writes a DISCONNECT.
pub(crate) fn disconnect(buf: &mut Vec<u8>, headroom: usize, namespace: &str) -> Encoded {
    Draft::new(buf, headroom, b'1', namespace, None).finish()
}

/// Writes a CONNECT_ERROR. Engine.IO 3 clients get the data in the place of the message, when there is any.
pub(crate) fn connect_error(
    buf: &mut Vec<u8>,
    headroom: usize,
    protocol: Protocol,
    namespace: &str,
    message: &str,
    data: Option<&JsonText>,
) -> Encoded {
    let mut draft = Draft::new(buf, headroom, b'4', namespace, None);
    match (protocol, data) {
        (Protocol::V4, data) => draft.refused(message, data),
        (Protocol::V3, Some(data)) => draft.push(data.get()),
        (Protocol::V3, None) => draft.strings(message),
    }
    draft.finish()
}

/// Room in front of a packet that may turn out to be binary: the digits of any count, and a dash.
const SLACK: usize = usize::MAX.ilog10() as usize + 2;

/// A packet being written.
struct Draft<'a> {
    buf: &'a mut Vec<u8>,
    start: usize,
    attachments: Vec<Bytes>,
}

impl<'a> Draft<'a> {
    fn new(buf: &'a mut Vec<u8>, start: usize, digit: u8, namespace: &str, id: Option<u64>) -> Self {
        buf.clear();
        buf.resize(start, 0);
        buf.push(digit);
        let mut draft = Self {
            buf,
            start,
            attachments: Vec::new(),
        };
        if namespace != "/" {
            draft.push(namespace);
            draft.push(",");
        }
        if let Some(id) = id {
            draft.push(itoa::Buffer::new().format(id));
        }
        draft
    }

    fn push(&mut self, text: &str) {
        self.buf.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &str) {
        json::string(self.buf, name.as_bytes()).expect("invariant: a vector takes all that is written");
    }

    fn json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let text_next = TextNext::default();
        let formatter = Detach {
            attachments: &mut self.attachments,
            text_next: &text_next,
        };
        TextAsBytes(value, &text_next)
            .serialize(&mut Serializer::with_formatter(&mut *self.buf, formatter))?;
        Ok(())
    }

    /// Writes a value that consists of strings.
    fn strings<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.json(value).expect("invariant: strings serialise");
    }

    /// The data stands as it is: it is JSON already.
    fn refused(&mut self, message: &str, data: Option<&JsonText>) {
        self.push(r#"{"message":"#);
        self.strings(message);
        if let Some(data) = data {
            self.push(r#","data":"#);
            self.push(data.get());
        }
        self.push("}");
    }

    /// Goes on after `["name"`. A tuple's own JSON is an array: with its bracket made a comma it is the rest of the packet.
    fn args_after_name<T: Serialize + ?Sized>(&mut self, args: &T) -> Result<(), EncodeError> {
        let end = self.buf.len();
        match Shape::of::<T>() {
            Shape::None => self.push("]"),
            Shape::One => self.delimited(",", args)?,
            Shape::Several => {
                self.json(args)?;
                match self.buf[end + 1] {
                    b']' => drop(self.buf.remove(end)),
                    _ => self.buf[end] = b',',
                }
            }
        }
        Ok(())
    }

    /// A tuple's own JSON is the packet's array.
    fn args_alone<T: Serialize + ?Sized>(&mut self, args: &T) -> Result<(), EncodeError> {
        match Shape::of::<T>() {
            Shape::None => self.push("[]"),
            Shape::One => self.delimited("[", args)?,
            Shape::Several => self.json(args)?,
        }
        Ok(())
    }

    fn delimited<T: Serialize + ?Sized>(&mut self, before: &str, arg: &T) -> Result<(), EncodeError> {
        self.push(before);
        self.json(arg)?;
        self.push("]");
        Ok(())
    }

    fn finish(self) -> Encoded {
        Encoded {
            start: self.start,
            attachments: self.attachments,
        }
    }

    /// Makes the packet one of the binary type if it has attachments: `2…` becomes `51-…`, into the slack in front.
    fn finish_as(mut self, binary_digit: u8) -> Encoded {
        if !self.attachments.is_empty() {
            let mut count = itoa::Buffer::new();
            let count = count.format(self.attachments.len());
            let dash = self.start;
            self.start -= count.len() + 1;
            self.buf[self.start] = binary_digit;
            self.buf[self.start + 1..dash].copy_from_slice(count.as_bytes());
            self.buf[dash] = b'-';
        }
        self.finish()
    }
}

/// Compact JSON in which a placeholder stands for every byte string, which becomes an attachment, and nothing else is spelled like one.
struct Detach<'a> {
    attachments: &'a mut Vec<Bytes>,
    text_next: &'a TextNext,
}

impl Formatter for Detach<'_> {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, bytes: &[u8]) -> io::Result<()> {
        if self.text_next.take() {
            return json::string(writer, bytes);
        }
        writer.write_all(br#"{"_placeholder":true,"num":"#)?;
        writer.write_all(itoa::Buffer::new().format(self.attachments.len()).as_bytes())?;
        writer.write_all(b"}")?;
        self.attachments.push(Bytes::copy_from_slice(bytes));
        Ok(())
    }

    /// Of a key, mostly: strings are written as [`TextAsBytes`].
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        placeholder::string(writer, fragment)
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        placeholder::raw(writer, fragment)
    }
}
