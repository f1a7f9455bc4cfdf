//! Clients without a heap: what is live in the process is the server's.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

/// What a browser asks for, by and large.
const REQUEST: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost:3000\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://localhost:3000\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n\r\n";

/// A connected client of Socket.IO 5, over a WebSocket.
pub(crate) struct Client(TcpStream);

impl Client {
    /// Returns once the server has admitted the socket.
    pub(crate) fn connect(to: SocketAddr) -> Self {
        Self::connect_with(to, b"")
    }

    /// The same with a further line in the request.
    pub(crate) fn connect_with(to: SocketAddr, line: &[u8]) -> Self {
        let mut client = Self(TcpStream::connect(to).unwrap());
        let (head, end) = REQUEST.split_at(REQUEST.len() - 2);
        for part in [head, line, end] {
            client.0.write_all(part).unwrap();
        }
        client.wait_for(b"\x81");
        client.send(b"40");
        client.wait_for(b"40{");
        client
    }

    /// Returns once the server has answered, and so has done with everything before.
    pub(crate) fn round_trip(&mut self) {
        self.send(b"420[\"echo\"]");
        self.wait_for(b"430[");
    }

    /// Sends these frames, and returns once the server has acknowledged the event in them.
    #[cfg(feature = "deflate")]
    pub(crate) fn ask(&mut self, frames: &[u8]) {
        self.0.write_all(frames).unwrap();
        self.wait_for(b"430[");
    }

    /// Asks twice with one write, so that the answers are gathered, and returns with the second.
    pub(crate) fn burst(&mut self) {
        const EVENT: &[u8] = b"\x81\x8b\x00\x00\x00\x00421[\"echo\"]";
        self.0.write_all(&[EVENT, EVENT].concat()).unwrap();
        self.wait_for(b"431[]\x81\x05431[]");
    }

    /// Returns with the server's next ping, which is answered.
    pub(crate) fn wait_for_ping(&mut self) {
        self.wait_for(b"\x81\x012");
        self.send(b"3");
    }

    /// Leaves, and returns once the server has let go of the stream.
    pub(crate) fn leave(mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
        let mut buffer = [0; 256];
        while self.0.read(&mut buffer).unwrap_or(0) > 0 {}
    }

    /// A text message of fewer than 126 bytes, masked with zeros.
    fn send(&mut self, text: &[u8]) {
        let mut frame = [0; 6 + 125];
        frame[..2].copy_from_slice(&[0x81, 0x80 | u8::try_from(text.len()).unwrap()]);
        frame[6..6 + text.len()].copy_from_slice(text);
        self.0.write_all(&frame[..6 + text.len()]).unwrap();
    }

    /// Reads until these bytes have come.
    fn wait_for(&mut self, wanted: &[u8]) {
        let (mut buffer, mut filled) = ([0; 4096], 0);
        while !buffer[..filled]
            .windows(wanted.len())
            .any(|bytes| bytes == wanted)
        {
            let read = self.0.read(&mut buffer[filled..]).unwrap();
            assert_ne!(read, 0, "the server has closed");
            filled += read;
        }
    }
}
