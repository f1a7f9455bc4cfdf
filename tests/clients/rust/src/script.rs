//! The checks, in the order of `../README.md`.
//!
//! Left out is what the client can't do: acknowledge events, be in two namespaces on one connection, send or read
//! attachments among other arguments, hear events without arguments, tell why it was disconnected.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU32, Ordering},
};

use rust_socketio::Payload;
use serde_json::{Value, json};

use crate::peer::{Args, Peer, Subject};

pub type Play = fn(Subject) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Checks left out by polling: the client takes each piece of a long response for a payload of its own.
pub const NOT_BY_POLLING: &[&str] = &[
    "1,000 events from the server in order",
    "a large message",
    "a large binary message",
];

/// The checks as a table; each is an async function of the subject.
macro_rules! checks {
    ($($name:literal => $play:ident),* $(,)?) => {
        pub const CHECKS: &[(&str, Play)] = &[$(($name, |subject| Box::pin($play(subject)))),*];
    };
}

checks! {
    "text echo" => text_echo,
    "unicode echo" => unicode_echo,
    "unicode from the server" => unicode_from_the_server,
    "binary echo" => binary_echo,
    "numbers, null and nested objects echo" => plain_echo,
    "event with many arguments" => many_arguments,
    "acknowledgement with text" => acknowledged,
    "acknowledgement without arguments" => acknowledged_without_arguments,
    "a room's members hear it, others don't" => room_members,
    "who left a room hears it no more" => left_room,
    "a broadcast to a room leaves the sender out" => room_without_sender,
    "a broadcast to all leaves the sender out" => broadcast,
    "a socket's own id is its room" => own_room,
    "two clients talk to each other" => conversation,
    "events in a namespace" => namespace_events,
    "an unknown namespace is refused" => unknown_namespace,
    "a middleware refuses with a message" => refused_with_message,
    "a middleware refuses with data" => refused_with_data,
    "a middleware admits" => admitted,
    "the client leaves" => client_leaves,
    "the server disconnects a socket" => server_disconnects,
    "the server closes the connection" => server_closes,
    "1,000 events in order" => many_events,
    "1,000 events from the server in order" => server_burst,
    "text and binary in order" => interleaved,
    "volatile events" => volatile_events,
    "a large message" => large_message,
    "a large binary message" => large_binary_message,
}

const UNICODE: &str = "Grüße, \u{2028} 世界 😀";

fn fresh_tag() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

fn several(args: &[Value]) -> Payload {
    Payload::Text(args.to_vec())
}

fn none() -> Payload {
    several(&[])
}

// ---- events and acknowledgements ----------------------------------------------------------------

async fn echoes(peer: &mut Peer, args: &[Value]) {
    peer.emit("echo", several(args)).await;
    assert_eq!(peer.next("echo").await, Args::Json(args.to_vec()));
}

async fn echoes_binary(peer: &mut Peer, bytes: Vec<u8>) {
    peer.emit("echo", Payload::from(bytes.clone())).await;
    assert!(peer.next("echo").await == Args::Binary(bytes), "the bytes differ");
}

async fn text_echo(subject: Subject) {
    echoes(&mut subject.open().await, &[json!("hello")]).await;
}

async fn unicode_echo(subject: Subject) {
    echoes(
        &mut subject.open().await,
        &[json!(UNICODE), json!({"ключ": "😀"})],
    )
    .await;
}

async fn unicode_from_the_server(subject: Subject) {
    let mut peer = subject.open().await;
    peer.emit("unicode", none()).await;
    assert_eq!(peer.next("unicode").await, Args::Json(vec![json!(UNICODE)]));
}

async fn binary_echo(subject: Subject) {
    echoes_binary(&mut subject.open().await, vec![1, 2, 3, 255]).await;
}

async fn plain_echo(subject: Subject) {
    let numbers = json!([0, -1, 1.5, 9_007_199_254_740_991_u64]);
    let nested = json!({"a": {"b": [{"c": null}, []], "": {}}});
    let args = [json!(1), numbers, json!(null), json!(true), json!(""), nested];
    echoes(&mut subject.open().await, &args).await;
}

async fn many_arguments(subject: Subject) {
    let args: Vec<Value> = (0..30).map(Value::from).collect();
    echoes(&mut subject.open().await, &args).await;
}

