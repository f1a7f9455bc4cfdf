//! What is written over HTTP/2.

use std::io::IoSlice;

/// As much of a frame's head as tells what it is: a length of three bytes, and a type (RFC 9113 §4.1).
const HEAD: usize = 4;

/// What follows in each head: flags and a stream.
const REST_OF_HEAD: usize = 5;

/// The type of a frame that has a piece of an answer, or of what goes through a tunnel (RFC 9113 §6.1).
const DATA: u8 = 0;

/// The frames of a connection, as they are written: cut anywhere.
#[derive(Debug)]
pub(super) enum Frames {
    Head { head: [u8; HEAD], known: usize },
    Rest { is_data: bool, left: usize },
}

impl Frames {
    /// Whether there is data in what has been written of this.
    pub(super) fn have_data(&mut self, slices: &[IoSlice<'_>], mut written: usize) -> bool {
        let mut data = false;
        for slice in slices {
            let (mut bytes, _) = slice.split_at(slice.len().min(written));
            written -= bytes.len();
            while !bytes.is_empty() {
                data |= self.handle(&mut bytes);
            }
        }
        data
    }

    /// Takes the next bytes of one frame, and says whether they are data.
    fn handle(&mut self, bytes: &mut &[u8]) -> bool {
        match self {
            Self::Head { head, known } => {
                let next = take(bytes, HEAD - *known);
                head[*known..][..next.len()].copy_from_slice(next);
                *known += next.len();
                if *known == HEAD {
                    *self = Self::rest(*head);
                }
                false
            }
            Self::Rest { is_data, left } => {
                *left -= take(bytes, *left).len();
                let is_data = *is_data;
                if *left == 0 {
                    *self = Self::default();
                }
                is_data
            }
        }
    }

    fn rest([high, middle, low, kind]: [u8; HEAD]) -> Self {
        let [high, middle, low] = [high, middle, low].map(usize::from);
        Self::Rest {
            is_data: kind == DATA,
            left: REST_OF_HEAD + (high << 16 | middle << 8 | low),
        }
    }
}

impl Default for Frames {
    fn default() -> Self {
        Self::Head {
            head: [0; HEAD],
            known: 0,
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 200];
    const ACKNOWLEDGED: &[u8] = &[0, 0, 0, 4, 1, 0, 0, 0, 0];
    const PONG: &[u8] = &[0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const ANSWER: &[u8] = &[0, 0, 3, 0, 0, 0, 0, 0, 5, 4, 4, 4];

    /// Which of the frames were data, if so many bytes are taken at a time.
    fn data(frames: &[&[u8]], at_a_time: usize) -> Vec<bool> {
        let mut written = Frames::default();
        let mut have_data = |frame: &&[u8]| {
            let pieces = frame.chunks(at_a_time);
            pieces.fold(false, |data, piece| {
                // Of the bytes that are there to be written some are taken, from more than one slice.
                let (one, other) = piece.split_at(piece.len() / 2);
                let slices = [one, other, ANSWER].map(IoSlice::new);
                written.have_data(&slices, piece.len()) | data
            })
        };
        frames.iter().map(&mut have_data).collect()
    }

    #[test]
    fn answers_are_told_from_pongs_wherever_they_are_cut() {
        let frames = [SETTINGS, ACKNOWLEDGED, PONG, ANSWER, PONG, ANSWER, ACKNOWLEDGED];
        for at_a_time in 1..20 {
            let expected = [false, false, false, true, false, true, false];
            assert_eq!(data(&frames, at_a_time), expected, "{at_a_time}");
        }
        let long = [&[1, 0, 1, 6, 0, 0, 0, 0, 0][..], &vec![0; 65_537], ANSWER].concat();
        assert_eq!(
            data(&[&long[..long.len() - ANSWER.len()], ANSWER, PONG], 1000),
            [false, true, false]
        );
    }
}
