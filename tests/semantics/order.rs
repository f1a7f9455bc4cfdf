use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum_socketio::{Ack, Socket, SocketIo, extract::Data};
use tokio::sync::Notify;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, Packet, TestClient, TestServer, Via},
};

fn pipelined(count: usize, event: impl Fn(usize) -> String) -> Vec<Packet> {
    (0..count).map(|n| Packet::Text(event(n))).collect()
}

#[tokio::test]
async fn replies_of_pipelined_events_come_in_order() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("echo", async |socket: Socket, Data(n): Data<usize>| {
        socket.emit("echo", n)
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_all(pipelined(200, |n| format!(r#"42["echo",{n}]"#)))
            .await;
        for n in 0..200 {
            client.expect(format!(r#"42["echo",{n}]"#)).await;
        }
    }
}

#[tokio::test]
async fn acknowledgements_of_pipelined_events_come_in_order() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("echo", async |Data(n): Data<usize>| Ack(n));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_all(pipelined(200, |n| format!(r#"42{n}["echo",{n}]"#)))
            .await;
        for n in 0..200 {
            client.expect(format!("43{n}[{n}]")).await;
        }
    }
}

/// A handler that waits doesn't hold up the next, but each has begun before the next begins. With one thread tasks would begin in
/// order too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_start_in_the_order_of_their_events_though_they_wait() {
    let (log, mut heard) = log();
    let never = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = main.with_state((log, never)).on(
        "n",
        async |State((log, never)): State<(Log, Arc<Notify>)>, Data(n): Data<usize>| {
            log.say(n);
            never.notified().await;
        },
    );
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_all(pipelined(200, |n| format!(r#"42["n",{n}]"#)))
            .await;
        for n in 0..200 {
            heard.expect(&n.to_string()).await;
        }
    }
}

#[tokio::test]
async fn what_is_emitted_on_connect_follows_the_connect_reply() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_connect(async |socket: Socket| {
        socket.emit("welcome", 1);
        socket.emit("welcome", 2);
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.expect(r#"42["welcome",1]"#).await;
        client.expect(r#"42["welcome",2]"#).await;
    }
}

/// The events come in one payload with the CONNECT, or right behind it.
#[tokio::test]
async fn listeners_added_before_the_first_await_hear_every_event() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on_connect(async |socket: Socket| {
        socket.on("early", async |socket: Socket, Data(n): Data<u32>| {
            socket.emit("heard", n)
        });
        std::future::pending::<()>().await;
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let mut packets: Vec<Packet> = vec![r#"42["early",1]"#.into(), r#"42["early",2]"#.into()];
        if eio == Eio::V4 {
            packets.insert(0, "40".into());
        }
        client.send_all(packets).await;
        client.text().await;
        client.expect(r#"42["heard",1]"#).await;
        client.expect(r#"42["heard",2]"#).await;
    }
}

/// The client has its CONNECT reply and its event has been taken in while the connect handler is still at its beginning,
/// on another thread: the event waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_event_that_overtakes_the_connect_handler_waits_for_it() {
    for via in [Via::Polling, Via::WebSocket] {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let (io, main) = io(SocketIo::builder());
        let main = main
            // One that waits, so that the connection goes on in a task of its own.
            .middleware(async || tokio::task::yield_now().await)
            .on_connect(async move |socket: Socket| {
                tokio::task::block_in_place(|| released.lock().unwrap().recv()).unwrap();
                socket.on("early", async |socket: Socket| socket.emit("heard", 1));
            });
        let server = TestServer::start(&io).await;
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.send("40").await;
        // It is told that it is in when the handler has started, and doesn't wait for that.
        while main.is_empty() {
            tokio::task::yield_now().await;
        }
        client.send(r#"42["early"]"#).await;
        release.send(()).unwrap();
        assert!(client.text().await.starts_with("40"));
        client.expect(r#"42["heard",1]"#).await;
    }
}

#[tokio::test]
async fn connect_handlers_start_before_the_first_event_is_dispatched() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on("event", async |State(log): State<Log>| log.say("event"))
        .on_connect(async |State(log): State<Log>| log.say("first"))
        .on_connect(async |State(log): State<Log>| log.say("second"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        let connect = if eio == Eio::V4 { "40" } else { r#"42["nobody"]"# };
        client.send_all([connect, r#"42["event"]"#]).await;
        for line in ["first", "second", "event"] {
            heard.expect(line).await;
        }
    }
}

/// Direct emits and broadcasts share one queue.
#[tokio::test]
async fn emits_of_every_kind_arrive_in_the_order_of_their_calls() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("go", async |socket: Socket, io: SocketIo| {
        for n in (0..60).step_by(3) {
            socket.emit("n", n);
            io.of("/").emit("n", n + 1);
            io.of("/").to(socket.id()).emit("n", n + 2);
        }
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["go"]"#).await;
        for n in 0..60 {
            client.expect(format!(r#"42["n",{n}]"#)).await;
        }
        client.close().await;
    }
}

/// One at a time, a few, and more than one write names.
#[tokio::test]
async fn a_binary_packet_and_its_attachments_are_never_torn_apart() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("go", async |socket: Socket, Data(count): Data<u8>| {
        for n in 0..count {
            socket.emit("bytes", axum_socketio::Value::Binary(vec![n, n].into()));
            if count > 1 {
                socket.emit("text", n);
            }
        }
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for count in [1, 4, 40] {
            client.send(format!(r#"42["go",{count}]"#)).await;
            for n in 0..count {
                client
                    .expect(r#"451-["bytes",{"_placeholder":true,"num":0}]"#)
                    .await;
                client.expect([n, n]).await;
                if count > 1 {
                    client.expect(format!(r#"42["text",{n}]"#)).await;
                }
            }
        }
    }
}

/// The namespace's listeners first, then the socket's own, each in the order of registration.
#[tokio::test]
async fn several_listeners_of_an_event_run_in_the_order_of_registration() {
    let (log, mut heard) = log();
    let own = log.clone();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_connect(async move |socket: Socket| {
            for name in ["own 1", "own 2"] {
                let log = own.clone();
                socket.on("event", async move || log.say(name));
            }
        })
        .on("event", async |State(log): State<Log>| log.say("shared 1"))
        .on("event", async |State(log): State<Log>| log.say("shared 2"))
        .on_any(async |State(log): State<Log>| log.say("any"));
    let server = TestServer::start(&io).await;
    let (eio, via) = TestClient::EVERY_WAY[0];
    let mut client = TestClient::connect(&server, eio, via).await;
    client.send(r#"42["event"]"#).await;
    for line in ["any", "shared 1", "shared 2", "own 1", "own 2"] {
        heard.expect(line).await;
    }
}
