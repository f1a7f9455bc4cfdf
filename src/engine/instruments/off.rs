//! Nothing is measured.

use super::{Dropped, RefusalReason};
use crate::{
    Protocol,
    engine::{CloseReason, Limit, Outgoing, Transport},
};

#[derive(Debug)]
pub(crate) struct Instruments;

/// Limits that were overstepped.
#[derive(Debug)]
pub(crate) struct Overstepped;

/// The moment at which something was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch;

/// What a packet weighs.
pub(crate) struct Weight;

impl Instruments {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn connected(&self, _: Transport, _: Protocol) {}

    #[inline]
    pub(crate) const fn upgraded(&self, _: Protocol) {}

    #[inline]
    pub(crate) const fn upgrade_failed(&self) {}

    #[inline]
    pub(crate) const fn disconnected(&self, _: Transport, _: Protocol, _: CloseReason) {}

    #[inline]
    pub(crate) const fn received(&self, _: Transport, _: usize) {}

    #[inline]
    pub(crate) const fn weigh(_: &Outgoing) -> Weight {
        Weight
    }

    #[inline]
    pub(crate) const fn sent(&self, _: Transport, _: Weight) {}

    #[inline]
    pub(crate) const fn dropped(&self, _: Dropped) {}

    #[inline]
    pub(crate) const fn refused(&self, _: RefusalReason) {}

    #[inline]
    pub(crate) const fn flushed(&self, _: usize) {}

    #[inline]
    pub(crate) const fn acknowledged(&self, _: Stopwatch) {}
}

impl Overstepped {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn count(&self, _: Limit) {}
}

impl Stopwatch {
    #[inline]
    pub(crate) const fn start() -> Self {
        Self
    }
}
