//! HTTP/1.1 to the byte: one connection for each request.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::within;

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A request that was sent and has no answer yet. Dropped, it is aborted.
#[derive(Debug)]
pub(crate) struct Pending(TcpStream);

/// A connection for one request after the other.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    addr: SocketAddr,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A POST of text, as browsers send it.
    pub(crate) fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let request = Self::new("POST", target).header("Content-Type", "text/plain;charset=UTF-8");
        Self {
            body: body.into(),
            ..request
        }
    }

    /// Adds a header, or replaces it.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name, value.into()));
        self
    }

    /// Sends the request. Its answer may take as long as it likes.
    pub(crate) async fn start(self, addr: SocketAddr) -> Pending {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(&self.into_bytes(addr, "close")).await.unwrap();
        Pending(stream)
    }

    pub(crate) async fn send(self, addr: SocketAddr) -> Response {
        self.start(addr).await.response().await
    }

    fn into_bytes(self, addr: SocketAddr, connection: &str) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {addr}\r\nConnection: {connection}\r\n",
            self.method, self.target
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = self.headers.iter().any(|(name, _)| *name == "Content-Length");
        if self.method == "POST" && !has_length {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

impl Pending {
    pub(crate) async fn response(self) -> Response {
        self.outcome()
            .await
            .expect("the connection was closed without an answer")
    }

    /// The answer, or `None` if the connection was closed without any.
    pub(crate) async fn outcome(mut self) -> Option<Response> {
        let mut bytes = Vec::new();
        // A reset connection has said what it had to say.
        let _ = within(self.0.read_to_end(&mut bytes)).await;
        (!bytes.is_empty()).then(|| Response::parse(&bytes))
    }
}

impl Line {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        Self { stream, addr }
    }

    pub(crate) async fn send(&mut self, request: Request) {
        let bytes = request.into_bytes(self.addr, "keep-alive");
        within(self.stream.write_all(&bytes)).await.unwrap();
    }

    /// The answer to the request; `None` if the connection was closed without any.
    pub(crate) async fn response(&mut self) -> Option<Response> {
        let (mut bytes, mut length) = (Vec::new(), None);
        loop {
            if length.is_none_or(|length| bytes.len() < length) {
                let read = within(self.stream.read_buf(&mut bytes)).await.unwrap_or(0);
                if read == 0 {
                    return None;
                }
            }
            length = length.or_else(|| whole_length(&bytes));
            assert!(
                length.is_none_or(|length| bytes.len() <= length),
                "more than one answer"
            );
            if length == Some(bytes.len()) {
                return Some(Response::parse(&bytes));
            }
        }
    }
}

/// How long a response is with its body, once its head is there.
fn whole_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).unwrap().to_ascii_lowercase();
    let length = text
        .split("\r\n")
        .find_map(|line| line.strip_prefix("content-length:"));
    Some(head + 4 + length.expect("a length").trim().parse::<usize>().unwrap())
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let head = bytes
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .expect("a whole head");
        let mut lines = std::str::from_utf8(&bytes[..head]).unwrap().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let mut response = Self {
            status,
            headers: headers.collect(),
            body: bytes[head + 4..].to_vec(),
        };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunked(&response.body);
        } else if let Some(length) = response.header("content-length") {
            assert_eq!(
                response.body.len().to_string(),
                length,
                "the body is as long as it says"
            );
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// An answer of the engine's table of errors.
    #[track_caller]
    pub(crate) fn assert_refusal(&self, code: u8, message: &str) {
        assert_eq!(
            (self.status, self.text()),
            (400, &*format!(r#"{{"code":{code},"message":"{message}"}}"#))
        );
        assert_eq!(self.header("content-type"), Some("application/json"));
    }

    /// A POST was taken.
    #[track_caller]
    pub(crate) fn assert_ok(&self) {
        assert_eq!(
            (self.status, self.text(), self.header("content-type")),
            (200, "ok", Some("text/html"))
        );
    }

    /// A status and nothing else.
    #[track_caller]
    pub(crate) fn assert_empty(&self, status: u16) {
        assert_eq!((self.status, self.text()), (status, ""));
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = bytes
            .windows(2)
            .position(|end| end == b"\r\n")
            .expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[line + 2 + size + 2..];
    }
}
