//! All connections of a scenario, driven by one thread with epoll.

mod connection;
mod frame;
pub mod http;

use std::{io, net::Ipv4Addr, time::Duration};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use self::connection::{Connection, Input};

const SCRATCH: usize = 256 * 1024;

/// What happens to connections. The numbers are those that [`Net::connect`] and [`Net::websocket`] return.
pub trait Handler {
    /// The connection is there; for WebSockets, after the handshake.
    fn opened(&mut self, _net: &mut Net, _id: usize) {}
    fn text(&mut self, _net: &mut Net, _id: usize, _text: &[u8]) {}
    fn binary(&mut self, _net: &mut Net, _id: usize, _bytes: &[u8]) {}
    fn response(&mut self, _net: &mut Net, _id: usize, _status: u16, _body: &[u8]) {}
    /// The server closed it, or sent something that is no HTTP and no WebSocket.
    fn closed(&mut self, _net: &mut Net, _id: usize) {}
}

pub struct Net {
    port: u16,
    epoll: Epoll,
    connections: Vec<Option<Connection>>,
    /// Those with something to write.
    dirty: Vec<usize>,
    scratch: Vec<u8>,
    mask: u32,
}

impl Net {
    pub fn new(port: u16) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let scratch = vec![0; SCRATCH];
        Ok(Self {
            port,
            epoll,
            connections: Vec::new(),
            dirty: Vec::new(),
            scratch,
            mask: 0x9e37_79b9,
        })
    }

    /// A connection for HTTP requests. `tag` is given back by [`Net::tag`].
    pub fn connect(&mut self, tag: usize) -> io::Result<usize> {
        self.add(None, tag, None)
    }

    /// A WebSocket.
    pub fn websocket(&mut self, path: &str, tag: usize) -> io::Result<usize> {
        self.add(Some(http::upgrade(path)), tag, None)
    }

    /// A WebSocket with a receive buffer of so many bytes.
    pub fn small_websocket(&mut self, path: &str, tag: usize, buffer: usize) -> io::Result<usize> {
        self.add(Some(http::upgrade(path)), tag, Some(buffer))
    }

    fn add(&mut self, handshake: Option<String>, tag: usize, buffer: Option<usize>) -> io::Result<usize> {
        let id = self.connections.len();
        // One address has 28,000 ports, and closed connections keep theirs for a minute.
        let source = Ipv4Addr::new(127, 0, 0, 2 + (id % 200) as u8);
        let connection = Connection::new(source, self.port, handshake, tag, buffer)?;
        self.epoll.add(
            connection.socket(),
            EpollEvent::new(connection.interest(), id as u64),
        )?;
        self.connections.push(Some(connection));
        Ok(id)
    }

    /// How many connections there have been.
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    pub fn tag(&self, id: usize) -> usize {
        self.connections[id]
            .as_ref()
            .map_or(usize::MAX, |connection| connection.tag)
    }

    pub fn send_text(&mut self, id: usize, text: &[u8]) {
        self.send_frame(id, frame::TEXT, text);
    }

    pub fn send_binary(&mut self, id: usize, bytes: &[u8]) {
        self.send_frame(id, frame::BINARY, bytes);
    }

    fn send_frame(&mut self, id: usize, opcode: u8, payload: &[u8]) {
        self.mask = self.mask.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mask = self.mask.to_ne_bytes();
        self.queue(id, |out| frame::write(out, opcode, payload, mask));
    }

    pub fn send_request(&mut self, id: usize, request: &str) {
        self.queue(id, |out| out.extend_from_slice(request.as_bytes()));
    }

    fn queue(&mut self, id: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(connection) = &mut self.connections[id] {
            if connection.output.is_empty() {
                self.dirty.push(id);
            }
            write(&mut connection.output);
        }
    }

    /// Stops reading, or goes on.
    pub fn pause(&mut self, id: usize, paused: bool) -> io::Result<()> {
        let Some(connection) = &mut self.connections[id] else {
            return Ok(());
        };
        connection.paused = paused;
        Self::watch(&self.epoll, connection, id)
    }

    pub fn close(&mut self, id: usize) {
        self.connections[id] = None;
    }

    pub fn close_all(&mut self) {
        self.connections
            .iter_mut()
            .for_each(|connection| *connection = None);
    }

    /// Writes what was sent, waits until something happens, and tells it to the handler.
    pub fn poll(&mut self, limit: Duration, handler: &mut impl Handler) -> io::Result<()> {
        self.flush()?;
        let mut events = [EpollEvent::empty(); 512];
        let limit = EpollTimeout::try_from(limit).unwrap_or(EpollTimeout::MAX);
        let count = self.epoll.wait(&mut events, limit)?;
        for event in &events[..count] {
            self.ready(event.data() as usize, event.events(), handler)?;
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            if let Some(connection) = &mut self.connections[id] {
                connection.flush();
                Self::watch(&self.epoll, connection, id)?;
            }
        }
        self.dirty = dirty;
        Ok(())
    }

    fn watch(epoll: &Epoll, connection: &mut Connection, id: usize) -> io::Result<()> {
        if let Some(interest) = connection.changed_interest() {
            epoll.modify(connection.socket(), &mut EpollEvent::new(interest, id as u64))?;
        }
        Ok(())
    }

    fn ready(&mut self, id: usize, events: EpollFlags, handler: &mut impl Handler) -> io::Result<()> {
        let Some(connection) = &mut self.connections[id] else {
            return Ok(());
        };
        if connection.is_connecting() {
            if !connection.connected() {
                self.lose(id, handler);
                return Ok(());
            }
            if connection.speaks_http() {
                handler.opened(self, id);
            } else {
                self.dirty.push(id);
            }
        } else if events.contains(EpollFlags::EPOLLOUT) {
            connection.flush();
        }
        if let Some(connection) = &mut self.connections[id] {
            Self::watch(&self.epoll, connection, id)?;
        }
        if events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
            self.receive(id, handler);
        }
        Ok(())
    }

    fn receive(&mut self, id: usize, handler: &mut impl Handler) {
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.connections[id]
            .as_mut()
            .map(|connection| connection.read(&mut scratch))
        {
            None | Some(Ok(None)) => {}
            Some(Err(_)) => self.lose(id, handler),
            Some(Ok(Some(count))) => self.input(id, &scratch[..count], handler),
        }
        self.scratch = scratch;
    }

    fn input(&mut self, id: usize, bytes: &[u8], handler: &mut impl Handler) {
        let Some(connection) = &mut self.connections[id] else {
            return;
        };
        let mut kept = std::mem::take(&mut connection.partial);
        let bytes = if kept.is_empty() {
            bytes
        } else {
            kept.extend_from_slice(bytes);
            &kept
        };
        let mut at = 0;
        while let Some(connection) = &mut self.connections[id] {
            let Ok(input) = connection.decode(&bytes[at..]) else {
                return self.lose(id, handler);
            };
            let Some((input, used)) = input else { break };
            at += used;
            self.tell(id, input, handler);
        }
        let Some(connection) = &mut self.connections[id] else {
            return;
        };
        if at == 0 && !kept.is_empty() {
            connection.partial = kept;
        } else {
            connection.partial = bytes[at..].to_vec();
        }
    }

    fn tell(&mut self, id: usize, input: Input<'_>, handler: &mut impl Handler) {
        match input {
            Input::Opened => handler.opened(self, id),
            // Engine.IO's ping.
            Input::Text(b"2") => self.send_text(id, b"3"),
            Input::Text(text) => handler.text(self, id, text),
            Input::Binary(bytes) => handler.binary(self, id, bytes),
            Input::Response { status, body } => handler.response(self, id, status, body),
            Input::Closed => self.lose(id, handler),
        }
    }

    fn lose(&mut self, id: usize, handler: &mut impl Handler) {
        self.close(id);
        handler.closed(self, id);
    }
}