async fn acknowledged(subject: Subject) {
    let args = [json!("one"), json!(2), json!({"three": 3})];
    let answer = subject.open().await.call("echo ack", several(&args)).await;
    assert_eq!(answer, [json!(args)]);
}

async fn acknowledged_without_arguments(subject: Subject) {
    assert_eq!(subject.open().await.call("echo ack", none()).await, [json!([])]);
}

// ---- rooms and broadcasts -----------------------------------------------------------------------

async fn room_members(subject: Subject) {
    let (mut sender, mut member, mut stranger) = trio(&subject).await;
    let room = fresh_tag();
    sender.call("join", room.as_str()).await;
    member.call("join", room.as_str()).await;
    sender
        .emit("in room", several(&[json!(room), json!("all")]))
        .await;
    for peer in [&mut sender, &mut member] {
        assert_eq!(
            peer.next("room message").await,
            Args::Json(vec![json!(room), json!("all")])
        );
    }
    stranger.settle().await;
    assert_eq!(stranger.unread("room message"), 0);
}

async fn trio(subject: &Subject) -> (Peer, Peer, Peer) {
    (subject.open().await, subject.open().await, subject.open().await)
}

async fn left_room(subject: Subject) {
    let (sender, mut member, mut leaver) = trio(&subject).await;
    let room = fresh_tag();
    member.call("join", room.as_str()).await;
    leaver.call("join", room.as_str()).await;
    leaver.call("leave", room.as_str()).await;
    sender
        .emit("in room", several(&[json!(room), json!("bye")]))
        .await;
    assert_eq!(
        member.next("room message").await,
        Args::Json(vec![json!(room), json!("bye")])
    );
    leaver.settle().await;
    assert_eq!(leaver.unread("room message"), 0);
}

async fn room_without_sender(subject: Subject) {
    let (mut sender, mut member, _stranger) = trio(&subject).await;
    let room = fresh_tag();
    sender.call("join", room.as_str()).await;
    member.call("join", room.as_str()).await;
    sender
        .emit("to room", several(&[json!(room), json!("others")]))
        .await;
    assert_eq!(
        member.next("room message").await,
        Args::Json(vec![json!(room), json!("others")])
    );
    sender.settle().await;
    assert_eq!(sender.unread("room message"), 0);
}

async fn broadcast(subject: Subject) {
    let (mut sender, mut left, mut right) = trio(&subject).await;
    let tag = fresh_tag();
    sender.emit("broadcast", tag.as_str()).await;
    for peer in [&mut left, &mut right] {
        assert_eq!(peer.next("broadcast message").await, Args::Json(vec![json!(tag)]));
    }
    sender.settle().await;
    assert_eq!(sender.unread("broadcast message"), 0);
}

async fn own_room(subject: Subject) {
    let (sender, mut addressee, mut stranger) = trio(&subject).await;
    let id = id_of(&addressee).await;
    sender
        .emit("to room", several(&[id.clone(), json!("for you")]))
        .await;
    assert_eq!(
        addressee.next("room message").await,
        Args::Json(vec![id, json!("for you")])
    );
    stranger.settle().await;
    assert_eq!(stranger.unread("room message"), 0);
}

async fn id_of(peer: &Peer) -> Value {
    peer.call("whoami", none()).await[0][0].clone()
}

async fn conversation(subject: Subject) {
    let (mut speaker, mut listener, _) = trio(&subject).await;
    for turn in 0..20 {
        let id = id_of(&listener).await;
        speaker.emit("to room", several(&[id.clone(), json!(turn)])).await;
        assert_eq!(
            listener.next("room message").await,
            Args::Json(vec![id, json!(turn)])
        );
        std::mem::swap(&mut speaker, &mut listener);
    }
}

// ---- namespaces and middlewares -----------------------------------------------------------------

async fn namespace_events(subject: Subject) {
    let mut custom = subject.open_namespace("/custom", None).await;
    echoes(&mut custom, &[json!("here")]).await;
    echoes_binary(&mut custom, vec![1, 2]).await;
    assert_eq!(custom.call("echo ack", several(&[json!(3)])).await, [json!([3])]);
}

async fn unknown_namespace(subject: Subject) {
    refused(&subject, "/nowhere", None, "Invalid namespace").await;
}

