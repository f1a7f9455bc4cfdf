//! Frames as a client sends them.

pub(crate) const FIN: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xa;

const MASK: [u8; 4] = [0xa5, 0x0f, 0x71, 0x3c];

/// How many bytes to spend on a payload length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LengthFormat {
    Least,
    Two,
    Eight,
}

/// A frame whose first byte is this.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame_with(first, payload.as_ref(), MASK, LengthFormat::Least)
}

pub(crate) fn frame_with(first: u8, payload: &[u8], mask: [u8; 4], format: LengthFormat) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64, mask, format);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, key)| byte ^ key),
    );
    frame
}

/// The head of a frame that claims a payload of this length.
pub(crate) fn claim(first: u8, len: u64) -> Vec<u8> {
    head(first, len, MASK, LengthFormat::Least)
}

/// A message in so many fragments of the same size, but for the last one.
pub(crate) fn fragments(op: u8, payload: impl AsRef<[u8]>, size: usize) -> Vec<u8> {
    let payload = payload.as_ref();
    let count = payload.len().div_ceil(size);
    let mut stream = Vec::new();
    for (i, piece) in payload.chunks(size).enumerate() {
        let op = if i == 0 { op } else { CONTINUATION };
        stream.extend(frame(if i + 1 == count { FIN | op } else { op }, piece));
    }
    stream
}

pub(crate) fn text(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | TEXT, payload)
}

pub(crate) fn binary(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | BINARY, payload)
}

pub(crate) fn ping(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | PING, payload)
}

pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | PONG, payload)
}

/// A close frame with a code and the bytes of a reason.
pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(FIN | CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
}

fn head(first: u8, len: u64, mask: [u8; 4], format: LengthFormat) -> Vec<u8> {
    let mut head = vec![first];
    match (format, len) {
        (LengthFormat::Least, 0..=125) => head.push(0x80 | len as u8),
        (LengthFormat::Least, 126..=0xffff) | (LengthFormat::Two, 0..=0xffff) => {
            head.push(0xfe);
            head.extend((len as u16).to_be_bytes());
        }
        _ => {
            head.push(0xff);
            head.extend(len.to_be_bytes());
        }
    }
    head.extend(mask);
    head
}
