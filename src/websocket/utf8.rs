//! Text that arrives in pieces, checked while it arrives.

use super::error::ProtocolError;

/// A text message under assembly.
///
/// It fails with the first byte that can't be part of any UTF-8 text, wherever frames and reads are cut, and checks
/// no byte twice, so that what it assembled can be lent as `&str` for nothing.
#[derive(Debug, Default)]
pub(super) struct Utf8Text {
    text: String,
    /// The start of a character whose end hasn't arrived.
    tail: [u8; 4],
    tail_len: usize,
}

impl Utf8Text {
    /// The bytes received so far, those of an incomplete character included.
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.tail_len
    }

    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn reserve_exact(&mut self, additional: usize) {
        self.text.reserve_exact(additional + self.tail_len);
    }

    /// Takes the next piece, which may start and end within a character.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), ProtocolError> {
        let piece = self.complete_tail(piece)?;
        let (body, tail) = split_incomplete(piece);
        self.text.push_str(validate(body)?);
        self.keep_tail(tail)
    }

    /// The whole text; an error if it ends within a character.
    pub(super) fn finish(self) -> Result<String, ProtocolError> {
        if self.tail_len == 0 {
            Ok(self.text)
        } else {
            Err(ProtocolError::InvalidUtf8)
        }
    }

    /// Gives the incomplete character what it lacks, and returns what is left of the piece.
    fn complete_tail<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], ProtocolError> {
        if self.tail_len == 0 {
            return Ok(piece);
        }
        let (missing, rest) = piece.split_at(piece.len().min(width(self.tail[0]) - self.tail_len));
        let filled = self.tail_len + missing.len();
        self.tail[self.tail_len..filled].copy_from_slice(missing);
        match std::str::from_utf8(&self.tail[..filled]) {
            Ok(character) => {
                self.text.push_str(character);
                self.tail_len = 0;
            }
            Err(error) if error.error_len().is_none() => self.tail_len = filled,
            Err(_) => return Err(ProtocolError::InvalidUtf8),
        }
        Ok(rest)
    }

    /// Keeps the start of a character, unless no character starts like this.
    fn keep_tail(&mut self, tail: &[u8]) -> Result<(), ProtocolError> {
        if tail.is_empty() {
            return Ok(());
        }
        match std::str::from_utf8(tail) {
            Err(error) if error.error_len().is_none() => {
                self.tail[..tail.len()].copy_from_slice(tail);
                self.tail_len = tail.len();
                Ok(())
            }
            _ => Err(ProtocolError::InvalidUtf8),
        }
    }
}

/// A complete text.
pub(super) fn validate(text: &[u8]) -> Result<&str, ProtocolError> {
    simdutf8::basic::from_utf8(text).map_err(|_| ProtocolError::InvalidUtf8)
}

/// Cuts off the last character if its lead byte announces more bytes than there are.
fn split_incomplete(piece: &[u8]) -> (&[u8], &[u8]) {
    let lead = piece.iter().rev().take(3).position(|byte| byte & 0xc0 != 0x80);
    let tail_len = lead.map_or(0, |back| back + 1);
    let (body, tail) = piece.split_at(piece.len() - tail_len);
    match tail.first() {
        Some(&lead) if width(lead) > tail_len => (body, tail),
        _ => (piece, &[]),
    }
}

/// The length of the character that starts with this byte; 1 for bytes no character starts with.
const fn width(lead: u8) -> usize {
    match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<String, ProtocolError> {
        let mut text = Utf8Text::default();
        for piece in pieces {
            text.push(piece)?;
        }
        text.finish()
    }

    #[test]
    fn text_cut_anywhere_is_the_same_text() {
        let text = "aß水🍣z\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}";
        for size in 1..=text.len() {
            assert_eq!(
                push_all(text.as_bytes().chunks(size)).as_deref(),
                Ok(text),
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn the_first_impossible_byte_is_refused() {
        // (bytes, how many of them can still become text)
        let cases: &[(&[u8], usize)] = &[
            (b"ab\xff", 2),
            (b"\x80", 0),
            (b"\xc0\x80", 0),
            (b"\xe0\x80\x80", 1),
            (b"\xed\xa0\x80", 1),
            (b"\xf0\x80", 1),
            (b"\xf4\x90", 1),
            (b"\xf5", 0),
            (b"\xe6\xb0a", 2),
            (b"\xf0\x9f\x8da", 3),
        ];
        for &(bytes, possible) in cases {
            let mut text = Utf8Text::default();
            for byte in &bytes[..possible] {
                assert_eq!(text.push(&[*byte]), Ok(()), "{bytes:x?}");
            }
            assert_eq!(
                text.push(&bytes[possible..=possible]),
                Err(ProtocolError::InvalidUtf8),
                "{bytes:x?}"
            );
            assert_eq!(
                Utf8Text::default().push(bytes),
                Err(ProtocolError::InvalidUtf8),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn a_text_that_ends_within_a_character_is_refused() {
        for cut in ["ß", "水", "🍣"]
            .map(str::as_bytes)
            .iter()
            .flat_map(|c| (1..c.len()).map(|n| &c[..n]))
        {
            assert_eq!(
                push_all([&b"text"[..], cut]),
                Err(ProtocolError::InvalidUtf8),
                "{cut:x?}"
            );
        }
    }

    #[test]
    fn every_verdict_is_the_one_of_std() {
        let bytes = [
            0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5,
        ];
        for code in 0..16_usize.pow(4) {
            let sequence = [12, 8, 4, 0].map(|shift| bytes[(code >> shift) & 15]);
            let expected = std::str::from_utf8(&sequence).ok();
            assert_eq!(
                push_all(sequence.chunks(1)).ok().as_deref(),
                expected,
                "{sequence:x?}"
            );
            assert_eq!(
                push_all([&sequence[..]]).ok().as_deref(),
                expected,
                "{sequence:x?}"
            );
        }
    }
}
