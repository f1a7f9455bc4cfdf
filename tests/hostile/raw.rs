//! Bytes on a TCP connection.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::wire::within;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// Sends bytes and reads what comes until the server closes.
pub(crate) async fn exchange(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // The server may have closed before it has read everything.
    let _ = within(stream.write_all(bytes)).await;
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    answer
}

/// A WebSocket whose frames are written by hand; the open packet has been read.
pub(crate) async fn websocket(addr: SocketAddr, target: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "GET {target} HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(within(stream.read_u8()).await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", answer.escape_ascii());
    stream
}

/// The close code that a server sends among its frames; `None` for a close frame without one or the bare end.
pub(crate) fn close_code(mut frames: &[u8]) -> Option<u16> {
    while let [head, length, rest @ ..] = frames {
        let (length, rest) = match (length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (length, rest) => (usize::from(*length), rest),
        };
        let (payload, rest) = rest.split_at(length.min(rest.len()));
        if head & 0x0f == 8 {
            return payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        }
        frames = rest;
    }
    None
}

/// A masked frame: its first byte and its payload.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// The head of a masked frame that claims this length.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        126..=0xffff => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend(MASK);
    head
}
