//! What the server remembers: who is in which room, and what was said there lately. All of it is bounded, and all of
//! it is gone when the server stops.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::wire::{Entered, Message, Refusal, RoomSummary};

const LOBBY: &str = "lobby";
const MAX_ROOMS: usize = 32;
const MAX_HISTORY: usize = 100;
/// The history goes to a newcomer in one packet, and JavaScript clients accept 10 attachments a packet.
const MAX_PICTURES: usize = 6;

/// Every room by its name. Clones share it, as axum's `State` expects.
#[derive(Clone, Debug)]
pub(crate) struct Rooms {
    by_name: Arc<Mutex<BTreeMap<String, Room>>>,
}

#[derive(Debug, Default)]
struct Room {
    /// How many tabs each person has open here.
    tabs: BTreeMap<String, usize>,
    history: VecDeque<Message>,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        let lobby = BTreeMap::from([(LOBBY.to_owned(), Room::default())]);
        Self {
            by_name: Arc::new(Mutex::new(lobby)),
        }
    }

    /// Says whether this is the person's first tab here.
    pub(crate) fn enter(&self, room: &str, person: &str) -> Result<bool, Refusal> {
        let mut rooms = self.lock();
        if !rooms.contains_key(room) {
            make_space(&mut rooms)?;
        }
        let tabs = rooms
            .entry(room.to_owned())
            .or_default()
            .tabs
            .entry(person.to_owned())
            .or_default();
        *tabs += 1;
        Ok(*tabs == 1)
    }

    /// Says whether this was the person's last tab here.
    pub(crate) fn leave(&self, room: &str, person: &str) -> bool {
        let mut rooms = self.lock();
        let Some(left) = rooms.get_mut(room) else {
            return false;
        };
        let last = left.close_tab(person);
        if room != LOBBY && left.tabs.is_empty() && left.history.is_empty() {
            rooms.remove(room);
        }
        last
    }

    /// Remembers a message, or says when the same one came before.
    pub(crate) fn keep(&self, room: &str, message: &Message) -> Result<(), u64> {
        self.lock().entry(room.to_owned()).or_default().keep(message)
    }

    pub(crate) fn look(&self, room: &str) -> Entered {
        let rooms = self.lock();
        let found = rooms.get(room);
        Entered {
            room: room.to_owned(),
            people: found.map(Room::people).unwrap_or_default(),
            history: found
                .map(|room| room.history.iter().cloned().collect())
                .unwrap_or_default(),
        }
    }

    pub(crate) fn people(&self, room: &str) -> Vec<String> {
        self.lock().get(room).map(Room::people).unwrap_or_default()
    }

    /// By name, the lobby first.
    pub(crate) fn list(&self) -> Vec<RoomSummary> {
        let rooms = self.lock();
        let summary = |(name, room): (&String, &Room)| RoomSummary {
            name: name.clone(),
            people: room.tabs.len(),
        };
        let mut list: Vec<_> = rooms.iter().map(summary).collect();
        list.sort_by_key(|room| room.name != LOBBY);
        list
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Room>> {
        self.by_name
            .lock()
            .expect("invariant: nothing panics while the rooms are locked")
    }
}

impl Room {
    fn people(&self) -> Vec<String> {
        self.tabs.keys().cloned().collect()
    }

    fn close_tab(&mut self, person: &str) -> bool {
        let Some(tabs) = self.tabs.get_mut(person) else {
            return false;
        };
        *tabs -= 1;
        let last = *tabs == 0;
        if last {
            self.tabs.remove(person);
        }
        last
    }

    fn keep(&mut self, message: &Message) -> Result<(), u64> {
        let same = |kept: &&Message| kept.id == message.id && kept.from == message.from;
        if let Some(kept) = self.history.iter().find(same) {
            return Err(kept.at);
        }
        self.history.push_back(message.clone());
        if self.history.len() > MAX_HISTORY {
            self.history.pop_front();
        }
        self.forget_old_pictures();
        Ok(())
    }

    fn forget_old_pictures(&mut self) {
        let pictures = self
            .history
            .iter_mut()
            .rev()
            .filter_map(|message| message.picture.as_mut());
        for picture in pictures.skip(MAX_PICTURES) {
            picture.bytes = None;
        }
    }
}

/// A new room may take the place of one that everybody has left.
fn make_space(rooms: &mut BTreeMap<String, Room>) -> Result<(), Refusal> {
    if rooms.len() < MAX_ROOMS {
        return Ok(());
    }
    let left = rooms
        .iter()
        .find(|(name, room)| *name != LOBBY && room.tabs.is_empty());
    let name = left
        .map(|(name, _)| name.clone())
        .ok_or(Refusal("There are too many rooms already."))?;
    rooms.remove(&name);
    Ok(())
}
