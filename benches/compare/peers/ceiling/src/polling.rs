//! A session on long-polling: packets that wait for a request, or a request that waits for packets.

use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::{
    frame::{self, TEXT},
    hub::Hub,
    message::{self, Replies},
    peer::Peer,
    request,
};

/// What separates packets in a payload (Engine.IO 4).
const SEPARATOR: u8 = 0x1e;

/// The answer to a poll when a WebSocket takes over: the packet `noop`.
pub const NOOP: &[u8] = b"6";

/// A request that waits.
pub enum Poll {
    Bare(Arc<Peer>),
    Mounted(oneshot::Sender<Vec<u8>>),
}

#[derive(Default)]
pub struct Session(Mutex<State>);

#[derive(Default)]
struct State {
    packets: Payload,
    waiting: Option<Poll>,
    probed: bool,
}

#[derive(Default)]
struct Payload(Vec<u8>);

impl Replies for Payload {
    fn reply(&mut self, _opcode: u8, parts: &[&[u8]]) {
        if !self.0.is_empty() {
            self.0.push(SEPARATOR);
        }
        for part in parts {
            self.0.extend_from_slice(part);
        }
    }
}

impl Poll {
    fn answer(self, payload: Vec<u8>) {
        match self {
            Self::Bare(peer) => peer.send(&request::answer(&payload)),
            Self::Mounted(request) => drop(request.send(payload)),
        }
    }
}

impl Session {
    /// The payload for a request, or nothing: then it waits.
    pub fn poll(&self, waiter: impl FnOnce() -> Poll) -> Option<Vec<u8>> {
        let mut state = self.0.lock().expect("no holder panics");
        if state.packets.0.is_empty() && !state.probed {
            state.waiting = Some(waiter());
            return None;
        }
        let packets = std::mem::take(&mut state.packets.0);
        Some(if packets.is_empty() {
            NOOP.to_vec()
        } else {
            packets
        })
    }

    pub fn post(&self, hub: &Hub, body: &[u8]) {
        let (mut state, mut to_all) = (self.0.lock().expect("no holder panics"), Vec::new());
        for packet in body.split(|&byte| byte == SEPARATOR) {
            message::text(hub, None, packet, &mut state.packets, &mut to_all);
        }
        if !state.packets.0.is_empty()
            && let Some(waiting) = state.waiting.take()
        {
            waiting.answer(std::mem::take(&mut state.packets.0));
        }
    }

    /// A WebSocket has asked whether it may take over: whoever polls is let go.
    pub fn probe(&self) {
        let mut state = self.0.lock().expect("no holder panics");
        state.probed = true;
        if let Some(waiting) = state.waiting.take() {
            waiting.answer(NOOP.to_vec());
        }
    }

    /// What no request has fetched, as frames.
    pub fn upgrade(&self, out: &mut Vec<u8>) {
        let state = self.0.lock().expect("no holder panics");
        for packet in state
            .packets
            .0
            .split(|&byte| byte == SEPARATOR)
            .filter(|packet| !packet.is_empty())
        {
            frame::write(out, TEXT, &[packet]);
        }
    }
}
