//! Who hears what: the sockets of a namespace and the rooms they are in. Pure.
//!
//! A selection is a snapshot. Members and rooms are shared copy-on-write, so that taking one costs a reference count,
//! a broadcast walks it without a lock, and a join or leave meanwhile is not delayed.

mod index;
mod joined;
mod name;
mod selection;
mod target;

pub(crate) use self::{
    index::{Index, Member, shrink},
    selection::Selection,
    target::{Target, listed},
};
pub use self::{name::Room, target::Rooms};
