//! The arguments' JSON.

use crate::packet::json::Element;

/// Few events have more arguments than this; those that have take an allocation.
const INLINE: usize = 4;

/// A list of slices of the packet. (Not a `SmallVec`: that one is invariant, and then the attachments would have to live as long
/// as the text.)
#[derive(Clone, Debug, Default)]
pub(super) struct Slices<'a> {
    first: [Element<'a>; INLINE],
    more: Vec<Element<'a>>,
    len: usize,
}

impl<'a> Slices<'a> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<Element<'a>> {
        match index.checked_sub(INLINE) {
            _ if index >= self.len => None,
            None => Some(self.first[index]),
            Some(index) => self.more.get(index).copied(),
        }
    }

    pub(super) fn push(&mut self, slice: Element<'a>) {
        match self.first.get_mut(self.len) {
            Some(free) => *free = slice,
            None => self.more.push(slice),
        }
        self.len += 1;
    }
}
