//! The closing handshake (RFC 6455 §7).

use std::fmt;

use super::{control::ControlFrame, error::ProtocolError, utf8};

/// Why a connection is closed (RFC 6455 §7.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseCode(u16);

/// The payload of a close frame that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseFrame<'a> {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'a str,
}

/// How far the closing handshake is.
///
/// ```text
///            start_close (we write a close frame)         handle_close
///   Open ───────────────────────────────────────► Sent ───────────────┐
///     │                                             │                 ▼
///     │ handle_close                                └── fail ──────► Done   flush, then close the connection
///     ▼                poll_reply                                     ▲
///   Received ─────────────────────────────────────────────────────────┤
///     │                                                               │
///     └── fail (also from Open, then with a close frame) ─────────────┘
/// ```
///
/// How long to wait in `Sent` is the driver's decision: when it has waited enough it calls [`fail`](Self::fail).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Nobody wants to close.
    #[default]
    Open,
    /// Our close frame is out, the client's isn't here. What arrives until then still counts.
    Sent,
    /// The client's close frame is here, and is to be answered with this code.
    Received(Option<CloseCode>),
    /// Both are done, or there is no use in waiting.
    Done,
}

impl CloseCode {
    pub(crate) const NORMAL: Self = Self(1000);
    pub(crate) const GOING_AWAY: Self = Self(1001);
    pub(crate) const PROTOCOL_ERROR: Self = Self(1002);
    pub(crate) const INVALID_DATA: Self = Self(1007);
    pub(crate) const POLICY_VIOLATION: Self = Self(1008);
    pub(crate) const TOO_BIG: Self = Self(1009);
    pub(crate) const INTERNAL_ERROR: Self = Self(1011);

    /// The code, unless it is one that no frame may carry: reserved, local (1005, 1006, 1015) or out of range.
    ///
    /// 1012 to 1014 were registered after the RFC; Node accepts them as well.
    pub(crate) const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    pub(crate) const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl<'a> CloseFrame<'a> {
    /// Reads the payload of a close frame: nothing, or a code and a reason in UTF-8 (§5.5.1).
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, ProtocolError> {
        if payload.is_empty() {
            return Ok(None);
        }
        let (code, reason) = payload
            .split_first_chunk()
            .ok_or(ProtocolError::TruncatedCloseCode)?;
        let code = u16::from_be_bytes(*code);
        let code = CloseCode::new(code).ok_or(ProtocolError::InvalidCloseCode(code))?;
        Ok(Some(Self {
            code,
            reason: utf8::validate(reason)?,
        }))
    }
}

impl Closing {
    /// We want to close. Returns whether a close frame has to be written for it, which is so only once.
    #[must_use]
    pub(crate) fn start_close(&mut self) -> bool {
        let first = *self == Self::Open;
        if first {
            *self = Self::Sent;
        }
        first
    }

    /// The client's close frame arrived.
    pub(crate) fn handle_close(&mut self, frame: Option<&CloseFrame<'_>>) {
        *self = match *self {
            Self::Open => Self::Received(frame.map(|frame| frame.code)),
            Self::Sent | Self::Done => Self::Done,
            received @ Self::Received(_) => received,
        };
    }

    /// The client broke the protocol, or has kept us waiting for its close frame too long.
    /// Returns whether a close frame has to be written before the connection is closed.
    #[must_use]
    pub(crate) fn fail(&mut self) -> bool {
        let first = *self == Self::Open;
        *self = Self::Done;
        first
    }

    /// The answer to the client's close frame: its code and no reason, as §5.5.1 says is typical.
    pub(crate) fn poll_reply(&mut self) -> Option<ControlFrame> {
        let Self::Received(code) = *self else { return None };
        *self = Self::Done;
        Some(ControlFrame::close(code.map(|code| (code, ""))))
    }

    /// Whether messages may be written: not after a close frame (§5.5.1).
    pub(crate) fn may_send(self) -> bool {
        matches!(self, Self::Open | Self::Received(_))
    }

    /// Whether only flushing is left to do; the server closes the connection first (§7.1.1).
    pub(crate) fn is_done(self) -> bool {
        self == Self::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: CloseFrame<'static> = CloseFrame {
        code: CloseCode::NORMAL,
        reason: "bye",
    };

    #[test]
    fn only_codes_that_may_be_sent_are_read() {
        let legal = |code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        for code in 0..=u16::MAX {
            let expected = if legal(code) {
                Ok(Some(CloseFrame {
                    code: CloseCode(code),
                    reason: "",
                }))
            } else {
                Err(ProtocolError::InvalidCloseCode(code))
            };
            assert_eq!(CloseFrame::parse(&code.to_be_bytes()), expected);
        }
    }

    #[test]
    fn a_payload_is_nothing_or_a_code_and_text() {
        assert_eq!(CloseFrame::parse(b""), Ok(None));
        assert_eq!(CloseFrame::parse(b"\x03"), Err(ProtocolError::TruncatedCloseCode));
        assert_eq!(CloseFrame::parse(b"\x03\xe8bye"), Ok(Some(NORMAL)));
        assert_eq!(
            CloseFrame::parse(b"\x03\xe8\xff"),
            Err(ProtocolError::InvalidUtf8)
        );
    }

    #[test]
    fn our_close_is_written_once_and_done_when_the_client_answers() {
        let mut closing = Closing::default();
        assert!(closing.may_send());
        assert!(closing.start_close());
        assert!(!closing.start_close());
        assert!(!closing.may_send() && !closing.is_done());
        closing.handle_close(Some(&NORMAL));
        assert!(closing.is_done());
        assert!(closing.poll_reply().is_none());
    }

    #[test]
    fn a_close_of_the_client_is_answered_with_its_code() {
        let mut closing = Closing::default();
        closing.handle_close(Some(&NORMAL));
        assert!(!closing.is_done());
        assert!(!closing.start_close(), "the answer is the only close frame");
        assert_eq!(closing.poll_reply().as_deref(), Some(&[0x88, 2, 3, 0xe8][..]));
        assert!(closing.poll_reply().is_none());
        assert!(closing.is_done());
    }

    #[test]
    fn a_close_without_a_code_is_answered_without_one() {
        let mut closing = Closing::default();
        closing.handle_close(None);
        assert_eq!(closing.poll_reply().as_deref(), Some(&[0x88, 0][..]));
    }

    #[test]
    fn closes_that_cross_are_two_close_frames_and_no_answer() {
        let mut closing = Closing::default();
        assert!(closing.start_close());
        closing.handle_close(None);
        assert!(closing.poll_reply().is_none());
        assert!(closing.is_done());
    }

    #[test]
    fn a_failure_says_why_unless_a_close_frame_is_out() {
        let mut closing = Closing::default();
        assert!(closing.fail());
        assert!(closing.is_done() && !closing.fail());
        let mut closing = Closing::default();
        assert!(closing.start_close());
        assert!(!closing.fail());
        assert!(closing.is_done());
    }
}
