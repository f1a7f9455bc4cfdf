//! The receiving half of a connection: what one read brought is answered with one write.

use std::{
    cell::RefCell,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    net::{TcpStream, tcp::OwnedReadHalf},
};

use crate::{
    frame::{self, BINARY, CLOSE, TEXT},
    hub::{Hub, open_packet},
    message,
    peer::Peer,
    polling,
    request::{self, Request},
};

const READ: usize = 64 * 1024;

pub struct Connection {
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    socket: OwnedReadHalf,
    phase: Phase,
    member: Option<usize>,
    /// The beginning of a frame or request.
    partial: Vec<u8>,
}

enum Phase {
    Http,
    /// A WebSocket that asks to take over this polling session.
    Probing(u64),
    WebSocket,
}

/// One for each worker thread, so that an idle connection owns no buffer.
#[derive(Default)]
struct Scratch {
    input: Vec<u8>,
    replies: Vec<u8>,
    to_all: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Connection {
    /// A connection that speaks HTTP first.
    pub fn bare(hub: Arc<Hub>, stream: TcpStream) -> Self {
        // Without it, two small writes in a row wait for the peer's delayed acknowledgement. It fails on a dead socket only.
        let _ = stream.set_nodelay(true);
        let (socket, sender) = stream.into_split();
        Self {
            hub,
            peer: Peer::new(sender),
            socket,
            phase: Phase::Http,
            member: None,
            partial: Vec::new(),
        }
    }

    /// A connection whose handshake is done; `session` is 0 if it has no polling session to take over.
    pub fn upgraded(hub: Arc<Hub>, stream: TcpStream, session: u64) -> Self {
        let mut connection = Self::bare(hub, stream);
        let mut replies = Vec::new();
        connection.enter(session, &mut replies);
        connection.peer.send(&replies);
        connection
    }

    pub async fn run(mut self) {
        std::future::poll_fn(|cx| {
            SCRATCH.with_borrow_mut(|scratch| {
                while ready!(self.poll_input(cx, scratch)) {}
                Poll::Ready(())
            })
        })
        .await;
        if let Some(member) = self.member {
            self.hub.leave(member);
        }
    }

    /// Reads and answers once; `false` at the end.
    fn poll_input(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<bool> {
        let kept = self.partial.len();
        if scratch.input.len() < kept + READ {
            scratch.input.resize(kept + READ, 0);
        }
        let mut unread = ReadBuf::new(&mut scratch.input[kept..]);
        if ready!(Pin::new(&mut self.socket).poll_read(cx, &mut unread)).is_err()
            || unread.filled().is_empty()
        {
            return Poll::Ready(false);
        }
        let end = kept + unread.filled().len();
        scratch.input[..kept].copy_from_slice(&self.partial);
        let Scratch {
            input,
            replies,
            to_all,
        } = scratch;
        let Some(used) = self.answer(&mut input[..end], replies, to_all) else {
            return Poll::Ready(false);
        };
        self.keep(&input[used..end]);
        for (bytes, everybody) in [(replies, false), (to_all, true)] {
            if !bytes.is_empty() {
                if everybody {
                    self.hub.broadcast(bytes)
                } else {
                    self.peer.send(bytes)
                }
                bytes.clear();
            }
        }
        Poll::Ready(true)
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.partial = Vec::new();
        } else {
            self.partial.clear();
            self.partial.extend_from_slice(rest);
        }
    }

    /// How much of the input was understood; nothing if it ends the connection.
    fn answer(&mut self, input: &mut [u8], replies: &mut Vec<u8>, to_all: &mut Vec<u8>) -> Option<usize> {
        let mut at = 0;
        while at < input.len() {
            let rest = &mut input[at..];
            if let Phase::Http = self.phase {
                let Some(request) = request::read(rest) else { break };
                at += request.end;
                self.request(&request, replies);
            } else {
                let Some(frame) = frame::read(rest) else { break };
                at += frame.payload.end;
                self.frame(frame.opcode, &rest[frame.payload], replies, to_all)?;
            }
        }
        Some(at)
    }

    fn frame(
        &mut self,
        opcode: u8,
        payload: &[u8],
        replies: &mut Vec<u8>,
        to_all: &mut Vec<u8>,
    ) -> Option<()> {
        match (&self.phase, opcode, payload) {
            (_, CLOSE, _) => return None,
            (_, BINARY, _) => message::binary(payload, replies),
            (&Phase::Probing(session), _, b"2probe") => {
                frame::write(replies, TEXT, &[b"3probe"]);
                self.hub.session(session)?.probe();
            }
            (&Phase::Probing(session), _, b"5") => {
                self.hub.close_session(session)?.upgrade(replies);
                self.phase = Phase::WebSocket;
            }
            _ => message::text(&self.hub, Some(&self.peer), payload, replies, to_all),
        }
        Some(())
    }

    fn request(&mut self, request: &Request<'_>, replies: &mut Vec<u8>) {
        if let Some(key) = request.key {
            replies.extend_from_slice(&request::switch(key));
            self.enter(request.session, replies);
        } else if request.session == 0 {
            replies.extend_from_slice(&request::answer(open_packet(self.hub.open_session()).as_bytes()));
        } else if let Some(session) = self.hub.session(request.session) {
            if request.post {
                session.post(&self.hub, request.body);
                replies.extend_from_slice(&request::answer(b"ok"));
            } else if let Some(payload) = session.poll(|| polling::Poll::Bare(self.peer.clone())) {
                replies.extend_from_slice(&request::answer(&payload));
            }
        } else {
            replies.extend_from_slice(&request::answer(polling::NOOP));
        }
    }

    /// The connection is a WebSocket now.
    fn enter(&mut self, session: u64, replies: &mut Vec<u8>) {
        self.member = Some(self.hub.enter(self.peer.clone()));
        self.phase = if session == 0 {
            frame::write(replies, TEXT, &[open_packet(self.hub.id()).as_bytes()]);
            Phase::WebSocket
        } else {
            Phase::Probing(session)
        };
    }
}
