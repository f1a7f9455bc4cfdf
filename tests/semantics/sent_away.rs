//! What clients say to a namespace that they are not in any more.

use axum_socketio::{Socket, SocketIo};

use crate::{
    echoing, io,
    wire::{Eio, TestClient, TestServer},
};

/// A server whose clients are sent away from `/away` when they ask for it.
fn sends_away() -> SocketIo {
    let (io, _main) = io(SocketIo::builder());
    let _ = io
        .of("/away")
        .on("go", async |socket: Socket| socket.disconnect(false));
    echoing(io.of("/other"));
    io
}

/// They can't have heard of it in time.
#[tokio::test]
async fn who_is_sent_away_keeps_its_other_namespaces_whatever_it_says_to_that_one() {
    let server = TestServer::start(&sends_away()).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/other").await;
        client.join("/away").await;
        client
            .send_all([r#"42/away,["go"]"#, r#"42/away,["go"]"#, "43/away,1[]"])
            .await;
        client.expect("41/away,").await;
        client
            .send_all([r#"42/away,7["go"]"#, "43/away,1[]", r#"42/other,["message",1]"#])
            .await;
        client.expect(r#"42/other,["message-back",1]"#).await;
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn who_has_left_by_itself_and_goes_on_is_closed_as_in_node() {
    let server = TestServer::start(&sends_away()).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        client.send_all(["41/away,", r#"42/away,["go"]"#]).await;
        match eio {
            Eio::V3 => client.expect_nothing().await,
            Eio::V4 => client.expect_closed().await,
        }
    }
}
