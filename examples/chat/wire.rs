//! What the page and the server say to each other.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Bytes of a picture. The page makes larger ones smaller before it sends them.
pub(crate) const MAX_PICTURE: usize = 1 << 20;
const MAX_TEXT: usize = 2_000;
const MAX_NAME: usize = 24;
const MAX_ROOM_NAME: usize = 32;
const MAX_ID: usize = 64;

/// What a client gives with its connection: `io({ auth: { name } })`.
#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    pub(crate) name: String,
}

/// What a client sends. Its id lets it send again after a lost connection without being heard twice.
#[derive(Debug, Deserialize)]
pub(crate) struct Draft {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) text: String,
    pub(crate) picture: Option<Picture>,
}

/// What the others receive, and what the room remembers.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) from: String,
    /// Milliseconds since 1970, as JavaScript counts them.
    pub(crate) at: u64,
    pub(crate) text: String,
    pub(crate) picture: Option<Picture>,
}

/// `Bytes` travels as a binary attachment, wherever in a structure it stands: a `Uint8Array` from the page arrives
/// here as it is, and leaves as an `ArrayBuffer`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Picture {
    pub(crate) mime: String,
    /// `None` once the room has forgotten the picture itself.
    pub(crate) bytes: Option<Bytes>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RoomSummary {
    pub(crate) name: String,
    pub(crate) people: usize,
}

/// The answer to `join`.
#[derive(Debug, Serialize)]
pub(crate) struct Entered {
    pub(crate) room: String,
    pub(crate) people: Vec<String>,
    pub(crate) history: Vec<Message>,
}

/// The answer to `message`: the first tick.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) at: u64,
}

/// `{ ok: … }` or `{ refused: "why" }`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer<T> {
    Ok(T),
    Refused(String),
}

impl<T> From<Result<T, Refusal>> for Answer<T> {
    fn from(outcome: Result<T, Refusal>) -> Self {
        outcome.map_or_else(|refusal| Self::Refused(refusal.to_string()), Self::Ok)
    }
}

/// A sentence that the page shows to its user.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) &'static str);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Refusal {}

pub(crate) fn name(text: &str) -> Result<String, Refusal> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME;
    fits.then(|| name.to_owned())
        .ok_or(Refusal("A name has 1 to 24 characters."))
}

pub(crate) fn room_name(text: &str) -> Result<&str, Refusal> {
    let plain = text.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    let fits = (1..=MAX_ROOM_NAME).contains(&text.chars().count());
    (plain && fits)
        .then_some(text)
        .ok_or(Refusal("A room's name has 1 to 32 letters, digits, - or _."))
}

impl Draft {
    pub(crate) fn signed(self, from: String, at: u64) -> Result<Message, Refusal> {
        self.check()?;
        let Self { id, text, picture } = self;
        Ok(Message {
            id,
            from,
            at,
            text,
            picture,
        })
    }

    fn check(&self) -> Result<(), Refusal> {
        if self.id.len() > MAX_ID || self.text.chars().count() > MAX_TEXT {
            return Err(Refusal("This message is too long."));
        }
        match &self.picture {
            None if self.text.trim().is_empty() => Err(Refusal("This message is empty.")),
            None => Ok(()),
            Some(picture) => picture.check(),
        }
    }
}

impl Picture {
    fn check(&self) -> Result<(), Refusal> {
        const KINDS: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
        if !KINDS.contains(&self.mime.as_str()) {
            return Err(Refusal("Only pictures can be sent."));
        }
        match self.bytes.as_ref().map_or(0, Bytes::len) {
            0 => Err(Refusal("This picture is empty.")),
            length if length > MAX_PICTURE => Err(Refusal("A picture has at most 1 MB.")),
            _ => Ok(()),
        }
    }
}
