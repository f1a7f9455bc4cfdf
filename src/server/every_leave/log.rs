//! What came to pass in a script, as handlers tell it.

use std::sync::{Mutex, MutexGuard};

use super::{Act, scene::Scene};
use crate::{
    DisconnectReason, Socket,
    server::{Event, starts::Mark},
};

/// What came to pass. Sockets are numbered in the order in which they come; so is what is said.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Comes(usize),
    Came,
    Does(Act),
    Done(Act),
    /// The first socket, which had not left, was sent away.
    Kicked(Act),
    /// The client's words have been read.
    Read(Act, usize),
    Heard {
        socket: usize,
        number: usize,
        connected: bool,
    },
    /// The handler has found its breath.
    Breathes(usize),
    /// The server has said something to the first socket, or to all.
    Said {
        number: usize,
        connected: bool,
        to_all: bool,
    },
    Leaves {
        socket: usize,
        reason: DisconnectReason,
        /// It is connected, and in its rooms.
        whole: bool,
        /// So many handlers are being started.
        starts: usize,
    },
    Left {
        socket: usize,
        reason: DisconnectReason,
        /// It is neither.
        gone: bool,
    },
    /// The other namespace has heard something.
    Witness,
    /// What is seen after an act.
    Seen {
        connected: bool,
        reachable: bool,
    },
}

/// What handlers share.
#[derive(Default)]
pub(super) struct Log {
    entries: Mutex<Vec<Entry>>,
    sockets: Mutex<Vec<Socket>>,
    pub(super) starts: Mutex<Vec<Mark>>,
    /// On its way through the connect handler.
    pub(super) scene: Mutex<Option<Scene>>,
}

/// What disconnecting handlers say.
const FAREWELL: usize = 90;

impl Log {
    pub(super) fn add(&self, entry: Entry) {
        lock(&self.entries).push(entry);
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        lock(&self.entries).clone()
    }

    pub(super) fn first(&self) -> Socket {
        lock(&self.sockets)[0].clone()
    }

    pub(super) fn sockets(&self) -> Vec<Socket> {
        lock(&self.sockets).clone()
    }

    fn number_of(&self, socket: &Socket) -> usize {
        let sockets = lock(&self.sockets);
        sockets.iter().position(|other| other == socket).unwrap()
    }

    pub(super) fn hears(&self, socket: &Socket, event: &Event) {
        self.add(Entry::Heard {
            socket: self.number_of(socket),
            number: number_of(event),
            connected: socket.is_connected(),
        });
    }

    /// Sends it away.
    pub(super) fn kick(&self, socket: &Socket, act: Act) {
        let is_inside = socket.is_inside();
        socket.disconnect(act == Act::KickAll);
        if is_inside {
            self.add(Entry::Kicked(act));
        }
    }

    pub(super) fn comes(&self, socket: &Socket) {
        socket.join("room");
        let mut sockets = lock(&self.sockets);
        sockets.push(socket.clone());
        let number = sockets.len() - 1;
        drop(sockets);
        self.add(Entry::Comes(number));
        // Its own statement: the scene goes on with it.
        let scene = lock(&self.scene).take();
        if let Some(mut scene) = scene {
            scene.plays_inside(socket);
            *lock(&self.scene) = Some(scene);
        }
    }

    pub(super) fn leaves(&self, socket: &Socket, reason: DisconnectReason) {
        self.add(Entry::Leaves {
            socket: self.number_of(socket),
            reason,
            whole: socket.is_connected() && socket.rooms().len() == 2,
            starts: lock(&self.starts).len(),
        });
        let number = FAREWELL + self.number_of(socket);
        self.add(Entry::Said {
            number,
            connected: false,
            to_all: false,
        });
        socket.emit("said", number);
    }

    pub(super) fn left(&self, socket: &Socket, reason: DisconnectReason) {
        self.add(Entry::Left {
            socket: self.number_of(socket),
            reason,
            gone: !socket.is_connected() && socket.rooms().is_empty(),
        });
    }
}

pub(super) fn number_of(event: &Event) -> usize {
    event.args[0].as_u64().unwrap().try_into().unwrap()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
