//! Handlers that never return: `async || loop { .. }`, or `todo!()` while a program is written.

use crate::{
    handler::{IntoOutcome, IntoPassage, IntoReply, IntoVerdict},
    server::{AckSender, BoxError, ConnectError, Event, EventError},
};

/// The type `!`. Only functions may name it as what they return, so it is taken from there.
type Never = <fn() -> ! as Returns>::Output;

/// A function, to ask for what it returns.
#[expect(unnameable_types, reason = "users meet the type `!`, not the way to it")]
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

#[diagnostic::do_not_recommend]
impl IntoReply for Never {
    const ACKS: bool = false;

    fn reply(self, _: Option<AckSender>) -> Result<(), BoxError> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoOutcome for Never {
    fn outcome(self) -> Result<(), BoxError> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoPassage for Never {
    fn passage(self) -> Result<Option<Event>, EventError> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl IntoVerdict for Never {
    fn verdict(self) -> Result<(), ConnectError> {
        self
    }
}
