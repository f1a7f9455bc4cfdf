//! Events as values.

use std::iter;

use crate::{
    Value,
    packet::KeptBody,
    server::{BoxError, inbox::StoredEvent, namespace::NamespaceInner},
};

/// An event as a value: its name and its arguments, those that no other extractor has taken.
///
/// A packet middleware that returns one has it heard in the place of the one that came.
///
/// ```
/// use axum_socketio::{SocketIo, Value, extract::Event};
///
/// let io = SocketIo::new();
/// io.of("/").packet_middleware(async |mut event: Event| {
///     event.name.make_ascii_lowercase();
///     event.args.push(Value::from("checked"));
///     event
/// });
/// ```
// Exhaustive on purpose: an event is no more than this.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// The name.
    pub name: String,
    /// The arguments.
    pub args: Vec<Value>,
}

impl Event {
    /// Has the event go on as this one.
    pub(super) fn replace(self, stored: &mut StoredEvent) -> Result<(), BoxError> {
        NamespaceInner::check_event(&self.name)?;
        // Whatever the parser: as JSON, an object that only looks like a placeholder would be one.
        let name = Value::from(self.name);
        stored.body = KeptBody::Values(iter::once(name).chain(self.args).collect());
        Ok(())
    }
}
