use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Someone {
    serial: Serial,
    id: SocketId,
    in_own_room: bool,
}

impl Member for Someone {
    fn serial(&self) -> Serial {
        self.serial
    }

    fn id(&self) -> &SocketId {
        &self.id
    }

    fn in_own_room(&self) -> bool {
        self.in_own_room
    }
}

fn someone(serial: Serial) -> Someone {
    Someone {
        serial,
        id: SocketId::from(format!("s{serial}")),
        in_own_room: true,
    }
}

fn target(rooms: &[&str], except: &[&str]) -> Target {
    let mut target = Target::default();
    target.add(rooms);
    target.except(except);
    target
}

fn everyone_but(except: &[&str]) -> Target {
    let mut target = Target::default();
    target.except(except);
    target
}

fn heard(index: &Index<Someone>, target: &Target) -> Vec<Serial> {
    let mut serials: Vec<_> = index.select(target).iter().map(Member::serial).collect();
    serials.sort_unstable();
    serials
}

fn index_of_four() -> Index<Someone> {
    let mut index = Index::new();
    for serial in 1..=4 {
        index.insert(someone(serial));
    }
    index.join(&someone(1), ["a", "b"]);
    index.join(&someone(2), ["b"]);
    index.join(&someone(3), "c");
    index
}

#[test]
fn a_target_is_a_union_of_rooms_less_the_excepted_ones() {
    let index = index_of_four();
    let cases: &[(Target, &[Serial])] = &[
        (Target::default(), &[1, 2, 3, 4]),
        (target(&["a"], &[]), &[1]),
        (target(&["a", "b"], &[]), &[1, 2]),
        (target(&["b", "c"], &["a"]), &[2, 3]),
        (everyone_but(&["b"]), &[3, 4]),
        (everyone_but(&["nowhere"]), &[1, 2, 3, 4]),
        (target(&["nowhere"], &[]), &[]),
        (target(&["s4"], &[]), &[4]),
        (target(&["s4", "a"], &[]), &[1, 4]),
        (everyone_but(&["s4", "a"]), &[2, 3]),
        (
            Target {
                except_member: Some(2),
                ..target(&["b"], &[])
            },
            &[1],
        ),
        (
            Target {
                except_member: Some(7),
                except_id: Some("s2".into()),
                ..target(&["b"], &[])
            },
            &[1],
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(heard(&index, target), *expected, "{target:?}");
    }
}

#[test]
fn an_empty_list_of_rooms_is_nobody() {
    assert!(index_of_four().select(&target(&[], &[])).is_empty());
}

#[test]
fn a_room_named_like_an_id_holds_its_owner_and_those_who_joined_it() {
    let mut index = index_of_four();
    index.join(&someone(1), "s4");
    assert_eq!(heard(&index, &target(&["s4"], &[])), [1, 4]);
    assert_eq!(heard(&index, &everyone_but(&["s4"])), [2, 3]);
}

#[test]
fn who_left_the_own_room_is_not_reached_by_id() {
    let mut index = Index::new();
    index.insert(Someone {
        in_own_room: false,
        ..someone(1)
    });
    assert!(index.select(&target(&["s1"], &[])).is_empty());
}

#[test]
fn leaving_is_total() {
    let mut index = index_of_four();
    assert_eq!(index.remove(&someone(1)), [Room::from("a"), Room::from("b")]);
    for serial in 2..=4 {
        index.remove(&someone(serial));
    }
    assert_eq!((index.len(), index.rooms.len(), index.joined.len()), (0, 0, 0));
}

#[test]
fn a_snapshot_is_not_disturbed_by_who_comes_and_goes() {
    let mut index = index_of_four();
    let before = index.select(&target(&["b"], &[]));
    index.join(&someone(4), "b");
    index.remove(&someone(1));
    assert_eq!(before.iter().count(), 2);
    assert_eq!(heard(&index, &target(&["b"], &[])), [2, 4]);
}

#[test]
fn a_late_clean_up_spares_the_new_owner_of_an_id() {
    let mut index = Index::new();
    let (old, new) = (
        someone(1),
        Someone {
            serial: 9,
            ..someone(1)
        },
    );
    index.insert(old.clone());
    index.insert(new);
    index.remove(&old);
    assert_eq!(index.get("s1").map(Member::serial), Some(9));
}

#[test]
fn who_is_in_many_rooms_is_in_each_once_and_leaves_any() {
    let mut index = Index::new();
    let member = someone(1);
    index.insert(member.clone());
    let rooms: Vec<Room> = (0..100).map(room).collect();
    for _ in 0..2 {
        index.join(&member, &rooms);
    }
    let joined = |index: &Index<_>| index.joined(&member).cloned().collect::<Vec<_>>();
    assert_eq!(joined(&index), rooms);
    for (left, name) in rooms.iter().enumerate().rev() {
        assert!(index.has_joined(&member, name.as_str()));
        assert!(index.leave(&member, name) && !index.leave(&member, name));
        assert!(!index.has_joined(&member, name.as_str()));
        assert_eq!(joined(&index).len(), left);
    }
    index.join(&member, &rooms);
    assert_eq!(index.remove(&member).len(), 100);
    assert_eq!((index.rooms.len(), index.joined.len()), (0, 0));
}

#[test]
fn tables_that_were_large_once_are_small_again() {
    const MANY: u64 = 10_000;
    let mut index = Index::new();
    for serial in 0..MANY {
        index.insert(someone(serial));
        index.join(&someone(serial), Room::from(format!("r{serial}")));
    }
    for serial in 10..MANY {
        // Half of them leave their room first.
        if serial % 2 == 0 {
            assert!(index.leave(&someone(serial), &Room::from(format!("r{serial}"))));
        }
        index.remove(&someone(serial));
    }
    let capacities = [
        index.members.capacity(),
        index.rooms.capacity(),
        index.joined.capacity(),
    ];
    assert!(
        capacities.iter().all(|capacity| *capacity < 128),
        "{capacities:?}"
    );
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(Serial),
    Remove(Serial),
    Join(Serial, u8),
    Leave(Serial, u8),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        (0..9u64).prop_map(Operation::Insert),
        (0..9u64).prop_map(Operation::Remove),
        (0..9u64, 0..4u8).prop_map(|(serial, room)| Operation::Join(serial, room)),
        (0..9u64, 0..4u8).prop_map(|(serial, room)| Operation::Leave(serial, room)),
    ]
}

