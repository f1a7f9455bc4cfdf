//! What servers say to each other.

use std::time::Duration;

use crate::{
    ServerId, SocketId,
    adapter::{Payload, Snapshot},
    room::{Room, Target},
};

/// A message with its sender. Everything is said within one namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The server that says it: `uid` on Node's wire. Emitters, which are no servers, are all called `emitter`.
    pub sender: ServerId,
    /// The namespace, with its leading `/`: `nsp`.
    pub namespace: Box<str>,
    /// What is said.
    pub message: Message,
}

/// What a message says: the vocabulary of Node's cluster adapters, whose type numbers are given.
///
/// A server that doesn't know a message ignores it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// 1: a server has come; every other answers with a [`Heartbeat`](Self::Heartbeat).
    InitialHeartbeat,
    /// 2: the server is there.
    Heartbeat,
    /// 3: an event for the selected sockets of every server.
    Broadcast {
        /// The name and the arguments.
        packet: Payload,
        /// Who gets it, and how.
        options: Options,
        /// Where acknowledgements are wanted, the request that they belong to.
        request: Option<RequestId>,
    },
    /// 4: the selected sockets join rooms.
    Join {
        /// Which sockets.
        options: Options,
        /// Which rooms.
        rooms: Vec<Room>,
    },
    /// 5: the selected sockets leave rooms.
    Leave {
        /// Which sockets.
        options: Options,
        /// Which rooms.
        rooms: Vec<Room>,
    },
    /// 6: the selected sockets are disconnected.
    Disconnect {
        /// Which sockets.
        options: Options,
        /// Their connections are closed too.
        close: bool,
    },
    /// 7: who is there?
    Fetch {
        /// Which sockets are meant.
        options: Options,
        /// The request to answer.
        request: RequestId,
    },
    /// 8: the answer to a [`Fetch`](Self::Fetch).
    Fetched {
        /// The request answered.
        request: RequestId,
        /// The sockets of the sender.
        sockets: Vec<Snapshot>,
    },
    /// 9: an event for the servers themselves.
    ServerEvent {
        /// The name and the arguments.
        packet: Payload,
        /// Where an answer is wanted, the request that it belongs to.
        request: Option<RequestId>,
    },
    /// 10: the answer to a [`ServerEvent`](Self::ServerEvent).
    ServerAck {
        /// The request answered.
        request: RequestId,
        /// The arguments of the answer; Node's wire has place for the first only.
        packet: Payload,
    },
    /// 11: how many clients of the sender got a broadcast that wants acknowledgements. Once per server.
    ClientCount {
        /// The request of the broadcast.
        request: RequestId,
        /// That many acknowledgements may come.
        clients: usize,
    },
    /// 12: a client of the sender has acknowledged.
    ClientAck {
        /// The request of the broadcast.
        request: RequestId,
        /// Which client, where the sender says so: a Node server doesn't.
        socket: Option<SocketId>,
        /// The arguments; Node's wire has place for the first only.
        packet: Payload,
    },
    /// 13: the server goes.
    Close,
    /// No number in Node, whose servers wait for the time to run out: every client of the sender has acknowledged or left. A back
    /// end SHOULD carry it to servers of this crate, or broadcasts wait in vain for clients that have left meanwhile; Node servers
    /// must not get it under any of the numbers above.
    ClientsDone {
        /// The request of the broadcast.
        request: RequestId,
    },
}

/// A request that is waited for: 16 hexadecimal digits where this crate draws it.
pub type RequestId = Box<str>;

/// Which sockets are meant, and how they get an event: `opts` on Node's wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Sockets in any of these; none is everybody.
    pub rooms: Vec<Room>,
    /// But nobody who is in any of these.
    pub except: Vec<Room>,
    /// For events only.
    pub flags: Flags,
}

/// How an event is delivered: `opts.flags`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Dropped where a transport can't take it at once.
    pub volatile: bool,
    /// Whether it is compressed, where the sender says so.
    pub compress: Option<bool>,
    /// How long acknowledgements are waited for, where the sender says so.
    pub timeout: Option<Duration>,
}

impl Options {
    pub(crate) fn target(&self) -> Target {
        let mut target = Target::default();
        if !self.rooms.is_empty() {
            target.add(&self.rooms);
        }
        target.except(&self.except);
        target
    }

    /// How many bytes it is, roughly.
    pub(super) fn size(&self) -> usize {
        size(&self.rooms) + size(&self.except)
    }

    /// What other servers are told; `None` where nobody is meant.
    pub(crate) fn of(target: &Target, flags: Flags) -> Option<Self> {
        let rooms = match &target.rooms {
            Some(rooms) if rooms.is_empty() => return None,
            rooms => rooms.iter().flatten().cloned().collect(),
        };
        Some(Self {
            rooms,
            except: target.except.to_vec(),
            flags,
        })
    }
}

/// How many bytes the rooms are, roughly.
pub(super) fn size(rooms: &[Room]) -> usize {
    let bytes = |room: &Room| size_of::<Room>() + room.as_ref().len();
    rooms.iter().map(bytes).sum()
}
