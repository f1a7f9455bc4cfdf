use axum_socketio::{Socket, SocketIo};

use crate::{
    io,
    wire::{Eio, Packet, Request, TestClient, TestServer, Via},
};

async fn server() -> (SocketIo, TestServer) {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on("direct", async |socket: Socket| {
            socket.volatile().emit("volatile", 1)
        })
        .on("broadcast", async |io: SocketIo| {
            io.of("/").volatile().emit("volatile", 1)
        });
    let server = TestServer::start(&io).await;
    (io, server)
}

#[tokio::test]
async fn a_volatile_event_is_dropped_when_no_poll_is_pending() {
    let (_io, server) = server().await;
    for eio in [Eio::V3, Eio::V4] {
        let mut client = TestClient::connect(&server, eio, Via::Polling).await;
        for event in [r#"42["direct"]"#, r#"42["broadcast"]"#] {
            client.send(event).await;
            client.expect_nothing().await;
        }
    }
}

#[tokio::test]
async fn a_volatile_event_goes_out_with_a_pending_poll() {
    let (_io, server) = server().await;
    for eio in [Eio::V3, Eio::V4] {
        for event in [r#"42["direct"]"#, r#"42["broadcast"]"#] {
            let mut client = TestClient::connect(&server, eio, Via::Polling).await;
            let poll = Request::get(client.target()).start(server.addr).await.response();
            tokio::pin!(poll);
            // The poll arrives some time; every event until then is dropped.
            let response = loop {
                tokio::select! {
                    biased;
                    response = &mut poll => break response,
                    () = client.send(event) => {}
                }
            };
            assert_eq!(eio.decode(&response), [Packet::from(r#"42["volatile",1]"#)]);
        }
    }
}

#[tokio::test]
async fn a_volatile_event_goes_out_over_an_idle_websocket() {
    let (_io, server) = server().await;
    for eio in [Eio::V3, Eio::V4] {
        let mut client = TestClient::connect(&server, eio, Via::WebSocket).await;
        client.expect_nothing().await;
        for event in [r#"42["direct"]"#, r#"42["broadcast"]"#] {
            client.send(event).await;
            client.expect(r#"42["volatile",1]"#).await;
        }
    }
}