async fn refused_with_message(subject: Subject) {
    refused(&subject, "/guarded", None, "no token").await;
}

async fn refused_with_data(subject: Subject) {
    let wrong = Some(json!({"token": "wrong"}));
    refused(
        &subject,
        "/guarded",
        wrong,
        r#""message":"not authorized","data":{"content":"retry"}"#,
    )
    .await;
}

async fn refused(subject: &Subject, namespace: &str, auth: Option<Value>, expected: &str) {
    let error = subject.dial(namespace, auth).await.next("error").await;
    let Args::Json(texts) = error else {
        panic!("{error:?}")
    };
    let text = texts[0].as_str().expect("the error is a text");
    assert!(text.contains(expected), "{text}");
}

async fn admitted(subject: Subject) {
    let token = Some(json!({"token": "sesame"}));
    echoes(
        &mut subject.open_namespace("/guarded", token).await,
        &[json!("inside")],
    )
    .await;
}

// ---- disconnections -----------------------------------------------------------------------------

async fn client_leaves(subject: Subject) {
    let (control, peer, tag) = recorded(&subject).await;
    peer.disconnect().await;
    expect_reason(&control, &tag, "client namespace disconnect").await;
}

/// A connection to ask over, a socket whose disconnection the server notes, and under which tag.
async fn recorded(subject: &Subject) -> (Peer, Peer, String) {
    let (control, peer) = (subject.open().await, subject.open().await);
    let tag = fresh_tag();
    peer.call("record", tag.as_str()).await;
    (control, peer, tag)
}

async fn expect_reason(control: &Peer, tag: &str, reason: &str) {
    let reasons = control.call("reasons", several(&[json!(tag), json!(1)])).await;
    assert_eq!(reasons, [json!([[["/", reason]]])]);
}

async fn server_disconnects(subject: Subject) {
    let (control, mut peer, tag) = recorded(&subject).await;
    peer.emit("leave me", json!(false)).await;
    peer.next("close").await;
    expect_reason(&control, &tag, "server namespace disconnect").await;
}

async fn server_closes(subject: Subject) {
    let (control, mut peer, tag) = recorded(&subject).await;
    peer.emit("leave me", json!(true)).await;
    peer.next("close").await;
    expect_reason(&control, &tag, "server namespace disconnect").await;
}

// ---- order and loss -----------------------------------------------------------------------------

async fn many_events(subject: Subject) {
    let mut peer = subject.open().await;
    for i in 0..1_000 {
        peer.emit("echo", json!(i)).await;
    }
    for i in 0..1_000 {
        assert_eq!(peer.next("echo").await, Args::Json(vec![json!(i)]));
    }
}

async fn server_burst(subject: Subject) {
    let mut peer = subject.open().await;
    peer.emit("burst", json!(1_000)).await;
    for i in 0..1_000 {
        assert_eq!(peer.next("burst").await, Args::Json(vec![json!(i)]));
    }
}

async fn interleaved(subject: Subject) {
    let mut peer = subject.open().await;
    // The client splits attachments at 0x1e, the separator of polling payloads.
    let bytes = |i: u8| vec![i | 0x80];
    for i in 0..200 {
        peer.emit("echo", json!(i)).await;
        peer.emit("echo", Payload::from(bytes(i))).await;
    }
    for i in 0..200 {
        assert_eq!(peer.next("echo").await, Args::Json(vec![json!(i)]));
        assert_eq!(peer.next("echo").await, Args::Binary(bytes(i)));
    }
}

/// Any of them may be dropped; when one is tried often enough, one arrives.
async fn volatile_events(subject: Subject) {
    let mut peer = subject.open().await;
    while peer.unread("volatile") == 0 {
        peer.call("volatile", json!(1)).await;
    }
    assert_eq!(peer.next("volatile").await, Args::Json(vec![json!(1)]));
}

async fn large_message(subject: Subject) {
    let mut peer = subject.open().await;
    let text = "x".repeat(900_000);
    peer.emit("echo", json!(text)).await;
    assert!(
        peer.next("echo").await == Args::Json(vec![json!(text)]),
        "the text differs"
    );
}

async fn large_binary_message(subject: Subject) {
    echoes_binary(&mut subject.open().await, vec![7; 600_000]).await;
}
