//! The sockets that a target stood for at one moment.

use std::{cell::OnceCell, sync::Arc};

use indexmap::IndexMap;

use crate::{
    SocketId,
    room::index::{Member, RoomMembers, Serial, Serials},
};

/// A snapshot of the members that a target selects. It holds no lock.
#[derive(Debug)]
pub(crate) struct Selection<M> {
    sources: Sources<M>,
    except: Vec<Arc<RoomMembers<M>>>,
    except_members: Vec<Serial>,
    /// All that are left out, where there are too many rooms to look into each for each member.
    left_out: OnceCell<Option<Serials>>,
}

/// More rooms and members that are left out than these are gathered, if that is less work than to look for each member in each of them.
const FEW: usize = 16;

#[derive(Debug)]
enum Sources<M> {
    All(Arc<IndexMap<SocketId, M>>),
    One(Arc<RoomMembers<M>>),
    /// Distinct members of several rooms.
    Several(Vec<M>),
}

impl<M: Member> Selection<M> {
    pub(super) const fn all(members: Arc<IndexMap<SocketId, M>>) -> Self {
        Self::of(Sources::All(members))
    }

    pub(super) const fn room(members: Arc<RoomMembers<M>>) -> Self {
        Self::of(Sources::One(members))
    }

    pub(super) const fn several(members: Vec<M>) -> Self {
        Self::of(Sources::Several(members))
    }

    const fn of(sources: Sources<M>) -> Self {
        Self {
            sources,
            except: Vec::new(),
            except_members: Vec::new(),
            left_out: OnceCell::new(),
        }
    }

    pub(super) fn except_room(&mut self, members: Arc<RoomMembers<M>>) {
        self.except.push(members);
    }

    pub(super) fn except_member(&mut self, serial: Serial) {
        self.except_members.push(serial);
    }

    /// Nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Each selected member once.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &M> {
        let (all, one, several) = match &self.sources {
            Sources::All(members) => (Some(members.values()), None, None),
            Sources::One(members) => (None, Some(members.values()), None),
            Sources::Several(members) => (None, None, Some(members.iter())),
        };
        let members = all.into_iter().flatten();
        let members = members
            .chain(one.into_iter().flatten())
            .chain(several.into_iter().flatten());
        members.filter(|member| self.admits(member.serial()))
    }

    /// Calls this for each selected member once.
    pub(crate) fn each(&self, mut visit: impl FnMut(&M)) {
        let all = self.except.is_empty() && self.except_members.is_empty();
        let visit = |member: &M| {
            if all || self.admits(member.serial()) {
                visit(member);
            }
        };
        match &self.sources {
            Sources::All(members) => members.values().for_each(visit),
            Sources::One(members) => members.values().for_each(visit),
            Sources::Several(members) => members.iter().for_each(visit),
        }
    }

    fn admits(&self, serial: Serial) -> bool {
        if self.except.len() + self.except_members.len() > FEW
            && let Some(left_out) = self.left_out.get_or_init(|| self.gathered())
        {
            return !left_out.contains(&serial);
        }
        !self.except_members.contains(&serial) && !self.except.iter().any(|room| room.contains_key(&serial))
    }

    /// Those who are left out, if gathering them is less work than not to.
    fn gathered(&self) -> Option<Serials> {
        let members = match &self.sources {
            Sources::All(members) => members.len(),
            Sources::One(members) => members.len(),
            Sources::Several(members) => members.len(),
        };
        let looks = members.saturating_mul(self.except.len() + self.except_members.len());
        let rooms = self.except.iter().map(|room| room.len()).sum::<usize>();
        (rooms + self.except_members.len() <= looks).then(|| {
            let in_rooms = self.except.iter().flat_map(|room| room.keys());
            in_rooms.chain(&self.except_members).copied().collect()
        })
    }
}
