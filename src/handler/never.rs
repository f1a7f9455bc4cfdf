//! Handlers that never return: `async || loop { .. }`, or `todo!()` while a program is written.

use crate::{
    handler::{Function, IntoOutcome, IntoReply, IntoVerdict},
    server::{AckSender, BoxError, ConnectError},
};

/// The type `!`. Only functions may name it as what they return, so it is taken from there.
type Never = <fn() -> ! as Function<()>>::Output;

impl IntoReply for Never {
    const ACKS: bool = false;

    fn reply(self, _: Option<AckSender>) -> Result<(), BoxError> {
        self
    }
}

impl IntoOutcome for Never {
    fn outcome(self) -> Result<(), BoxError> {
        self
    }
}

impl IntoVerdict for Never {
    fn verdict(self) -> Result<(), ConnectError> {
        self
    }
}
