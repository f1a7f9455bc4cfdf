//! What middlewares do to a socket whose client is about to get its session back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum_socketio::{ConnectError, Socket, Value, recovery::ConnectionStateRecovery};
use serde_json::json;
use tokio::sync::Semaphore;

use super::{Client, LONG, asking, events, told, with};
use crate::wire::{Eio, TestClient, TestServer, Via, within};

fn asked() -> ConnectionStateRecovery {
    ConnectionStateRecovery::new()
        .skip_middlewares(false)
        .max_disconnection_duration(LONG)
}

#[tokio::test]
async fn who_is_turned_away_is_in_no_room_that_a_middleware_has_joined() {
    let (io, main, mut heard) = told(with(asked()));
    let main = main.middleware(async |socket: Socket| {
        if !socket.recovered() {
            return Ok(());
        }
        socket.join(["hall", "room"]);
        Err(ConnectError::new("not again"))
    });
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    wire.expect(r#"44{"message":"not again"}"#).await;
    assert_eq!(main.rooms(), [""; 0]);
    assert_eq!(main.waiting_sessions(), 0);
}

#[tokio::test]
async fn who_is_gone_before_the_middlewares_have_decided_is_in_no_room_that_one_has_joined() {
    let (io, main, mut heard) = told(with(asked()));
    let (log, mut came) = crate::log::log();
    let waits = Arc::new(Semaphore::new(1));
    let gate = waits.clone();
    let main = main.middleware(async move |socket: Socket| {
        socket.join("hall");
        log.say("asked");
        gate.acquire().await.unwrap().forget();
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let client = Client::connect(&server, Via::WebSocket).await;
    came.expect("asked").await;
    heard.expect("new hall").await;
    let memory = client.lose_connection(&mut heard).await;
    assert_eq!(main.rooms(), [""; 0]);
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    came.expect("asked").await;
    assert_eq!(main.rooms(), ["hall"]);
    wire.close().await;
    within(async {
        while io.engine().clients_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waits.add_permits(1);
    within(async {
        while !main.rooms().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(main.waiting_sessions(), 1);
}

/// Both the session that waits and the socket that is to have it are in the room then.
#[tokio::test]
async fn what_is_sent_to_a_room_that_a_middleware_joins_again_comes_once() {
    let (io, main, mut heard) = told(with(asked()));
    let everyone = main.clone();
    let main = main.middleware(async move |socket: Socket| {
        socket.join(["room", "hall"]);
        if socket.recovered() {
            everyone.to("room").emit("meanwhile", 1);
            everyone.to("hall").emit("meanwhile", 2);
            everyone.emit("meanwhile", 3);
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    for via in super::WAYS {
        let client = Client::connect(&server, via).await;
        heard.expect("new room hall").await;
        let memory = client.lose_connection(&mut heard).await;
        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        let meanwhile = [1, 2, 3].map(|number| json!(["meanwhile", number]));
        assert_eq!(missed, events(meanwhile));
        heard.expect("recovered room hall").await;
        main.to("hall").emit("after", ());
        assert_eq!(client.event().await, super::value(json!(["after"])));
        let socket = main.sockets().pop().unwrap();
        socket.disconnect(true);
        heard.expect("left: server namespace disconnect").await;
    }
    assert_eq!(main.rooms(), [""; 0]);
}

#[tokio::test]
async fn who_has_gone_and_could_not_have_been_sent_all_begins_anew_the_next_time_too() {
    let (io, main, mut heard) = told(with(asked().max_log_size(400)));
    let everyone = main.clone();
    let once = Arc::new(AtomicBool::new(true));
    let main = main.middleware(async move |socket: Socket| {
        if socket.recovered() && once.swap(false, Ordering::Relaxed) {
            for number in 0..20 {
                everyone.emit("meanwhile", number);
            }
            socket.connection().close_now();
        }
        Ok::<_, ConnectError>(())
    });
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::WebSocket, &mut heard).await;
    main.emit("missed", ());
    let mut wire = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    wire.send(format!("40{}", asking(&memory))).await;
    while wire.recv().await.is_some() {}
    let (_, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, [Value::Null; 0]);
    heard.expect("new ").await;
}
