//! The control frames we send.

use std::ops::Deref;

use super::{
    close::CloseCode,
    frame::{FrameHead, OpCode},
};

/// The longest payload of a control frame (RFC 6455 §5.5).
const MAX_PAYLOAD: usize = 125;
const HEAD: usize = 2;
/// What a close code leaves for the reason.
const MAX_REASON: usize = MAX_PAYLOAD - 2;

/// A complete close, ping or pong frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlFrame {
    bytes: [u8; HEAD + MAX_PAYLOAD],
    len: u8,
}

/// The pong that is owed to the client.
///
/// A client may ping faster than it reads. Then only its latest ping is answered, which RFC 6455 §5.5.3 allows, so
/// that what waits for a slow reader is one payload and no more.
#[derive(Debug, Default)]
pub(crate) struct Pongs {
    owed: Option<Box<[u8]>>,
}

impl ControlFrame {
    /// A close frame with a code and a reason, or with neither. A reason is cut, between characters, to what fits.
    #[must_use]
    pub(crate) fn close(payload: Option<(CloseCode, &str)>) -> Self {
        let Some((code, reason)) = payload else {
            return Self::new(OpCode::Close, &[]);
        };
        let reason = cut(reason, MAX_REASON);
        Self::new(OpCode::Close, &[&code.get().to_be_bytes(), reason.as_bytes()])
    }

    /// A pong with the payload of the ping it answers.
    #[must_use]
    pub(crate) fn pong(payload: &[u8]) -> Self {
        Self::new(OpCode::Pong, &[payload])
    }

    /// The frame as it goes on the wire.
    #[must_use]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn new(op: OpCode, payload: &[&[u8]]) -> Self {
        let mut frame = Self {
            bytes: [0; HEAD + MAX_PAYLOAD],
            len: HEAD as u8,
        };
        for part in payload {
            frame.push(part);
        }
        let payload_len = usize::from(frame.len) - HEAD;
        frame.bytes[..HEAD].copy_from_slice(&FrameHead::new(op, false, payload_len));
        frame
    }

    fn push(&mut self, part: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..][..part.len()].copy_from_slice(part);
        self.len += part.len() as u8;
    }
}

impl Deref for ControlFrame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl Pongs {
    /// A ping arrived; it takes the place of one that hasn't been answered.
    pub(crate) fn handle_ping(&mut self, payload: &[u8]) {
        self.owed = Some(payload.into());
    }

    /// The pong to write now.
    pub(crate) fn poll_pong(&mut self) -> Option<ControlFrame> {
        self.owed.take().map(|payload| ControlFrame::pong(&payload))
    }
}

/// As many whole characters as fit into so many bytes.
fn cut(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_frame_carries_code_and_reason_or_nothing() {
        assert_eq!(&*ControlFrame::close(None), &[0x88, 0]);
        let frame = ControlFrame::close(Some((CloseCode::TOO_BIG, "big")));
        assert_eq!(&*frame, b"\x88\x05\x03\xf1big");
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = ControlFrame::close(Some((CloseCode::NORMAL, &"水".repeat(50))));
        assert_eq!(frame.len(), 2 + 2 + 123);
        let frame = ControlFrame::close(Some((CloseCode::NORMAL, &format!("a{}", "水".repeat(50)))));
        assert_eq!(&frame[4..], format!("a{}", "水".repeat(40)).as_bytes());
    }

    #[test]
    fn a_ping_is_answered_once_with_its_payload() {
        let mut pongs = Pongs::default();
        assert!(pongs.poll_pong().is_none());
        pongs.handle_ping(&[7; 125]);
        let pong = pongs.poll_pong().unwrap();
        assert_eq!(pong[..2], [0x8a, 125]);
        assert_eq!(pong[2..], [7; 125]);
        assert!(pongs.poll_pong().is_none());
    }

    #[test]
    fn of_pings_that_pile_up_the_latest_is_answered() {
        let mut pongs = Pongs::default();
        for payload in [&b"one"[..], b"two", b"three"] {
            pongs.handle_ping(payload);
        }
        assert_eq!(pongs.poll_pong().as_deref(), Some(&b"\x8a\x05three"[..]));
        assert!(pongs.poll_pong().is_none());
    }
}
