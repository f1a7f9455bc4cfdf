//! A server, and a client of which every frame is made by hand.

use axum::Router;
use axum_socketio::{Builder, Socket, SocketIo, Value, engine::PerMessageDeflate, extract::Rest};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) io: SocketIo,
    _serving: JoinSet<()>,
}

pub(crate) struct Client {
    stream: TcpStream,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    pub(crate) extensions: Option<String>,
    /// What has been sent compressed, and what has been received so, where the next may refer to it.
    sent: Option<Compress>,
    received: Option<Decompress>,
}

/// First bytes and payloads.
pub(crate) type Frames<'a> = &'a [(u8, &'a [u8])];

/// One frame as it came, the payload as it was meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
    /// How many bytes the payload had on the wire.
    pub(crate) wire: usize,
}

pub(crate) fn server(
    options: PerMessageDeflate,
    set: impl FnOnce(Builder) -> Builder,
) -> impl Future<Output = Server> {
    let io = set(SocketIo::builder().per_message_deflate(options))
        .build()
        .unwrap();
    async move {
        let namespace = io.of("/");
        namespace.on("echo", async |socket: Socket, args: Rest<Value>| {
            socket.emit("echo", args);
        });
        io.of("/").on("plain", async |socket: Socket, args: Rest<Value>| {
            socket.compress(false).emit("echo", args);
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router: Router = Router::new().layer(io.layer());
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Server {
            address,
            io,
            _serving: serving,
        }
    }
}

impl Client {
    pub(crate) async fn open(server: &Server, offer: Option<&str>, revision: u8) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let offer = offer.map_or_else(String::new, |offer| {
            format!("Sec-WebSocket-Extensions: {offer}\r\n")
        });
        let request = format!(
            "GET /socket.io/?EIO={revision}&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{offer}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        let extensions = head
            .lines()
            .find_map(|line| line.strip_prefix("sec-websocket-extensions: "));
        let keeps =
            |side: &str| extensions.is_some_and(|agreed| !agreed.contains(&format!("{side}_no_context")));
        Self {
            sent: keeps("client").then(|| Compress::new(Compression::new(6), false)),
            received: keeps("server").then(|| Decompress::new(false)),
            extensions: extensions.map(str::to_owned),
            stream,
        }
    }

    /// A client that has joined the default namespace.
    pub(crate) async fn join(server: &Server, offer: Option<&str>, revision: u8) -> Self {
        let mut client = Self::open(server, offer, revision).await;
        assert_eq!(client.receive().await.payload[0], b'0');
        if revision == 4 {
            client.send(0x81, b"40").await;
        }
        assert!(client.receive().await.payload.starts_with(b"40"));
        client
    }

    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![first];
        match payload.len() {
            len @ 0..=125 => frame.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                frame.push(0x80 | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            len => {
                frame.push(0x80 | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend(mask);
        frame.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        // What is refused may be refused before all of it is sent.
        let _ = self.stream.write_all(&frame).await;
    }

    /// Sends a compressed message in so many frames.
    pub(crate) async fn send_compressed(&mut self, op: u8, payload: &[u8], window_bits: u8, frames: usize) {
        let compressed = match &mut self.sent {
            Some(context) => deflate_in(context, payload),
            None => deflate(payload, window_bits),
        };
        let size = compressed.len().div_ceil(frames).max(1);
        let pieces: Vec<&[u8]> = compressed.chunks(size).collect();
        for (i, piece) in pieces.iter().enumerate() {
            let fin = if i + 1 == pieces.len() { 0x80 } else { 0 };
            let head = if i == 0 { 0x40 | op } else { 0 };
            self.send(fin | head, piece).await;
            if fin == 0 {
                self.send(0x8a, b"a pong in between").await;
            }
        }
    }

    pub(crate) async fn receive(&mut self) -> Message {
        let first = self.stream.read_u8().await.unwrap();
        let wire = match self.stream.read_u8().await.unwrap() {
            126 => usize::from(self.stream.read_u16().await.unwrap()),
            127 => self.stream.read_u64().await.unwrap() as usize,
            len => usize::from(len),
        };
        let mut payload = vec![0; wire];
        self.stream.read_exact(&mut payload).await.unwrap();
        if first & 0x40 != 0 {
            assert!(
                self.extensions.is_some(),
                "a compressed frame without an agreement"
            );
            payload = match &mut self.received {
                Some(context) => inflate_in(context, &payload),
                None => inflate(&payload, 15),
            };
        }
        Message { first, payload, wire }
    }

    /// The code the server closes with.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            let message = self.receive().await;
            if message.first == 0x88 {
                return u16::from_be_bytes([message.payload[0], message.payload[1]]);
            }
        }
    }
}

/// One message by itself.
pub(crate) fn deflate(payload: &[u8], window_bits: u8) -> Vec<u8> {
    let mut alone = Compress::new_with_window_bits(Compression::new(6), false, window_bits);
    deflate_in(&mut alone, payload)
}

pub(crate) fn deflate_in(context: &mut Compress, payload: &[u8]) -> Vec<u8> {
    let before = context.total_in();
    let mut output = Vec::with_capacity(payload.len() + payload.len() / 100 + 100);
    context
        .compress_vec(payload, &mut output, FlushCompress::Sync)
        .unwrap();
    assert!(context.total_in() - before == payload.len() as u64 && output.len() < output.capacity());
    output.truncate(output.len() - 4);
    output
}

/// One message by itself: it may not refer to any other, nor further back than the window.
pub(crate) fn inflate(payload: &[u8], window_bits: u8) -> Vec<u8> {
    inflate_in(&mut Decompress::new_with_window_bits(false, window_bits), payload)
}

fn inflate_in(context: &mut Decompress, payload: &[u8]) -> Vec<u8> {
    let before = context.total_in();
    let mut output = Vec::with_capacity(4 << 20);
    let input = [payload, &[0, 0, 0xff, 0xff]].concat();
    context
        .decompress_vec(&input, &mut output, FlushDecompress::Sync)
        .unwrap();
    assert_eq!(context.total_in() - before, input.len() as u64);
    output
}

/// Text with some repetition, near and far, and characters of two bytes.
pub(crate) fn text(len: usize) -> String {
    let mut seed = 7_u32;
    let mut text = String::new();
    while text.len() < len {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        text.push(char::from(b'a' + (seed >> 16) as u8 % 8));
        if seed >> 28 == 0 {
            text.push('ü');
        }
    }
    text
}

pub(crate) fn event(name: &str, text: &str) -> String {
    format!("42[\"{name}\",\"{text}\"]")
}
