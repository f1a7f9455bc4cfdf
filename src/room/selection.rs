//! The sockets that a target stood for at one moment.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{
    SocketId,
    room::index::{Member, RoomMembers, Serial},
};

/// A snapshot of the members that a target selects. It holds no lock.
#[derive(Debug)]
pub(crate) struct Selection<M> {
    sources: Sources<M>,
    except: Vec<Arc<RoomMembers<M>>>,
    except_members: Vec<Serial>,
}

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
        !self.except_members.contains(&serial) && !self.except.iter().any(|room| room.contains_key(&serial))
    }
}
