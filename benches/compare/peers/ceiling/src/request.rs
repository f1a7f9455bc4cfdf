//! The few things in an HTTP request that matter here.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use memchr::memmem::find;
use sha1::{Digest, Sha1};

pub struct Request<'a> {
    pub post: bool,
    /// Of a polling session; 0 if there is none yet.
    pub session: u64,
    /// Of a WebSocket's handshake.
    pub key: Option<&'a [u8]>,
    pub body: &'a [u8],
    /// Where the next request begins.
    pub end: usize,
}

/// The first request; nothing if it is not all there.
pub fn read(bytes: &[u8]) -> Option<Request<'_>> {
    let head = &bytes[..find(bytes, b"\r\n\r\n")? + 2];
    let line = &head[..memchr::memchr(b'\r', head)?];
    let post = line.starts_with(b"POST");
    let field = |name: &[u8]| {
        let start = find(head, name)? + name.len();
        head[start..].split(|&byte| byte == b'\r').next()
    };
    let length = if post {
        number(field(b"\r\nContent-Length: ")?) as usize
    } else {
        0
    };
    let start = head.len() + 2;
    Some(Request {
        post,
        session: find(line, b"&sid=").map_or(0, |at| number(&line[at + 5..])),
        key: field(b"\r\nSec-WebSocket-Key: "),
        body: bytes.get(start..start + length)?,
        end: start + length,
    })
}

fn number(digits: &[u8]) -> u64 {
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

pub fn answer(body: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=UTF-8\r\ncontent-length: ";
    [format!("{head}{}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

pub fn switch(key: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ";
    format!("{head}{}\r\n\r\n", accept(key)).into_bytes()
}

/// RFC 6455, section 4.2.2.
pub fn accept(key: &[u8]) -> String {
    let digest = Sha1::new()
        .chain_update(key)
        .chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        .finalize();
    BASE64_STANDARD.encode(digest)
}
