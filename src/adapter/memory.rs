//! One server alone.

use futures_util::{StreamExt, future, stream};

use crate::{
    ServerId,
    adapter::{Adapter, AdapterError, Closing, Destination, Envelope, Incoming},
};

/// The default: one server, no others. Choosing it is the same as choosing none and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory;

impl Adapter for Memory {
    fn join(&self, _: &ServerId) -> Incoming {
        stream::empty().boxed()
    }

    fn publish(&self, _: Destination<'_>, _: &Envelope) -> Result<(), AdapterError> {
        Ok(())
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(future::ready(()))
    }

    fn is_alone(&self) -> bool {
        true
    }
}
