//! The same stream read by `tungstenite`. Used by the tests and, included by path, by the fuzz target.

use std::io::{self, Read, Write};

use tungstenite::{
    Error, Message, WebSocket,
    error::ProtocolError,
    protocol::{CloseFrame, Role, WebSocketConfig},
};

/// A close code that was registered late: we accept it, as Node does; `tungstenite` does not.
const BAD_GATEWAY: [u8; 2] = 1014_u16.to_be_bytes();
/// What `tungstenite` makes of a close frame with an illegal code, instead of an error.
const VIOLATION: &[u8] = b"\x03\xeaProtocol violation";

/// What was said, as opcodes and payloads, and whether the stream was refused.
#[derive(Debug)]
struct Verdict {
    said: Vec<(u8, Vec<u8>)>,
    refused: bool,
}

/// The incoming bytes; what is written goes nowhere.
struct Bytes<'a>(&'a [u8]);

/// What we made of a stream.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) said: Vec<(u8, Vec<u8>)>,
    pub(crate) refused: bool,
    /// Whether it was refused for the length format of a control frame. They read the long formats there, too, if the
    /// length is short; we don't, nor does Node.
    pub(crate) control_format: bool,
}

/// Panics unless `tungstenite` hears the same messages in the stream, and both refuse it or neither does.
pub(crate) fn assert_agreement(stream: &[u8], max: usize, ours: &Ours) {
    let mut theirs = read(stream, max);
    if ours.refused && !theirs.refused {
        // They wait for the end of a frame before they look at it: give them one.
        theirs = read(&[stream, &vec![0; max + 64]].concat(), max);
    }
    let agree = (&theirs.said, theirs.refused) == (&ours.said, ours.refused);
    let excused = ours.closes_with_a_late_code(&theirs) || ours.is_stricter_with_control_frames(&theirs);
    assert!(agree || excused, "{theirs:?}\n{ours:?}\n{stream:x?}");
}

impl Ours {
    fn closes_with_a_late_code(&self, theirs: &Verdict) -> bool {
        self.said.split_last().is_some_and(|((op, payload), before)| {
            *op == 8 && payload.starts_with(&BAD_GATEWAY) && theirs.refused && theirs.said == before
        })
    }

    fn is_stricter_with_control_frames(&self, theirs: &Verdict) -> bool {
        self.control_format && theirs.said.starts_with(&self.said)
    }
}

fn read(stream: &[u8], max: usize) -> Verdict {
    let config = WebSocketConfig::default()
        .max_message_size(Some(max))
        .max_frame_size(Some(max));
    let mut socket = WebSocket::from_raw_socket(Bytes(stream), Role::Server, Some(config));
    let mut said = Vec::new();
    loop {
        match socket.read() {
            Ok(message) => said.push(spell(message)),
            Err(error) => {
                return Verdict {
                    said,
                    refused: is_refusal(&error),
                };
            }
        }
        match said.last() {
            Some((8, payload)) if payload == VIOLATION => {
                said.pop();
                return Verdict { said, refused: true };
            }
            Some((8, _)) => return Verdict { said, refused: false },
            _ => {}
        }
    }
}

/// Whether the stream was refused, and hasn't just ended.
fn is_refusal(error: &Error) -> bool {
    !matches!(
        error,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
    )
}

fn spell(message: Message) -> (u8, Vec<u8>) {
    match message {
        Message::Text(text) => (1, text.as_bytes().to_vec()),
        Message::Binary(bytes) => (2, bytes.to_vec()),
        Message::Close(frame) => (8, frame.as_ref().map(spell_close).unwrap_or_default()),
        Message::Ping(payload) => (9, payload.to_vec()),
        Message::Pong(payload) => (10, payload.to_vec()),
        Message::Frame(_) => unreachable!("raw frames are never read"),
    }
}

fn spell_close(frame: &CloseFrame) -> Vec<u8> {
    [&u16::from(frame.code).to_be_bytes(), frame.reason.as_bytes()].concat()
}

impl Read for Bytes<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
