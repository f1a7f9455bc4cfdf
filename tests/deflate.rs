//! Compressed WebSocket messages on the wire, seen by a client made by hand.

#![expect(
    clippy::unwrap_used,
    reason = "clippy's exemption ends at the test functions, the rest of this file is tests too"
)]

use axum::Router;
use axum_socketio::{Builder, Socket, SocketIo, Value, engine::PerMessageDeflate, extract::Rest};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const ALONE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

struct Server {
    address: std::net::SocketAddr,
    io: SocketIo,
    _serving: JoinSet<()>,
}

struct Client {
    stream: TcpStream,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    extensions: Option<String>,
}

/// First bytes and payloads.
type Frames<'a> = &'a [(u8, &'a [u8])];

/// One frame as it came, the payload as it was meant.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    first: u8,
    payload: Vec<u8>,
    /// How many bytes the payload had on the wire.
    wire: usize,
}

fn server(options: PerMessageDeflate, set: impl FnOnce(Builder) -> Builder) -> impl Future<Output = Server> {
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
    async fn open(server: &Server, offer: Option<&str>, revision: u8) -> Self {
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
        Self {
            stream,
            extensions: extensions.map(str::to_owned),
        }
    }

    /// A client that has joined the default namespace.
    async fn join(server: &Server, offer: Option<&str>, revision: u8) -> Self {
        let mut client = Self::open(server, offer, revision).await;
        assert_eq!(client.receive().await.payload[0], b'0');
        if revision == 4 {
            client.send(0x81, b"40").await;
        }
        assert!(client.receive().await.payload.starts_with(b"40"));
        client
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
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
    async fn send_compressed(&mut self, op: u8, payload: &[u8], window_bits: u8, frames: usize) {
        let compressed = deflate(payload, window_bits);
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

    async fn receive(&mut self) -> Message {
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
            payload = inflate(&payload, 15);
        }
        Message { first, payload, wire }
    }

    /// The code the server closes with.
    async fn close_code(&mut self) -> u16 {
        loop {
            let message = self.receive().await;
            if message.first == 0x88 {
                return u16::from_be_bytes([message.payload[0], message.payload[1]]);
            }
        }
    }
}

fn deflate(payload: &[u8], window_bits: u8) -> Vec<u8> {
    let mut state = Compress::new_with_window_bits(Compression::new(6), false, window_bits);
    let mut output = Vec::with_capacity(payload.len() + payload.len() / 100 + 100);
    state
        .compress_vec(payload, &mut output, FlushCompress::Sync)
        .unwrap();
    assert!(state.total_in() == payload.len() as u64 && output.len() < output.capacity());
    output.truncate(output.len() - 4);
    output
}

/// One message by itself: it may not refer to any other, nor further back than the window.
fn inflate(payload: &[u8], window_bits: u8) -> Vec<u8> {
    let mut state = Decompress::new_with_window_bits(false, window_bits);
    let mut output = Vec::with_capacity(4 << 20);
    let input = [payload, &[0, 0, 0xff, 0xff]].concat();
    state
        .decompress_vec(&input, &mut output, FlushDecompress::Sync)
        .unwrap();
    assert_eq!(state.total_in(), input.len() as u64);
    output
}

/// Text with some repetition, near and far, and characters of two bytes.
fn text(len: usize) -> String {
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

fn event(name: &str, text: &str) -> String {
    format!("42[\"{name}\",\"{text}\"]")
}

#[tokio::test]
async fn every_combination_of_parameters_is_agreed_on_and_carries_messages_byte_for_byte() {
    for (server_bits, client_bits) in [(15, 15), (15, 10), (9, 15), (12, 11)] {
        let options = PerMessageDeflate::new()
            .server_max_window_bits(server_bits)
            .client_max_window_bits(client_bits);
        let server = server(options, |builder| builder).await;
        for takeover in [
            "",
            "; server_no_context_takeover",
            "; client_no_context_takeover; server_no_context_takeover",
        ] {
            for offered_server in [None, Some(15), Some(10), Some(9)] {
                for offered_client in [None, Some(""), Some("=15"), Some("=9")] {
                    let mut offer = format!("permessage-deflate{takeover}");
                    if let Some(bits) = offered_server {
                        offer.push_str(&format!("; server_max_window_bits={bits}"));
                    }
                    if let Some(bits) = offered_client {
                        offer.push_str(&format!("; client_max_window_bits{bits}"));
                    }
                    let mut client = Client::join(&server, Some(&offer), 4).await;
                    let server_window = offered_server.unwrap_or(15).min(server_bits);
                    let client_window = match offered_client {
                        Some("=9") => 9,
                        _ => client_bits,
                    };
                    let declined = offered_client.is_none() && client_bits < 15;
                    let expected = (!declined).then(|| {
                        let mut expected = ALONE.to_owned();
                        if offered_server.is_some() || server_window < 15 {
                            expected.push_str(&format!("; server_max_window_bits={server_window}"));
                        }
                        if client_window < 15 {
                            expected.push_str(&format!("; client_max_window_bits={client_window}"));
                        }
                        expected
                    });
                    assert_eq!(client.extensions, expected, "{offer}");
                    let sent = event("echo", &text(10_000));
                    if declined {
                        client.send(0x81, sent.as_bytes()).await;
                    } else {
                        client.send_compressed(1, sent.as_bytes(), client_window, 1).await;
                    }
                    let echoed = client.receive().await;
                    assert_eq!(echoed.first, if declined { 0x81 } else { 0xc1 }, "{offer}");
                    assert!(echoed.payload == sent.as_bytes(), "{offer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_window_of_the_server_is_kept_to() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let far = text(2000);
    let sent = event("echo", &format!("{far}{}{far}", "-".repeat(3000)));
    let mut sizes = Vec::new();
    for bits in [9, 12, 15] {
        let offer = format!("permessage-deflate; server_max_window_bits={bits}");
        let mut client = Client::join(&server, Some(&offer), 4).await;
        client.send(0x81, sent.as_bytes()).await;
        let echoed = client.receive().await;
        assert_eq!(echoed.payload, sent.as_bytes());
        sizes.push(echoed.wire);
    }
    // The repetition is 5,000 bytes back, which only the largest window spans.
    assert!(sizes[2] + 500 < sizes[0].min(sizes[1]), "{sizes:?}");
}

#[tokio::test]
async fn messages_of_all_sizes_and_fragmentations_come_back_byte_for_byte() {
    let server = server(PerMessageDeflate::new().threshold(0), |builder| {
        builder.max_send_buffer(64 << 20)
    })
    .await;
    let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
    for size in [
        0, 16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072, 900_000,
    ] {
        for frames in [1, 2, 3, 16, 128] {
            let sent = event("echo", &text(size));
            client.send_compressed(1, sent.as_bytes(), 15, frames).await;
            let echoed = client.receive().await;
            assert!(
                echoed.payload == sent.as_bytes(),
                "{size} bytes in {frames} frames"
            );
            assert!(echoed.wire <= sent.len());
        }
    }
}

#[tokio::test]
async fn attachments_are_compressed_in_both_protocols() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    for (revision, prefix) in [(3, &[4_u8][..]), (4, &[])] {
        let mut client = Client::join(&server, Some("permessage-deflate"), revision).await;
        let data = [prefix, text(5000).as_bytes()].concat();
        client
            .send(0x81, br#"451-["echo",{"_placeholder":true,"num":0}]"#)
            .await;
        client.send_compressed(2, &data, 15, 3).await;
        let (head, echoed) = (client.receive().await, client.receive().await);
        assert_eq!(head.first, 0x81, "it is short");
        assert_eq!(
            (echoed.first, echoed.payload),
            (0xc2, data),
            "Engine.IO {revision}"
        );
    }
}

#[tokio::test]
async fn short_messages_and_those_with_compress_false_are_sent_as_they_are() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
    let around = event("echo", "").len();
    for (name, size, first) in [
        ("echo", 1023 - around, 0x81),
        ("echo", 1024 - around, 0xc1),
        ("plain", 1024 - around, 0x81),
        ("plain", 100_000, 0x81),
        ("echo", 100_000, 0xc1),
    ] {
        let text = "x".repeat(size);
        client.send(0x81, event(name, &text).as_bytes()).await;
        let echoed = client.receive().await;
        assert_eq!(echoed.first, first, "{name} {size}");
        assert_eq!(echoed.payload, event("echo", &text).as_bytes());
    }
}

#[tokio::test]
async fn a_broadcast_reaches_those_who_compress_and_those_who_do_not() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let mut clients = Vec::new();
    for offer in [
        None,
        Some("permessage-deflate"),
        Some("permessage-deflate; server_max_window_bits=9"),
        Some("permessage-deflate"),
    ] {
        clients.push(Client::join(&server, offer, 4).await);
    }
    let long = text(9000);
    server.io.of("/").emit("news", &long);
    server.io.of("/").compress(false).emit("news", &long);
    for client in &mut clients {
        let (first, second) = (client.receive().await, client.receive().await);
        let compressed = client.extensions.is_some();
        assert_eq!(first.first, if compressed { 0xc1 } else { 0x81 });
        assert_eq!(second.first, 0x81);
        for message in [first, second] {
            assert_eq!(message.payload, event("news", &long).as_bytes());
        }
    }
}

#[tokio::test]
async fn what_inflates_beyond_the_limit_closes_with_1009() {
    let server = server(PerMessageDeflate::new(), |builder| {
        builder.max_http_buffer_size(10_000)
    })
    .await;
    for (size, fits) in [(10_000, true), (10_001, false), (3_000_000, false)] {
        let mut client = Client::join(&server, Some("permessage-deflate"), 4).await;
        let sent = event("echo", &"x".repeat(size - event("echo", "").len()));
        client.send_compressed(1, sent.as_bytes(), 15, 2).await;
        if fits {
            assert_eq!(client.receive().await.payload, sent.as_bytes());
        } else {
            assert_eq!(client.close_code().await, 1009, "{size}");
        }
    }
}

#[tokio::test]
async fn illegal_compression_closes_with_the_code_of_ws() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    let offer = Some("permessage-deflate");
    let invalid_text = deflate(b"42[\"\xff\"]", 15);
    let table: [(Option<&str>, Frames<'_>, u16); 8] = [
        // not negotiated
        (None, &[(0xc1, &[0xf2, 0x48, 0x05, 0x00])], 1002),
        // not the first frame
        (offer, &[(0x41, &[0xf2]), (0xc0, &[0x48])], 1002),
        (offer, &[(0x01, b"42"), (0xc0, b"[]")], 1002),
        // control frames, and the other bits
        (offer, &[(0xc9, b"")], 1002),
        (offer, &[(0xa1, b"")], 1002),
        (offer, &[(0xd1, b"")], 1002),
        // no deflate, no UTF-8
        (offer, &[(0xc1, &[0xff, 0xff])], 1007),
        (offer, &[(0xc1, &invalid_text)], 1007),
    ];
    for (i, (offer, frames, code)) in table.iter().enumerate() {
        let mut client = Client::join(&server, *offer, 4).await;
        for (first, payload) in *frames {
            client.send(*first, payload).await;
        }
        assert_eq!(client.close_code().await, *code, "row {i}");
    }
}

#[tokio::test]
async fn compression_is_off_unless_it_is_asked_for_by_both() {
    let server = server(PerMessageDeflate::new(), |builder| builder).await;
    for offer in [
        None,
        Some("x-webkit-deflate-frame"),
        Some("permessage-deflate; server_max_window_bits=8"),
    ] {
        let client = Client::open(&server, offer, 4).await;
        assert_eq!(client.extensions, None, "{offer:?}");
    }
}

#[test]
fn options_out_of_range_are_errors_of_build() {
    for (options, said) in [
        (
            PerMessageDeflate::new().level(10),
            "level 10: it has to be 0 to 9",
        ),
        (
            PerMessageDeflate::new().server_max_window_bits(8),
            "server_max_window_bits 8: it has to be 9 to 15",
        ),
        (
            PerMessageDeflate::new().client_max_window_bits(16),
            "client_max_window_bits 16: it has to be 9 to 15",
        ),
    ] {
        let error = SocketIo::builder()
            .per_message_deflate(options)
            .build()
            .unwrap_err();
        assert_eq!(error.option(), "per_message_deflate");
        assert!(error.to_string().ends_with(said), "{error}");
    }
}
