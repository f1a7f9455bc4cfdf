use std::sync::Arc;

use axum::extract::State;
use axum_socketio::{SocketIo, extract::Data};
use tokio::sync::Semaphore;

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, Packet, Request, TestClient, TestServer, Via, within},
};

#[derive(Clone)]
struct Work {
    log: Log,
    permits: Arc<Semaphore>,
}

/// Each event of `/work` waits for a permit of the test.
async fn working() -> (TestServer, Arc<Semaphore>, Heard) {
    let (log, heard) = log();
    let permits = Arc::new(Semaphore::new(0));
    let (io, _) = io(SocketIo::builder());
    let work = Work {
        log,
        permits: permits.clone(),
    };
    let _ = io.of("/work").sequential().with_state(work).on(
        "n",
        async |State(work): State<Work>, Data(n): Data<u32>| {
            work.log.say(format!("begins {n}"));
            work.permits.acquire().await.unwrap().forget();
            work.log.say(format!("ends {n}"));
        },
    );
    (TestServer::start(&io).await, permits, heard)
}

#[tokio::test]
async fn each_handler_ends_before_the_next_begins() {
    let (server, permits, mut heard) = working().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/work").await;
        client
            .send_all((0..5).map(|n| Packet::Text(format!(r#"42/work,["n",{n}]"#))))
            .await;
        for n in 0..5 {
            heard.expect(&format!("begins {n}")).await;
            client.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0], "{n} holds up the others");
            permits.add_permits(1);
            heard.expect(&format!("ends {n}")).await;
        }
    }
}

#[tokio::test]
async fn sockets_do_not_wait_for_each_other() {
    let (server, permits, mut heard) = working().await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/work").await;
        client.send(r#"42/work,["n",1]"#).await;
        heard.expect("begins 1").await;
        clients.push(client);
    }
    permits.add_permits(4);
    for _ in 0..4 {
        heard.expect("ends 1").await;
    }
}

/// 64 events wait at most; the body of a POST with more is not taken in until there is room.
#[tokio::test]
async fn a_full_queue_is_felt_by_the_client() {
    let (server, permits, mut heard) = working().await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::Polling).await;
    client.join("/work").await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let events: Vec<Packet> = (0..200)
        .map(|n| Packet::Text(format!(r#"42/work,["n",{n}]"#)))
        .collect();
    let post = Request::post(client.target(), Eio::V4.encode(&events))
        .start(server.addr)
        .await
        .response();
    tokio::pin!(post);
    let mut ended = 0;
    let response = loop {
        heard.expect(&format!("begins {ended}")).await;
        other.expect_nothing().await;
        if let Some(response) = futures::FutureExt::now_or_never(&mut post) {
            break response;
        }
        permits.add_permits(1);
        heard.expect(&format!("ends {ended}")).await;
        ended += 1;
    };
    response.assert_ok();
    assert!(
        (130..=140).contains(&ended),
        "the last of 200 fitted into the queue when {ended} had ended"
    );
    permits.add_permits(200);
    while heard.next().await != "ends 199" {}
}

/// The same over a WebSocket: what the server doesn't read fills the network until the client can't write.
#[tokio::test]
async fn a_socket_with_a_full_queue_goes_on_when_there_is_room() {
    let (server, permits, mut heard) = working().await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/work").await;
    client
        .send_all((0..500).map(|n| Packet::Text(format!(r#"42/work,["n",{n}]"#))))
        .await;
    heard.expect("begins 0").await;
    permits.add_permits(500);
    within(async { while heard.next().await != "ends 499" {} }).await;
    client.expect_nothing().await;
}
