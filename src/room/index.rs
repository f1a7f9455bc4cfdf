//! The sockets of a namespace and the rooms they are in.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use indexmap::IndexMap;

use crate::{
    SocketId,
    room::{Room, Rooms, Selection, Target, joined::Joined},
};

/// A number that no other member of the process has or had.
pub(crate) type Serial = u64;

pub(super) type RoomMembers<M> = IndexMap<Serial, M, BuildHasherDefault<SerialHasher>>;

pub(super) type Serials = HashSet<Serial, BuildHasherDefault<SerialHasher>>;

/// What the index needs to know of a member.
pub(crate) trait Member: Clone {
    fn serial(&self) -> Serial;
    fn id(&self) -> &SocketId;
    /// Whether the member still is in the room of its own id. That room costs no entry of its own.
    fn in_own_room(&self) -> bool;
}

/// All members of a namespace, and who is in which room.
#[derive(Debug)]
pub(crate) struct Index<M> {
    members: Arc<IndexMap<SocketId, M>>,
    rooms: HashMap<Room, Arc<RoomMembers<M>>>,
    /// Only members that joined some room have an entry.
    joined: HashMap<Serial, Joined, BuildHasherDefault<SerialHasher>>,
}

impl<M: Member> Index<M> {
    pub(crate) fn new() -> Self {
        Self {
            members: Arc::default(),
            rooms: HashMap::new(),
            joined: HashMap::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&M> {
        self.members.get(id)
    }

    /// Whether it is a member, and not only in rooms.
    pub(crate) fn has(&self, member: &M) -> bool {
        let known = self.members.get(member.id());
        known.is_some_and(|known| known.serial() == member.serial())
    }

    /// Makes the member one of the namespace: from now on broadcasts reach it.
    pub(crate) fn insert(&mut self, member: M) {
        Arc::make_mut(&mut self.members).insert(member.id().clone(), member);
    }

    /// Forgets the member and takes it out of all rooms; gives back those it had joined.
    pub(crate) fn remove(&mut self, member: &M) -> Vec<Room> {
        let rooms = self.forget_joined(member.serial());
        for room in &rooms {
            self.take_out(room, member.serial());
        }
        // An id can come back while its former owner is still being cleaned up.
        if self.has(member) {
            let members = Arc::make_mut(&mut self.members);
            members.swap_remove(member.id());
            shrink(members.len(), members.capacity(), |to| members.shrink_to(to));
        }
        rooms
    }

    /// Puts the member into the rooms that it isn't in yet.
    pub(crate) fn join(&mut self, member: &M, rooms: impl Rooms) {
        rooms.each(&mut |room| {
            let members = Arc::make_mut(self.rooms.entry(room.clone()).or_default());
            if members.insert(member.serial(), member.clone()).is_none() {
                self.joined.entry(member.serial()).or_default().push(room);
            }
        });
    }

    /// Takes the member out of a room; `false` if it was not in it.
    pub(crate) fn leave(&mut self, member: &M, room: &Room) -> bool {
        let Some(joined) = self.joined.get_mut(&member.serial()) else {
            return false;
        };
        if !joined.remove(room) {
            return false;
        }
        if joined.is_empty() {
            self.forget_joined(member.serial());
        }
        self.take_out(room, member.serial());
        true
    }

    /// The rooms that the member joined, without the one of its own id.
    pub(crate) fn joined(&self, member: &M) -> impl Iterator<Item = &Room> {
        let joined = self.joined.get(&member.serial());
        joined.into_iter().flat_map(Joined::iter)
    }

    /// Whether the member joined this room.
    pub(crate) fn has_joined(&self, member: &M, room: &str) -> bool {
        let members = self.rooms.get(room);
        members.is_some_and(|members| members.contains_key(&member.serial()))
    }

    /// The names of all rooms that somebody joined.
    pub(crate) fn room_names(&self) -> impl Iterator<Item = &Room> {
        self.rooms.keys()
    }

    /// A snapshot of whom the target means now.
    pub(crate) fn select(&self, target: &Target) -> Selection<M> {
        let mut selection = match target.rooms.as_deref() {
            None => Selection::all(self.members.clone()),
            Some([room]) => self.select_one(room),
            Some(rooms) => Selection::several(self.union(rooms)),
        };
        if let Some(serial) = target.except_member {
            selection.except_member(serial);
        }
        if let Some(member) = target.except_id.as_ref().and_then(|id| self.members.get(id)) {
            selection.except_member(member.serial());
        }
        for room in &target.except {
            if let Some(members) = self.rooms.get(room) {
                selection.except_room(members.clone());
            }
            if let Some(owner) = self.owner(room) {
                selection.except_member(owner.serial());
            }
        }
        selection
    }

    fn select_one(&self, room: &Room) -> Selection<M> {
        match (self.rooms.get(room), self.owner(room)) {
            (Some(members), None) => Selection::room(members.clone()),
            (None, Some(owner)) => Selection::several(vec![owner.clone()]),
            (None, None) => Selection::several(Vec::new()),
            (Some(_), Some(_)) => Selection::several(self.union(std::slice::from_ref(room))),
        }
    }

    fn union(&self, rooms: &[Room]) -> Vec<M> {
        let mut seen = Serials::default();
        let mut union = Vec::new();
        for room in rooms {
            let members = self
                .rooms
                .get(room)
                .into_iter()
                .flat_map(|members| members.values());
            for member in members.chain(self.owner(room)) {
                if seen.insert(member.serial()) {
                    union.push(member.clone());
                }
            }
        }
        union
    }

    /// The member whose own room this is.
    fn owner(&self, room: &Room) -> Option<&M> {
        self.members
            .get(room.as_str())
            .filter(|member| member.in_own_room())
    }

    fn forget_joined(&mut self, serial: Serial) -> Vec<Room> {
        let rooms = self.joined.remove(&serial);
        shrink(self.joined.len(), self.joined.capacity(), |to| {
            self.joined.shrink_to(to)
        });
        rooms.map(Joined::into_vec).unwrap_or_default()
    }

    fn take_out(&mut self, room: &Room, serial: Serial) {
        let Some(shared) = self.rooms.get_mut(room) else {
            return;
        };
        if shared.len() == 1 && shared.contains_key(&serial) {
            self.rooms.remove(room);
            shrink(self.rooms.len(), self.rooms.capacity(), |to| {
                self.rooms.shrink_to(to)
            });
            return;
        }
        let members = Arc::make_mut(shared);
        members.swap_remove(&serial);
        shrink(members.len(), members.capacity(), |to| members.shrink_to(to));
    }
}

/// Gives memory back when three quarters of it are unused: amortised, each removal costs constant time.
pub(crate) fn shrink(len: usize, capacity: usize, shrink_to: impl FnOnce(usize)) {
    if capacity > 64 && len < capacity / 4 {
        shrink_to(len * 2);
    }
}

/// Serial numbers are dense and not chosen by peers, so a multiplication spreads them well enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SerialHasher(u64);

impl Hasher for SerialHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 / golden ratio (Fibonacci hashing); the rotation brings the well-mixed bits to both ends.
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(32);
    }
}

#[cfg(test)]
mod tests;
