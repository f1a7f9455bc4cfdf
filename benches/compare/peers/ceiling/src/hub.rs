//! Everybody who is connected, the rooms, and the polling sessions.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use slab::Slab;

use crate::{peer::Peer, polling::Session};

type Members = Vec<Arc<Peer>>;

#[derive(Default)]
pub struct Hub {
    members: Mutex<Slab<Arc<Peer>>>,
    rooms: Mutex<HashMap<Box<[u8]>, Members>>,
    sessions: Mutex<HashMap<u64, Arc<Session>>>,
    ids: AtomicU64,
}

impl Hub {
    pub fn enter(&self, peer: Arc<Peer>) -> usize {
        self.members.lock().expect("no holder panics").insert(peer)
    }

    pub fn leave(&self, key: usize) {
        let peer = self.members.lock().expect("no holder panics").remove(key);
        for members in self.rooms.lock().expect("no holder panics").values_mut() {
            members.retain(|member| !Arc::ptr_eq(member, &peer));
        }
    }

    pub fn broadcast(&self, frames: &[u8]) {
        for (_, member) in &*self.members.lock().expect("no holder panics") {
            member.send(frames);
        }
    }

    pub fn join(&self, room: &[u8], peer: &Arc<Peer>) {
        let mut rooms = self.rooms.lock().expect("no holder panics");
        rooms.entry(room.into()).or_default().push(peer.clone());
    }

    pub fn to_room(&self, room: &[u8], frames: &[u8]) {
        for member in self
            .rooms
            .lock()
            .expect("no holder panics")
            .get(room)
            .into_iter()
            .flatten()
        {
            member.send(frames);
        }
    }

    pub fn id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn open_session(&self) -> u64 {
        let id = self.id();
        self.sessions
            .lock()
            .expect("no holder panics")
            .insert(id, Arc::default());
        id
    }

    pub fn session(&self, id: u64) -> Option<Arc<Session>> {
        self.sessions.lock().expect("no holder panics").get(&id).cloned()
    }

    pub fn close_session(&self, id: u64) -> Option<Arc<Session>> {
        self.sessions.lock().expect("no holder panics").remove(&id)
    }
}

/// The open packet of Engine.IO.
pub fn open_packet(id: u64) -> String {
    format!(
        r#"0{{"sid":"{id:020}","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    )
}
