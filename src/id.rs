//! Identifiers: sessions, sockets, servers.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use smol_str::SmolStr;

/// Random bytes behind a generated identifier: 15 bytes are 20 characters of base64url.
pub(crate) const RANDOM_BYTES: usize = 15;

/// The id of an Engine.IO session, `sid` in the query of every later request.
///
/// It is the only credential of a polling session, so its `Debug` output is redacted and it is never logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(SmolStr);

/// The id of a socket: unique per namespace and connection, safe to show to other clients.
///
/// For Engine.IO 4 clients it is drawn fresh for every namespace. Clients of Engine.IO 3 compute their own id
/// (`sid` in `/`, `/nsp#sid` elsewhere), so for those the id gives the session id away.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(SmolStr);

/// The id of a server in a cluster: 16 hexadecimal digits where this crate draws it, any string where another server did.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(SmolStr);

impl ServerId {
    /// The id made of these random bytes.
    #[must_use]
    pub(crate) fn from_random(bytes: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(bytes)).into())
    }

    /// The id as other servers see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ServerId {
    fn from(id: &str) -> Self {
        Self(SmolStr::new(id))
    }
}

impl From<String> for ServerId {
    fn from(id: String) -> Self {
        Self(SmolStr::from(id))
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl SessionId {
    /// The id made of these random bytes.
    #[must_use]
    pub(crate) fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self {
        Self(encode(bytes))
    }

    /// The id as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SocketId {
    /// The id made of these random bytes.
    #[must_use]
    pub(crate) fn from_random(bytes: [u8; RANDOM_BYTES]) -> Self {
        Self(encode(bytes))
    }

    /// The id as clients see it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn encode(bytes: [u8; RANDOM_BYTES]) -> SmolStr {
    let mut text = [0; 20];
    let written = URL_SAFE_NO_PAD
        .encode_slice(bytes, &mut text)
        .expect("invariant: 15 bytes are 20 characters");
    SmolStr::new(std::str::from_utf8(&text[..written]).expect("invariant: base64 is ASCII"))
}

impl From<&str> for SessionId {
    fn from(id: &str) -> Self {
        Self(SmolStr::new(id))
    }
}

impl From<String> for SessionId {
    fn from(id: String) -> Self {
        Self(SmolStr::from(id))
    }
}

impl std::borrow::Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

impl From<&str> for SocketId {
    fn from(id: &str) -> Self {
        Self(SmolStr::new(id))
    }
}

impl From<String> for SocketId {
    fn from(id: String) -> Self {
        Self(SmolStr::from(id))
    }
}

impl PartialEq<str> for SocketId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SocketId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for SocketId {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

impl AsRef<str> for SocketId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SocketId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl serde::Serialize for SocketId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for SocketId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer).map(|id| Self::from(&*id))
    }
}
