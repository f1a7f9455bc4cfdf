//! A client that comes back to several namespaces at once.

use axum_socketio::{ConnectError, Socket, recovery::ConnectionStateRecovery};
use serde_json::{Value, json};
use tokio::task::yield_now;

use super::{Client, WAYS, asking, told, with};
use crate::{
    log::log,
    wire::{Eio, TestClient, TestServer, Via},
};

const NAMES: [&str; 3] = ["/one", "/two", "/three"];

/// A client that is let into each: under which pid, and how many events came before. npm's manager has all its sockets say CONNECT as soon
/// as its connection is open.
async fn enter_each(server: &TestServer, via: Via, pids: &[Value; 3]) -> [(Value, usize); 3] {
    let mut client = TestClient::open(server, Eio::V4, via).await;
    let connects = NAMES.iter().zip(pids);
    let connects = connects.map(|(name, pid)| format!("40{name},{}", json!({ "pid": pid })));
    client.send_at_once(connects).await;
    let mut entered = NAMES.map(|_| (Value::Null, 0));
    // In whatever order middlewares let it in.
    while entered.iter().any(|(pid, _)| pid.is_null()) {
        let text = client.text().await;
        let (packet, data) = text.split_once(',').expect(&text);
        let at = NAMES.iter().position(|name| *name == &packet[2..]).expect(&text);
        let (pid, missed) = &mut entered[at];
        if packet.starts_with("40") {
            *pid = serde_json::from_str::<Value>(data).unwrap()["pid"].take();
        } else {
            *missed += 1;
        }
    }
    client.close().await;
    entered
}

/// Less than half of its send buffer in each, and more than all of it together: it was closed, and would have met the same over each
/// connection.
#[tokio::test]
async fn who_has_missed_too_much_in_several_namespaces_begins_anew_where_it_does_not_fit() {
    for (via, skips) in WAYS.into_iter().flat_map(|via| [(via, true), (via, false)]) {
        let recovery = ConnectionStateRecovery::new().skip_middlewares(skips);
        let io = with(recovery).max_send_buffer(100_000).build().unwrap();
        // Where they are asked, all sessions are claimed before the first is given out.
        let namespaces = NAMES.map(|name| {
            io.of(name).middleware(async |_: Socket| {
                yield_now().await;
                Ok::<_, ConnectError>(())
            })
        });
        let server = TestServer::start(&io).await;
        let before = enter_each(&server, via, &NAMES.map(Value::from))
            .await
            .map(|(pid, _)| pid);
        while namespaces
            .iter()
            .any(|namespace| namespace.waiting_sessions() == 0)
        {
            yield_now().await;
        }
        for (namespace, number) in namespaces
            .iter()
            .flat_map(|it| (0..4).map(move |number| (it, number)))
        {
            namespace.emit("missed", (number, "x".repeat(10_000)));
        }
        let entered = enter_each(&server, via, &before).await;
        // Each has all or begins anew. Where middlewares wait, what there was may have been written between one and the next.
        for ((pid, missed), before) in entered.iter().zip(&before) {
            assert_eq!(
                *missed,
                if pid == before { 4 } else { 0 },
                "{via:?}, skips: {skips}"
            );
        }
        let missed: usize = entered.iter().map(|(_, missed)| missed).sum();
        assert!(
            missed == 4 || !skips && missed > 4,
            "{missed}, {via:?}, skips: {skips}"
        );
    }
}

/// What it has missed is half of its send buffer, and the rest is too little for the CONNECT.
#[tokio::test]
async fn who_is_closed_because_of_what_it_missed_is_not_given_the_same_again() {
    for via in WAYS {
        let (log, mut ended) = log();
        let recovery = ConnectionStateRecovery::new().on_expired(move |session| log.say(session.id()));
        let (io, main, mut heard) = told(with(recovery).max_send_buffer(200));
        let server = TestServer::start(&io).await;
        let memory = Client::away(&server, via, &mut heard).await;
        main.emit("missed", ());
        let mut wire = TestClient::open(&server, Eio::V4, via).await;
        wire.send(format!("40{}", asking(&memory))).await;
        while wire.recv().await.is_some() {}
        ended.expect(&memory.sid).await;
        let (client, missed) = Client::resume(&server, via, &memory).await;
        heard.expect("new ").await;
        assert!(missed.is_empty());
        assert_ne!(client.memory.pid, memory.pid);
    }
}

/// What a connect handler of another namespace sends each time is more than half of its send buffer, and what it has missed is little.
#[tokio::test]
async fn who_is_sent_much_in_one_namespace_gets_what_it_missed_in_another() {
    for via in WAYS {
        let io = with(ConnectionStateRecovery::new())
            .max_send_buffer(100_000)
            .build()
            .unwrap();
        let _one = io.of("/one").on_connect(async |socket: Socket| {
            socket.emit("snapshot", "x".repeat(60_000));
        });
        let namespaces = [io.of("/two"), io.of("/three")];
        let server = TestServer::start(&io).await;
        let before = enter_each(&server, via, &NAMES.map(Value::from))
            .await
            .map(|(pid, _)| pid);
        while namespaces.iter().any(|it| it.waiting_sessions() == 0) {
            yield_now().await;
        }
        for namespace in &namespaces {
            namespace.emit("missed", 1);
        }
        let [_, two, three] = enter_each(&server, via, &before).await;
        assert_eq!(
            [two, three],
            [(before[1].clone(), 1), (before[2].clone(), 1)],
            "{via:?}"
        );
    }
}
