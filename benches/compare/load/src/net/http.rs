//! Requests as a browser sends them, and responses.

/// What a browser sends along; servers have to read and skip it.
const BROWSER: &str = "Host: 127.0.0.1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n\
    Accept: */*\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Cache-Control: no-cache\r\n\
    Pragma: no-cache\r\n\
    Origin: http://127.0.0.1\r\n";

/// `transport` of an Engine.IO 4 session; `sid` is empty before there is one.
pub fn path(transport: &str, sid: &str) -> String {
    let sid = if sid.is_empty() {
        String::new()
    } else {
        format!("&sid={sid}")
    };
    format!("/socket.io/?EIO=4&transport={transport}{sid}")
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{BROWSER}Connection: keep-alive\r\n\r\n")
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{BROWSER}Connection: keep-alive\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The key is that of RFC 6455, section 1.3: servers compute the same digest for it as for any other.
pub fn upgrade(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\n{BROWSER}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The answer to that key.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub struct Response<'a> {
    pub status: u16,
    pub body: &'a [u8],
    /// Where the next one begins.
    pub end: usize,
}

#[derive(Debug)]
pub struct Malformed;

/// The first response; nothing if it is not all there. Bodies have to have a `Content-Length`.
pub fn read(bytes: &[u8]) -> Result<Option<Response<'_>>, Malformed> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head]).map_err(|_| Malformed)?;
    let status = text
        .get(9..12)
        .and_then(|status| status.parse().ok())
        .ok_or(Malformed)?;
    let start = head + 4;
    if status == 101 {
        let accepted = field(text, "sec-websocket-accept") == Some(ACCEPT);
        return if accepted {
            Ok(Some(Response {
                status,
                body: &[],
                end: start,
            }))
        } else {
            Err(Malformed)
        };
    }
    let length: usize = field(text, "content-length")
        .and_then(|length| length.parse().ok())
        .ok_or(Malformed)?;
    let end = start + length;
    Ok(bytes.get(start..end).map(|body| Response { status, body, end }))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines
        .into_iter()
        .find_map(|(field, value)| field.eq_ignore_ascii_case(name).then(|| value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_whole_or_not_at_all() {
        let wire = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP";
        let response = read(wire).unwrap().unwrap();
        assert_eq!(
            (response.status, response.body, response.end),
            (200, &b"ok"[..], wire.len() - 4)
        );
        assert!(read(&wire[..wire.len() - 5]).unwrap().is_none());
        assert!(
            read(b"HTTP/1.1 200 OK\r\n\r\n").is_err(),
            "a body without a length"
        );
    }

    #[test]
    fn a_wrong_accept_key_is_no_upgrade() {
        let head =
            |key: &str| format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {key}\r\n\r\n");
        assert_eq!(read(head(ACCEPT).as_bytes()).unwrap().unwrap().status, 101);
        assert!(read(head("x").as_bytes()).is_err());
    }
}
