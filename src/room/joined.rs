//! The rooms of one member.

use indexmap::IndexSet;

use crate::room::{Room, shrink};

/// More rooms than these are found by their names and not looked through.
const FEW: usize = 32;

/// The rooms that a member has joined, in that order; of one that is in many and leaves some, in any.
#[derive(Debug)]
pub(super) enum Joined {
    /// What nearly all have costs no table.
    Few(Vec<Room>),
    /// Clients may choose the names, and go in and out as they like: to leave one costs no look at all others.
    Many(Box<IndexSet<Room>>),
}

impl Joined {
    /// Adds a room that isn't among them.
    pub(super) fn push(&mut self, room: Room) {
        match self {
            Self::Few(rooms) if rooms.len() < FEW => rooms.push(room),
            Self::Few(rooms) => {
                let rooms = std::mem::take(rooms);
                *self = Self::Many(Box::new(rooms.into_iter().chain([room]).collect()));
            }
            Self::Many(rooms) => {
                rooms.insert(room);
            }
        }
    }

    /// Whether it was among them.
    pub(super) fn remove(&mut self, room: &Room) -> bool {
        match self {
            Self::Few(rooms) => {
                let position = rooms.iter().position(|known| known == room);
                position.map(|position| rooms.remove(position)).is_some()
            }
            Self::Many(rooms) => {
                let was = rooms.swap_remove(room);
                shrink(rooms.len(), rooms.capacity(), |to| rooms.shrink_to(to));
                was
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(rooms) => rooms.is_empty(),
            Self::Many(rooms) => rooms.is_empty(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Room> {
        let (few, many) = match self {
            Self::Few(rooms) => (Some(rooms), None),
            Self::Many(rooms) => (None, Some(rooms)),
        };
        few.into_iter()
            .flatten()
            .chain(many.into_iter().flat_map(|rooms| rooms.iter()))
    }

    pub(super) fn into_vec(self) -> Vec<Room> {
        match self {
            Self::Few(rooms) => rooms,
            Self::Many(rooms) => rooms.into_iter().collect(),
        }
    }
}

impl Default for Joined {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}
