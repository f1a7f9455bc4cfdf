//! What a close frame says (RFC 6455 §7.4).

use std::fmt;

use super::{error::ProtocolError, utf8};

/// Why a connection is closed (RFC 6455 §7.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CloseCode(u16);

/// The payload of a close frame that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseFrame<'a> {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'a str,
}

impl CloseCode {
    #[cfg(test)]
    pub(crate) const NORMAL: Self = Self(1000);
    pub(crate) const PROTOCOL_ERROR: Self = Self(1002);
    pub(crate) const INVALID_DATA: Self = Self(1007);
    pub(crate) const TOO_BIG: Self = Self(1009);

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
}
