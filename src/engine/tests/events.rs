//! Those who listen to a connection.

use super::*;
use crate::engine::{Event, Events, Packet, PacketType, Transport};

impl Client {
    pub(super) fn events(&self) -> Events {
        self.upper.connection().events()
    }
}

/// An event in short: what, type and data.
fn short(event: &Event) -> String {
    let told = |what: &str, packet: &Packet| match (packet.text(), packet.binary()) {
        (Some(text), None) => format!("{what} {} {text}", packet.kind()),
        (None, Some(data)) => format!("{what} {} {:?}", packet.kind(), &data[..]),
        _ => unreachable!("data is either text or binary"),
    };
    match event {
        Event::Packet(packet) => told("in", packet),
        Event::PacketCreate(packet) => told("out", packet),
        other => format!("{other:?}"),
    }
}

/// What has happened and not been read yet.
fn read(events: &mut Events) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(Some(event)) = events.next().now_or_never() {
        read.push(short(&event));
    }
    read
}

#[tokio::test(start_paused = true)]
async fn a_listener_hears_of_packets_in_both_directions_over_either_transport() {
    let client = Client::open(Config::default()).await;
    let mut events = client.events();
    client.post("4echo back\u{1e}bAQI=").await.is(200, "ok");
    client
        .upper
        .connection()
        .send(packet("5", &[b"x", b"yz"]))
        .unwrap();
    client.get().await;
    let expected = [
        "in message echo back",
        "out message back",
        "in message [1, 2]",
        "out message 5",
        "out message [120]",
        "out message [121, 122]",
        "Drain",
    ];
    assert_eq!(read(&mut events), expected);

    let mut ws = Ws::probe(&client).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    ws.send("5").await;
    ws.send("4echo again").await;
    ws.send_binary(&[7]).await;
    assert_eq!(ws.text().await, "4again");
    let expected = [
        "Upgrade(WebSocket)",
        "in message echo again",
        "out message again",
        "Drain",
        "in message [7]",
    ];
    assert_eq!(read(&mut events), expected);
    client.upper.send("by itself");
    settle().await;
    assert_eq!(read(&mut events), ["out message by itself", "Drain"]);
    drop(ws);
    settle().await;
    assert_eq!(read(&mut events), ["Close(TransportClose)"]);
    assert_eq!(events.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_packets_too() {
    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4&transport=websocket").await;
    let mut events = server.last().connection().events();
    pass(26).await;
    assert_eq!(ws.text().await, "2");
    ws.send("3").await;
    assert_eq!(read(&mut events), ["out ping ", "Drain", "in pong "]);

    let mut ws = Ws::open(&server, "EIO=3&transport=websocket").await;
    let mut events = server.last().connection().events();
    ws.send("2").await;
    assert_eq!(ws.text().await, "3");
    assert_eq!(read(&mut events), ["in ping ", "out pong ", "Drain"]);
    assert_eq!(
        Packet::incoming(&super::super::packet::Packet::Noop).kind(),
        PacketType::Noop
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_woken_and_each_hears_everything() {
    let client = Client::open(Config::default()).await;
    let (mut first, mut second) = (client.events(), client.events());
    let waiting = tokio::spawn(async move { (first.next().await, first) });
    settle().await;
    client.upper.send("a");
    let (event, mut first) = waiting.await.unwrap();
    assert_eq!(short(&event.unwrap()), "out message a");
    client.upper.connection().close();
    client.get().await;
    client.get().await;
    assert_eq!(read(&mut first), ["Drain", "Close(ForcedClose)"]);
    assert_eq!(
        read(&mut second),
        ["out message a", "Drain", "Close(ForcedClose)"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_lags_learns_how_much_it_missed_and_never_misses_the_end() {
    let client = Client::open(Config {
        max_send_buffer: usize::MAX,
        ..Config::default()
    })
    .await;
    let mut events = client.events();
    for i in 0..1030 {
        client.upper.send(&i.to_string());
    }
    let told = read(&mut events);
    assert_eq!(told.len(), 1025);
    assert_eq!(told[1023..], ["out message 1023", "Lagged(6)"]);
    client.upper.send("after");
    assert_eq!(read(&mut events), ["out message after"]);

    // By bytes: a packet may be larger than all that may wait, but then nothing else does.
    let large = "x".repeat(600 << 10);
    client.upper.send(&large);
    client.upper.send(&large);
    client.upper.send("small, but behind what is missing");
    client.upper.connection().close_now();
    let told = read(&mut events);
    assert_eq!(told[1..], ["Lagged(2)", "Close(ForcedClose)"]);
}

#[tokio::test(start_paused = true)]
async fn who_listens_no_more_costs_no_more() {
    let client = Client::open(Config::default()).await;
    let connection = client.upper.connection();
    assert!(!connection.is_watched());
    let (first, second) = (client.events(), client.events());
    assert!(connection.is_watched());
    drop(first);
    assert!(connection.is_watched());
    drop(second);
    assert!(!connection.is_watched() && !connection.lock().is_watched());
    connection.close_now();
    let mut late = client.events();
    assert_eq!(read(&mut late), ["Close(ForcedClose)"]);
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_does_not_fit_was_never_created() {
    let client = Client::open(Config {
        max_send_buffer: 1,
        overflow: crate::engine::Overflow::DropNewest,
        ..Config::default()
    })
    .await;
    let mut events = client.events();
    client.upper.send("a");
    assert!(client.upper.connection().send(packet("b", &[])).is_err());
    assert_eq!(read(&mut events), ["out message a"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_packet_is_not_for_the_log() {
    let client = Client::open(Config::default()).await;
    let mut events = client.events();
    client.upper.send("secret");
    let told = format!("{:?}", events.next().await);
    assert_eq!(told, "Some(PacketCreate(Packet { kind: Message, text: 6 }))");
}

#[tokio::test(start_paused = true)]
async fn closing_now_throws_away_what_is_queued() {
    // A GET is held: it brings the end. What never left was not drained.
    let client = Client::open(Config::default()).await;
    let mut events = client.events();
    let held = client.hold().await;
    client.upper.send("lost");
    client.upper.connection().close_now();
    assert_eq!(read(&mut events), ["out message lost", "Close(ForcedClose)"]);
    held.await.unwrap().is(200, "1");
    assert_eq!(events.next().await, None);
    assert_eq!(client.upper.close_reasons(), [CloseReason::ForcedClose]);
    assert!(client.is_gone().await);

    // Nobody asks: the queue is dropped, and the receiver is told without a request to do it.
    let client = Client::open(Config::default()).await;
    client.upper.send("lost");
    client.upper.connection().close_now();
    assert_eq!(client.upper.close_reasons(), [], "not inside of the call");
    pass(1).await;
    assert_eq!(client.upper.close_reasons(), [CloseReason::ForcedClose]);
    assert!(client.is_gone().await);

    let server = Server::new(Config::default());
    let mut ws = Ws::open(&server, "EIO=4&transport=websocket").await;
    server.last().send("lost");
    server.last().connection().close_now();
    assert_eq!(ws.close_code().await, None);
    assert_eq!(server.last().close_reasons(), [CloseReason::ForcedClose]);
    assert_eq!(server.last().connection().transport(), Transport::WebSocket);
}
