//! JSON where it lies: finding values without reading them, and strings that need no unescaping.
//!
//! What serde would do in one pass per purpose (check, slice, read) is done in one pass for all of them here, because every
//! event goes through it. Everything that is not a plain string is left to `serde_json`.

mod plain;
mod read;
mod scan;
mod text;
mod write;

pub(crate) use self::text::JsonText;
pub(super) use self::{
    read::from_json,
    scan::{Element, Scanner},
    write::{TextAsBytes, TextNext, string},
};

#[cfg(test)]
mod tests;
