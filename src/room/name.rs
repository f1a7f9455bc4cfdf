//! The name of a room.

use std::{borrow::Borrow, fmt};

use smol_str::SmolStr;

use crate::SocketId;

/// The name of a room: any string. Up to 23 bytes are kept without an allocation.
///
/// Every socket is in the room of its own id, so a [`SocketId`] is a `Room` too. Mind that for room names that clients
/// choose: a client that may join any room can join the one named like another client's id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Room(SmolStr);

impl Room {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Room {
    fn from(name: &str) -> Self {
        Self(SmolStr::new(name))
    }
}

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(SmolStr::from(name))
    }
}

impl From<&String> for Room {
    fn from(name: &String) -> Self {
        Self(SmolStr::new(name))
    }
}

impl From<&Self> for Room {
    fn from(room: &Self) -> Self {
        room.clone()
    }
}

impl From<SocketId> for Room {
    fn from(id: SocketId) -> Self {
        Self::from(id.as_str())
    }
}

impl From<&SocketId> for Room {
    fn from(id: &SocketId) -> Self {
        Self::from(id.as_str())
    }
}

impl From<std::borrow::Cow<'_, str>> for Room {
    fn from(name: std::borrow::Cow<'_, str>) -> Self {
        Self(SmolStr::from(name))
    }
}

impl AsRef<str> for Room {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Room {
    fn borrow(&self) -> &str {
        &self.0
    }
}

macro_rules! compares {
    ($($other:ty: $text:ident => $as_str:expr),* $(,)?) => {$(
        impl PartialEq<$other> for Room {
            fn eq(&self, $text: &$other) -> bool {
                self.as_str() == $as_str
            }
        }

        impl PartialEq<Room> for $other {
            fn eq(&self, room: &Room) -> bool {
                room == self
            }
        }
    )*};
}

compares! {
    str: text => text,
    &str: text => *text,
    String: text => text.as_str(),
    SocketId: id => id.as_str(),
    &SocketId: id => id.as_str(),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl serde::Serialize for Room {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Room {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
