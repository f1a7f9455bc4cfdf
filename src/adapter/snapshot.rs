//! Sockets as servers show them to each other.

use std::{fmt, sync::Arc};

use crate::{adapter::message, packet::Value, room::Room};

/// A socket as other servers see it, at the moment of asking.
///
/// Its `Debug` output has none of it: a handshake holds credentials, and so may the data.
#[derive(Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Its id.
    pub id: Box<str>,
    /// How it came.
    pub handshake: RemoteHandshake,
    /// The rooms that it is in, with that of its own id.
    pub rooms: Vec<Room>,
    /// What the socket's server keeps with it for others.
    pub data: Value,
}

/// Node's `handshake`: an object of `headers`, `time`, `address`, `xdomain`, `secure`, `issued`, `url`, `query`, `auth`.
///
/// Of a socket of this process it is a reference: clients choose what is in it, and may be many, so the object is only made where
/// [somebody wants it](Self::to_value). What came over a wire is made [from](From::from) the object there.
#[derive(Clone)]
pub struct RemoteHandshake(Source);

#[derive(Clone)]
enum Source {
    Here(Arc<dyn Describe>),
    Elsewhere(Arc<Value>),
}

/// What can say what it is when it is asked.
pub(crate) trait Describe: Send + Sync {
    fn describe(&self) -> Value;
}

/// What a reference to a handshake costs, roughly.
const REFERENCE: usize = 64;

impl RemoteHandshake {
    pub(crate) fn new(described: impl Describe + 'static) -> Self {
        Self(Source::Here(Arc::new(described)))
    }

    /// The object, for whoever reads it or sends it on.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.0 {
            Source::Here(handshake) => handshake.describe(),
            Source::Elsewhere(value) => Value::clone(value),
        }
    }

    /// How many bytes it is, roughly.
    fn size(&self) -> usize {
        match &self.0 {
            Source::Here(_) => REFERENCE,
            Source::Elsewhere(value) => value.size(),
        }
    }
}

impl From<Value> for RemoteHandshake {
    fn from(value: Value) -> Self {
        Self(Source::Elsewhere(Arc::new(value)))
    }
}

impl Default for RemoteHandshake {
    fn default() -> Self {
        Value::Null.into()
    }
}

impl PartialEq for RemoteHandshake {
    fn eq(&self, other: &Self) -> bool {
        self.to_value() == other.to_value()
    }
}

impl Snapshot {
    /// How many bytes it is, roughly.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.handshake.size() + self.data.size() + message::size(&self.rooms)
    }
}

impl fmt::Debug for RemoteHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandshake").finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    // The id too: that of an Engine.IO 3 client is its session's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}
