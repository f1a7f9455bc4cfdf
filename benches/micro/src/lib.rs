//! A server and its clients on one thread, so that the same work is the same instructions.
//!
//! The clients are plain sockets that neither parse nor wait: what is counted beside the server is two system calls of
//! theirs per batch.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

use axum::Router;
use axum_socketio::SocketIo;
use tokio::runtime::{Builder, Runtime};

const HANDSHAKE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What the clients mask with. Any mask costs the same to take off.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A server with connected clients in `/`.
pub struct Served {
    runtime: Runtime,
    clients: Vec<TcpStream>,
    scratch: Vec<u8>,
}

impl Served {
    /// Serves `io` and connects so many clients.
    ///
    /// # Panics
    ///
    /// When the loopback network doesn't let them.
    #[must_use]
    pub fn new(io: &SocketIo, clients: usize) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (address, listener) = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            (listener.local_addr().unwrap(), listener)
        });
        let app = Router::new().layer(io.layer());
        runtime.spawn(async move { axum::serve(listener, app).await });
        let mut served = Self {
            runtime,
            clients: Vec::new(),
            scratch: vec![0; 1 << 20],
        };
        for _ in 0..clients {
            let client = TcpStream::connect(address).unwrap();
            client.set_nonblocking(true).unwrap();
            client.set_nodelay(true).unwrap();
            served.clients.push(client);
            let number = served.clients.len() - 1;
            served.send(number, HANDSHAKE);
            served.read_until(number, b"upgrades");
            served.send(number, &masked(0x81, b"40"));
            served.read_until(number, b"40{");
        }
        served
    }

    /// Writes to a client's socket.
    ///
    /// # Panics
    ///
    /// When the server has closed it, or the kernel's buffer is full.
    pub fn send(&mut self, client: usize, bytes: &[u8]) {
        self.clients[client].write_all(bytes).unwrap();
    }

    /// Lets the server work until this many bytes have come to the client.
    pub fn read(&mut self, client: usize, expected: usize) {
        let mut came = 0;
        while came < expected {
            came += self.read_some(client);
        }
        assert_eq!(came, expected, "more has come than was expected");
    }

    /// The same for each client.
    pub fn read_all(&mut self, expected: usize) {
        for client in 0..self.clients.len() {
            self.read(client, expected);
        }
    }

    fn read_until(&mut self, client: usize, wanted: &[u8]) {
        let mut seen = Vec::new();
        while !seen.windows(wanted.len()).any(|bytes| bytes == wanted) {
            let read = self.read_some(client);
            seen.extend_from_slice(&self.scratch[..read]);
        }
    }

    fn read_some(&mut self, client: usize) -> usize {
        match self.clients[client].read(&mut self.scratch) {
            Ok(0) => panic!("the server has closed"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.runtime.block_on(tokio::task::yield_now());
                0
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A frame as a client sends it: of text with `0x81`, of binary with `0x82`.
///
/// # Panics
///
/// When the payload is longer than 65,535 bytes.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// How long a frame of the server is with a payload of this length.
#[must_use]
pub const fn framed(payload: usize) -> usize {
    payload + if payload < 126 { 2 } else { 4 }
}
