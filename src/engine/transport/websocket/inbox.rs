//! What the client says on a WebSocket, and to whom it goes.

use std::{
    borrow::Cow,
    task::{Context, Poll, ready},
};

use bytes::Bytes;

use super::reader::{Flow, Sink};
use crate::{
    Protocol,
    engine::{
        CloseReason, Connection, Receiver, Transport, clock,
        packet::{self, Packet, ParseError},
        refused,
        transport::push::handle_ping,
        turn::Turn,
    },
    websocket::{CloseCode, CloseFrame, Event},
};

/// The sink of a WebSocket that is the transport: messages go straight to the receiver.
pub(super) struct Inbox<'a> {
    connection: &'a Connection,
    receiver: &'a dyn Receiver,
    turn: Turn,
    heard: bool,
    pub(super) closed: Option<Option<CloseCode>>,
}

/// The sink of a WebSocket that isn't the transport yet.
pub(super) struct ProbeInbox {
    protocol: Protocol,
    pub(super) said: Option<ProbeWord>,
}

/// What a probing WebSocket has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProbeWord {
    Probe,
    Upgrade,
    Closed(Option<CloseCode>),
    /// Anything else ends the probe.
    Nonsense,
}

impl<'a> Inbox<'a> {
    pub(super) fn new(connection: &'a Connection, receiver: &'a dyn Receiver) -> Self {
        Self {
            connection,
            receiver,
            turn: Turn::new(),
            heard: false,
            closed: None,
        }
    }

    fn handle_packet(&mut self, packet: Packet<'_>) {
        if self.connection.is_watched() {
            self.connection.tell_packet(&packet);
        }
        match packet {
            Packet::Text(text) => {
                self.count(text.len());
                self.receiver.on_text(text);
            }
            Packet::Binary(data) => {
                self.count(data.len());
                self.receiver.on_binary(Bytes::from(data.into_owned()));
            }
            Packet::Ping(_) => handle_ping(self.connection),
            Packet::Pong(_) if self.connection.protocol() == Protocol::V4 => {
                self.connection.heard(clock::now())
            }
            // Without a meaning here, and Node ignores them: a client closes the WebSocket, not the packet stream.
            Packet::Pong(_) | Packet::Open | Packet::Close | Packet::Upgrade | Packet::Noop => {}
        }
    }

    fn handle_text(&mut self, text: &str) {
        match packet::decode_text(self.connection.protocol(), text) {
            Ok(packet) => self.handle_packet(packet),
            Err(error) => self.fail(error),
        }
    }

    fn handle_binary(&mut self, frame: Cow<'_, [u8]>) {
        match message_of(self.connection.protocol(), frame) {
            Ok(data) => {
                if self.connection.is_watched() {
                    self.connection.tell_binary(&data);
                }
                self.count(data.len());
                self.receiver.on_binary(data);
            }
            Err(error) => self.fail(error),
        }
    }

    fn count(&self, bytes: usize) {
        let instruments = &self.connection.shared().instruments;
        instruments.received(Transport::WebSocket, bytes);
    }

    fn fail(&mut self, error: ParseError) {
        refused!(self.connection, "{error}");
        self.connection.fail(CloseReason::ParseError);
    }

    /// Any packet of an Engine.IO 3 client is a sign of life. One look at the clock is enough for a read.
    fn hear(&mut self) {
        if !self.heard && self.connection.protocol() == Protocol::V3 {
            self.heard = true;
            self.connection.heard(clock::now());
        }
    }
}

impl Sink for Inbox<'_> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.connection.is_open() {
            ready!(self.receiver.poll_ready(cx));
        }
        self.connection.unblock();
        Poll::Ready(())
    }

    fn handle(&mut self, event: Event<'_>) -> Flow {
        match event {
            Event::Ping(_) | Event::Pong(_) => return Flow::Go,
            Event::Close(frame) => {
                self.closed = Some(frame.map(|frame| frame.code));
                return Flow::Stop;
            }
            Event::Text(text) => {
                self.turn.spend(text.len(), clock::now);
                // What comes after the end is not delivered.
                if self.connection.is_open() {
                    self.hear();
                    self.handle_text(text);
                }
            }
            Event::Binary(frame) => {
                self.turn.spend(frame.len(), clock::now);
                if self.connection.is_open() {
                    self.hear();
                    self.handle_binary(frame);
                }
            }
        }
        if self.turn.is_over(clock::now) {
            Flow::Stop
        } else {
            Flow::Go
        }
    }
}

impl ProbeInbox {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self { protocol, said: None }
    }
}

impl Sink for ProbeInbox {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn handle(&mut self, event: Event<'_>) -> Flow {
        self.said = Some(match event {
            Event::Ping(_) | Event::Pong(_) => return Flow::Go,
            Event::Close(frame) => ProbeWord::Closed(frame.map(|frame: CloseFrame<'_>| frame.code)),
            Event::Text(text) => match packet::decode_text(self.protocol, text) {
                Ok(Packet::Ping("probe")) => ProbeWord::Probe,
                Ok(Packet::Upgrade) => ProbeWord::Upgrade,
                _ => ProbeWord::Nonsense,
            },
            Event::Binary(_) => ProbeWord::Nonsense,
        });
        Flow::Stop
    }
}

/// The message in a binary frame, without a copy if the frame can be had.
fn message_of(protocol: Protocol, frame: Cow<'_, [u8]>) -> Result<Bytes, ParseError> {
    match frame {
        Cow::Borrowed(frame) => packet::decode_binary(protocol, frame).map(Bytes::copy_from_slice),
        Cow::Owned(frame) => {
            let start = frame.len() - packet::decode_binary(protocol, &frame)?.len();
            Ok(Bytes::from(frame).slice(start..))
        }
    }
}