fn room(number: u8) -> Room {
    Room::from(format!("r{number}"))
}

proptest! {
    /// Against the simplest model there is: two sets.
    #[test]
    fn the_index_agrees_with_plain_sets(operations in proptest::collection::vec(operation(), 0..200)) {
        let mut index = Index::new();
        let mut members = BTreeSet::new();
        let mut rooms = BTreeMap::<Room, BTreeSet<Serial>>::new();
        for operation in operations {
            match operation {
                Operation::Insert(serial) => {
                    index.insert(someone(serial));
                    members.insert(serial);
                }
                Operation::Remove(serial) => {
                    index.remove(&someone(serial));
                    members.remove(&serial);
                    rooms.values_mut().for_each(|room| {
                        room.remove(&serial);
                    });
                }
                Operation::Join(serial, number) => {
                    index.join(&someone(serial), room(number));
                    rooms.entry(room(number)).or_default().insert(serial);
                }
                Operation::Leave(serial, number) => {
                    let was_in = rooms.entry(room(number)).or_default().remove(&serial);
                    prop_assert_eq!(index.leave(&someone(serial), &room(number)), was_in);
                }
            }
            rooms.retain(|_, members| !members.is_empty());
            prop_assert_eq!(heard(&index, &Target::default()), members.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(index.room_names().cloned().collect::<BTreeSet<_>>(), rooms.keys().cloned().collect());
            for (name, expected) in &rooms {
                let expected: Vec<_> = expected.iter().copied().collect();
                prop_assert_eq!(heard(&index, &target(&[name.as_str()], &[])), expected);
            }
        }
    }
}

/// Or this would take minutes.
#[test]
fn a_selection_of_many_rooms_costs_a_look_at_each() {
    const MANY: u64 = 100_000;
    let mut index = Index::new();
    let rooms: Vec<String> = (0..MANY).map(|number| format!("user {number}")).collect();
    for (serial, room) in (0..MANY).zip(&rooms) {
        index.insert(someone(serial));
        index.join(&someone(serial), room);
    }
    let mut target = Target::default();
    target.add(&rooms);
    assert_eq!(heard(&index, &target).len(), MANY as usize);
    let mut target = Target::default();
    target.except(&rooms[1..]);
    assert_eq!(heard(&index, &target), [0]);
    let own: Vec<String> = (1..MANY).map(|number| format!("s{number}")).collect();
    let mut target = Target::default();
    target.except(&own);
    assert_eq!(heard(&index, &target), [0]);
}
