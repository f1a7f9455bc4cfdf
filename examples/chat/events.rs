//! The listeners: what the page sends, and what the others get to see of it.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::extract::State;
use axum_socketio::{
    Ack, AckSender, ConnectError, Socket, SocketIo,
    extract::{Auth, Data},
};
use serde_json::json;

use crate::{
    rooms::Rooms,
    wire::{self, Answer, Draft, Entered, Hello, Message, Refusal, Sent},
};

/// How long the second tick waits for the slowest reader.
const RECEIPTS_WITHIN: Duration = Duration::from_secs(5);

/// Who a socket is: put there by the middleware, read by every listener.
#[derive(Clone, Debug)]
struct Person(String);

pub(crate) fn register(io: &SocketIo) {
    io.of("/")
        .with_state(Rooms::new())
        .middleware(named)
        .on_connect(welcome)
        .on("join", join)
        .on("message", message)
        .on("typing", typing)
        .on_disconnecting(leaving);
}

/// Nobody comes in without a name. The page shows the message beside the field.
async fn named(socket: Socket, Auth(hello): Auth<Hello>) -> Result<(), ConnectError> {
    let name = wire::name(&hello.name)
        .map_err(|refusal| ConnectError::new(refusal.to_string()).with_data(json!({ "field": "name" })))?;
    socket.extensions().insert(Person(name));
    Ok(())
}

async fn welcome(socket: Socket, State(rooms): State<Rooms>) {
    socket.emit("rooms", rooms.list());
}

/// A tab is in one room at a time: coming into one leaves the other.
async fn join(socket: Socket, State(rooms): State<Rooms>, Data(room): Data<String>) -> Ack<Answer<Entered>> {
    Ack(enter(&socket, &rooms, &room).into())
}

/// Acknowledges when the room remembers the message, then hands it to the others, waits for their acknowledgements
/// and tells the sender who has it.
async fn message(socket: Socket, State(rooms): State<Rooms>, Data(draft): Data<Draft>, ack: AckSender) {
    let (room, message) = match keep(&socket, &rooms, draft) {
        Ok(kept) => kept,
        Err(answer) => return ack.send(answer),
    };
    ack.send(Answer::Ok(Sent { at: message.at }));

    let to_others = socket.to(channel(&room)).timeout(RECEIPTS_WITHIN);
    let replies = to_others
        .emit_with_ack::<String>("message", &message)
        .collect_all()
        .await;
    // Whoever didn't answer in time is missing from the list, that's all.
    let readers = readers(
        replies.unwrap_or_else(|missing| missing.replies),
        &rooms.people(&room),
        &message.from,
    );
    if !readers.is_empty() {
        socket.emit("delivered", (message.id, readers));
    }
}

/// Not worth waiting for a slow client, so volatile.
async fn typing(socket: Socket, Data(on): Data<bool>) {
    if let Some(room) = current_room(&socket) {
        socket
            .to(channel(&room))
            .volatile()
            .emit("typing", (name_of(&socket), on));
    }
}

/// `on_disconnecting` and not `on_disconnect`, because the socket is still in its rooms.
async fn leaving(socket: Socket, State(rooms): State<Rooms>) {
    leave(&socket, &rooms);
    socket.broadcast().emit("rooms", rooms.list());
}

fn enter(socket: &Socket, rooms: &Rooms, room: &str) -> Result<Entered, Refusal> {
    let room = wire::room_name(room)?;
    if current_room(socket).as_deref() == Some(room) {
        return Ok(rooms.look(room));
    }
    let name = name_of(socket);
    let first_tab = rooms.enter(room, &name)?;
    leave(socket, rooms);
    socket.join(channel(room));
    if first_tab {
        socket
            .to(channel(room))
            .emit("joined", (name, rooms.people(room)));
    }
    socket.io().of("/").emit("rooms", rooms.list());
    // Looked at after the socket has joined: what is said in between then comes twice rather than never, and the page
    // knows messages by their ids.
    Ok(rooms.look(room))
}

fn leave(socket: &Socket, rooms: &Rooms) {
    let Some(room) = current_room(socket) else { return };
    let name = name_of(socket);
    socket.leave(channel(&room));
    if rooms.leave(&room, &name) {
        socket
            .to(channel(&room))
            .emit("left", (name, rooms.people(&room)));
    }
}

/// The message with its room, or the answer that ends the matter: refused, or known from an earlier attempt.
fn keep(socket: &Socket, rooms: &Rooms, draft: Draft) -> Result<(String, Message), Answer<Sent>> {
    let room = current_room(socket).ok_or(Refusal("Join a room first."));
    let signed = room.and_then(|room| Ok((room, draft.signed(name_of(socket), now())?)));
    let (room, message) = signed.map_err(|refusal| Answer::Refused(refusal.to_string()))?;
    rooms
        .keep(&room, &message)
        .map_err(|at| Answer::Ok(Sent { at }))?;
    Ok((room, message))
}

/// Each page answers with its user's name; two tabs of one person count once, and one's own don't count.
fn readers(replies: Vec<String>, present: &[String], sender: &str) -> BTreeSet<String> {
    replies
        .into_iter()
        .filter(|name| name != sender && present.contains(name))
        .collect()
}

fn name_of(socket: &Socket) -> String {
    socket
        .extensions()
        .get::<Person>()
        .map(|Person(name)| name)
        .unwrap_or_default()
}

/// Every socket is in a room of its own id too; the mark keeps those apart from the rooms that people name.
fn channel(room: &str) -> String {
    format!("#{room}")
}

fn current_room(socket: &Socket) -> Option<String> {
    socket
        .rooms()
        .iter()
        .find_map(|room| room.as_str().strip_prefix('#').map(str::to_owned))
}

#[expect(clippy::disallowed_methods, reason = "a message carries the time of day")]
fn now() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}
