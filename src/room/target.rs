//! Which sockets a broadcast is for.

use smallvec::SmallVec;

use crate::{SocketId, room::Room};

/// Rooms as an argument: one name, an array, a slice, a vector, or an `Option` of one.
///
/// A name is a `&str`, `String`, [`Room`] or [`SocketId`](crate::SocketId), or a reference to one of the last three. An
/// iterator has to be collected into a `Vec` first.
///
/// An empty list is nobody, not everybody.
pub trait Rooms {
    /// Gives each room to `take`.
    fn each(self, take: &mut dyn FnMut(Room));
}

/// So many rooms are looked through for one more.
const FEW: usize = 16;

/// The sockets in any of some rooms, or all of them, but for those in any of the excepted rooms.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// `None` is everybody in the namespace; an empty list is nobody.
    pub(crate) rooms: Option<SmallVec<[Room; 1]>>,
    pub(crate) except: SmallVec<[Room; 1]>,
    /// The one socket that a socket's own broadcasts leave out.
    pub(crate) except_member: Option<u64>,
    /// And whoever has this id, where a socket may be followed by another one of the same.
    pub(crate) except_id: Option<SocketId>,
}

impl Target {
    pub(crate) fn add(&mut self, rooms: impl Rooms) {
        let selected = self.rooms.get_or_insert_default();
        rooms.each(&mut |room| {
            // Among many it isn't looked for: one that stands there twice selects nobody twice.
            if selected.len() >= FEW || !selected.contains(&room) {
                selected.push(room);
            }
        });
    }

    pub(crate) fn except(&mut self, rooms: impl Rooms) {
        rooms.each(&mut |room| self.except.push(room));
    }
}

/// The rooms as a list, so that no code of the caller's types runs under a lock.
pub(crate) fn listed(rooms: impl Rooms) -> Vec<Room> {
    let mut list = Vec::new();
    rooms.each(&mut |room| list.push(room));
    list
}

macro_rules! one_room {
    ($($name:ty),*) => {
        $(impl Rooms for $name {
            fn each(self, take: &mut dyn FnMut(Room)) {
                take(Room::from(self));
            }
        })*
    };
}

one_room!(
    &str,
    String,
    &String,
    &Room,
    crate::SocketId,
    &crate::SocketId,
    std::borrow::Cow<'_, str>
);

impl Rooms for Room {
    fn each(self, take: &mut dyn FnMut(Room)) {
        take(self);
    }
}

impl<R: Into<Room>, const N: usize> Rooms for [R; N] {
    fn each(self, take: &mut dyn FnMut(Room)) {
        self.into_iter().for_each(|room| take(room.into()));
    }
}

impl<R: Into<Room> + Clone> Rooms for &[R] {
    fn each(self, take: &mut dyn FnMut(Room)) {
        self.iter().for_each(|room| take(room.clone().into()));
    }
}

impl<R: Into<Room> + Clone> Rooms for &Vec<R> {
    fn each(self, take: &mut dyn FnMut(Room)) {
        self.as_slice().each(take);
    }
}

impl<R: Into<Room>> Rooms for Vec<R> {
    fn each(self, take: &mut dyn FnMut(Room)) {
        self.into_iter().for_each(|room| take(room.into()));
    }
}

impl<R: Into<Room>> Rooms for Option<R> {
    fn each(self, take: &mut dyn FnMut(Room)) {
        if let Some(room) = self {
            take(room.into());
        }
    }
}
