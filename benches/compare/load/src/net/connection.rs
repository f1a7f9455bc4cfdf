//! One connection: its socket, what is to be written, and the beginning of what is not all there yet.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
};

use nix::sys::epoll::EpollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use super::{frame, http};

pub struct Connection {
    stream: TcpStream,
    phase: Phase,
    watched: EpollFlags,
    pub tag: usize,
    pub paused: bool,
    pub output: Vec<u8>,
    pub partial: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Connecting { websocket: bool },
    Http,
    Handshake,
    WebSocket,
}

#[derive(Clone, Copy)]
pub enum Input<'a> {
    Opened,
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Response { status: u16, body: &'a [u8] },
    Closed,
}

pub struct Malformed;

impl Connection {
    pub fn new(
        source: Ipv4Addr,
        port: u16,
        handshake: Option<String>,
        tag: usize,
        buffer: Option<usize>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer)?;
        }
        socket.bind(&SocketAddrV4::new(source, 0).into())?;
        match socket.connect(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()) {
            Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => return Err(error),
            _ => {}
        }
        Ok(Self {
            stream: socket.into(),
            phase: Phase::Connecting {
                websocket: handshake.is_some(),
            },
            watched: EpollFlags::EPOLLOUT,
            tag,
            paused: false,
            output: handshake.map(String::into_bytes).unwrap_or_default(),
            partial: Vec::new(),
        })
    }

    pub fn socket(&self) -> &TcpStream {
        &self.stream
    }

    pub fn interest(&self) -> EpollFlags {
        match self.phase {
            Phase::Connecting { .. } => EpollFlags::EPOLLOUT,
            _ => {
                let reading = if self.paused {
                    EpollFlags::empty()
                } else {
                    EpollFlags::EPOLLIN
                };
                let writing = if self.output.is_empty() {
                    EpollFlags::empty()
                } else {
                    EpollFlags::EPOLLOUT
                };
                reading | writing
            }
        }
    }

    pub fn changed_interest(&mut self) -> Option<EpollFlags> {
        let interest = self.interest();
        (std::mem::replace(&mut self.watched, interest) != interest).then_some(interest)
    }

    pub fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Connecting { .. })
    }

    pub fn speaks_http(&self) -> bool {
        self.phase == Phase::Http
    }

    /// Whether the attempt to connect has succeeded.
    pub fn connected(&mut self) -> bool {
        let websocket = self.phase == Phase::Connecting { websocket: true };
        self.phase = if websocket { Phase::Handshake } else { Phase::Http };
        matches!(self.stream.take_error(), Ok(None))
    }

    /// Errors show when reading.
    pub fn flush(&mut self) {
        if self.is_connecting() || self.output.is_empty() {
            return;
        }
        match self.stream.write(&self.output) {
            Ok(written) if written == self.output.len() => self.output.clear(),
            Ok(written) => drop(self.output.drain(..written)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.output.clear(),
        }
    }

    /// Nothing if there is nothing yet; an error at the end.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.read(buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first thing in `bytes` and its length; nothing if it is not all there.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Input<'a>, usize)>, Malformed> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if self.phase == Phase::WebSocket {
            let Some(frame) = frame::read(bytes).map_err(|_| Malformed)? else {
                return Ok(None);
            };
            let payload = &bytes[frame.payload.clone()];
            let input = match frame.opcode {
                frame::TEXT => Input::Text(payload),
                frame::BINARY => Input::Binary(payload),
                frame::CLOSE => Input::Closed,
                _ => return Err(Malformed),
            };
            return Ok(Some((input, frame.payload.end)));
        }
        let Some(response) = http::read(bytes).map_err(|_| Malformed)? else {
            return Ok(None);
        };
        let input = match (self.phase, response.status) {
            (Phase::Handshake, 101) => {
                self.phase = Phase::WebSocket;
                Input::Opened
            }
            (Phase::Http, status) => Input::Response {
                status,
                body: response.body,
            },
            _ => return Err(Malformed),
        };
        Ok(Some((input, response.end)))
    }
}
