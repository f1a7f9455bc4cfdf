//! A session that waits for its client, in the rooms that its socket was in.

use std::{
    borrow::Borrow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::lifeline::Lifeline;
use crate::{SocketId, foreign::Foreign, room::Member};

/// What names a session to its own client, and to nobody else: whoever knows it gets what is sent to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Pid(Arc<str>);

/// A session whose client is away. It stays in its rooms, so that its lifeline hears what is sent to them.
#[derive(Clone)]
pub(super) struct Parked(Arc<ParkedInner>);

struct ParkedInner {
    serial: u64,
    in_own_room: AtomicBool,
    pid: Pid,
    kept: Kept,
}

/// What a socket has besides its rooms, and gets back.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) id: SocketId,
    pub(super) data: serde_json::Value,
    pub(super) extensions: Foreign<http::Extensions>,
    pub(super) lifeline: Arc<Lifeline>,
}

impl Pid {
    pub(super) fn new(id: &SocketId) -> Self {
        Self(id.as_str().into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Pid {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Parked {
    pub(super) fn new(serial: u64, in_own_room: bool, pid: Pid, kept: Kept) -> Self {
        Self(Arc::new(ParkedInner {
            serial,
            in_own_room: AtomicBool::new(in_own_room),
            pid,
            kept,
        }))
    }

    pub(super) fn pid(&self) -> &Pid {
        &self.0.pid
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.0.kept
    }

    pub(super) fn lifeline(&self) -> &Lifeline {
        &self.0.kept.lifeline
    }

    pub(super) fn leave_own_room(&self) {
        self.0.in_own_room.store(false, Ordering::Relaxed);
    }
}

impl Member for Parked {
    fn serial(&self) -> u64 {
        self.0.serial
    }

    fn id(&self) -> &SocketId {
        &self.0.kept.id
    }

    fn in_own_room(&self) -> bool {
        self.0.in_own_room.load(Ordering::Relaxed)
    }
}
