use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use axum::extract::State;
use axum_socketio::{DisconnectReason, Namespace, Socket, SocketIo, extract::Data};
use tokio::sync::Notify;

use crate::{
    io,
    log::{Log, log},
    wire::{Eio, Packet, TestClient, TestServer, Via},
};

/// The namespace tells the log of every step of a leave.
fn told(namespace: Namespace, log: &Log) {
    let name = namespace.name().to_owned();
    let _ = namespace
        .with_state((log.clone(), name))
        .on_connect(async |socket: Socket| socket.join(["a", "b"]))
        .on_disconnecting(
            async |socket: Socket, reason: DisconnectReason, State((log, name)): State<(Log, String)>| {
                let rooms: Vec<String> = socket
                    .rooms()
                    .iter()
                    .skip(1)
                    .map(|room| room.as_str().to_owned())
                    .collect();
                log.say(format!(
                    "{name} disconnecting {reason} {} {rooms:?}",
                    socket.is_connected()
                ));
            },
        )
        .on_disconnect(
            async |socket: Socket,
                   io: SocketIo,
                   reason: DisconnectReason,
                   State((log, name)): State<(Log, String)>| {
                let known = io.of(&name).socket(socket.id()).is_some();
                log.say(format!(
                    "{name} disconnect {reason} {} {:?} {known}",
                    socket.is_connected(),
                    socket.rooms()
                ));
            },
        );
}

#[tokio::test]
async fn disconnecting_sees_the_rooms_and_disconnect_sees_nothing_any_more() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    told(main, &log);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.expect_nothing().await;
        client.close().await;
        heard
            .expect(r#"/ disconnecting transport close true ["a", "b"]"#)
            .await;
        heard.expect("/ disconnect transport close false [] false").await;
        assert!(io.of("/").is_empty());
        assert!(io.of("/").rooms().is_empty());
    }
}

#[tokio::test]
async fn every_namespace_is_left_in_the_order_of_joining_and_each_once() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    told(main, &log);
    told(io.of("/one"), &log);
    told(io.of("/two"), &log);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/two").await;
        client.join("/one").await;
        client.close().await;
        for name in ["/", "/two", "/one"] {
            heard
                .expect(&format!(
                    r#"{name} disconnecting transport close true ["a", "b"]"#
                ))
                .await;
            heard
                .expect(&format!("{name} disconnect transport close false [] false"))
                .await;
        }
        TestClient::connect(&server, eio, via).await.close().await;
        heard.next().await;
        heard.next().await;
        assert_eq!(heard.drain(), [""; 0], "nobody leaves twice");
    }
}

/// Disconnected by everybody at once, a socket leaves once, for the first reason.
#[tokio::test]
async fn a_leave_happens_once_whatever_else_is_a_reason() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    told(main, &log);
    let _ = io
        .of("/")
        .on("go", async |socket: Socket| {
            socket.disconnect(true);
            socket.disconnect(true);
            socket.disconnect(false);
        })
        // It is on its way out, and still connected.
        .on_disconnecting(async |socket: Socket| socket.disconnect(false));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send_all([r#"42["go"]"#, "41"]).await;
        client.expect("41").await;
        client.expect_closed().await;
        heard.next().await;
        heard
            .expect("/ disconnect server namespace disconnect false [] false")
            .await;
        assert_eq!(heard.drain(), [""; 0]);
    }
}

#[tokio::test]
async fn a_broadcast_of_a_leaving_socket_reaches_its_room() {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .on_connect(async |socket: Socket| socket.join("hall"))
        .on_disconnecting(async |socket: Socket| socket.to("hall").emit("left", 1));
    let server = TestServer::start(&io).await;
    let mut stays = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut leaves = TestClient::connect(&server, eio, via).await;
        leaves.expect_nothing().await;
        leaves.close().await;
        stays.expect(r#"42["left",1]"#).await;
    }
}

#[tokio::test]
async fn a_socket_that_left_joins_nothing_and_emits_nowhere() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on_disconnect(async |socket: Socket, State(log): State<Log>| {
            socket.join("late");
            socket.emit("late", 1);
            let refused = socket.try_emit("late", 2).unwrap_err();
            log.say(format!("{:?} {}", socket.rooms(), refused.is_closed()));
        });
    let server = TestServer::start(&io).await;
    let client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.close().await;
    heard.expect("[] true").await;
    assert!(io.of("/").rooms().is_empty());
}

/// What was emitted before a disconnect arrives before it.
#[tokio::test]
async fn the_disconnect_follows_what_was_emitted_before() {
    let (io, main) = io(SocketIo::builder());
    let _ = main.on("go", async |socket: Socket, Data(close): Data<bool>| {
        socket.emit("last", 1);
        socket.disconnect(close);
        socket.emit("never", 2);
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["go",true]"#).await;
        client.expect(r#"42["last",1]"#).await;
        client.expect("41").await;
        client.expect_closed().await;
    }
}

/// Events that follow the one that ended the socket are nobody's.
#[tokio::test]
async fn events_behind_the_end_of_a_socket_are_not_dispatched() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on("leave", async |socket: Socket| socket.disconnect(true))
        .on("after", async |State(log): State<Log>| log.say("after"))
        .on_disconnect(async |State(log): State<Log>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send_all([r#"42["leave"]"#, r#"42["after"]"#]).await;
        client.expect("41").await;
        client.expect_closed().await;
        heard.expect("left").await;
        assert_eq!(heard.drain(), [""; 0]);
    }
}

/// A packet that makes no sense ends the session, not what came before it.
#[tokio::test]
async fn events_before_an_invalid_packet_are_dispatched() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state(log)
        .on("event", async |State(log): State<Log>, Data(n): Data<u32>| {
            log.say(n)
        })
        .on_disconnect(async |State(log): State<Log>, reason: DisconnectReason| log.say(reason));
    let server = TestServer::start(&io).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let packets: [Packet; 3] = [r#"42["event",1]"#.into(), "x".into(), r#"42["event",2]"#.into()];
        client.send_all(packets).await;
        heard.expect("1").await;
        heard.expect("parse error").await;
        other.expect_nothing().await;
        assert_eq!(heard.drain(), [""; 0]);
    }
}

/// Handlers that are still at it when the socket leaves run to their end.
#[tokio::test]
async fn a_handler_outlives_its_socket() {
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .with_state((log, gate.clone()))
        .on(
            "work",
            async |State((log, gate)): State<(Log, Arc<Notify>)>, socket: Socket| {
                log.say("begun");
                gate.notified().await;
                log.say(format!("done {}", socket.is_connected()));
            },
        )
        .on_disconnect(async |State((log, _)): State<(Log, Arc<Notify>)>| log.say("left"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["work"]"#).await;
        heard.expect("begun").await;
        client.close().await;
        heard.expect("left").await;
        gate.notify_one();
        heard.expect("done false").await;
    }
}

/// Handlers of other tasks, which the client makes start by coming again, come after those that it has made start by leaving.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_sent_away_is_told_when_the_disconnect_handlers_have_started() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let away = io
        .of("/away")
        .with_state(log)
        .on_connect(async |State(log): State<Log>| log.say("connects"))
        .on_disconnect(async move |State(log): State<Log>| {
            log.say("leaves");
            busy.lock().unwrap().recv().unwrap();
        })
        .on_disconnect(async || panic!("on purpose"))
        .on_disconnect(async |State(log): State<Log>, socket: Socket| {
            socket.emit("late", 1);
            log.say("has left");
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        heard.expect("connects").await;
        let socket = away.sockets().remove(0);
        // Not a handler, whose thread would hold back what it sends.
        let thread = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves").await;
        client.expect_nothing().await;
        go_on.send(()).unwrap();
        client.expect("41/away,").await;
        client.join("/away").await;
        heard.expect("has left").await;
        heard.expect("connects").await;
        thread.join().unwrap();
        go_on.send(()).unwrap();
        client.close().await;
        heard.expect("leaves").await;
        heard.expect("has left").await;
    }
}

/// Node's server sends it behind the DISCONNECT.
#[tokio::test]
async fn who_leaves_is_sent_nothing_of_what_disconnecting_handlers_say() {
    let (io, _main) = io(SocketIo::builder());
    let _away = io
        .of("/away")
        .on("go", async |socket: Socket| socket.disconnect(false))
        .on_disconnecting(async |socket: Socket| {
            assert!(socket.is_connected());
            assert!(socket.try_emit("to it", ()).unwrap_err().is_closed());
            socket.namespace().emit("to all", ());
        });
    let server = TestServer::start(&io).await;
    let mut other = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    other.join("/away").await;
    for (eio, via) in TestClient::EVERY_WAY {
        for goes in [r#"42/away,["go"]"#, "41/away,"] {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.join("/away").await;
            client.send(goes).await;
            if goes != "41/away," {
                client.expect("41/away,").await;
            }
            other.expect(r#"42/away,["to all"]"#).await;
            client.expect_nothing().await;
            client.close().await;
        }
    }
}

/// It would take that for the end of the socket that it has now.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_for_a_namespace_as_it_is_sent_away_is_not_told_that_its_last_socket_was() {
    let (log, mut heard) = log();
    let (io, _main) = io(SocketIo::builder());
    let (go_on, busy) = mpsc::channel::<()>();
    let busy = Arc::new(Mutex::new(busy));
    let away = io
        .of("/away")
        .with_state(log)
        .on("ask", async |socket: Socket| socket.emit("answer", 1))
        .on_disconnect(async move |State(log): State<Log>| {
            log.say("leaves");
            busy.lock().unwrap().recv().unwrap();
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        let socket = away.sockets().remove(0);
        let thread = thread::spawn(move || socket.disconnect(false));
        heard.expect("leaves").await;
        client.join("/away").await;
        go_on.send(()).unwrap();
        thread.join().unwrap();
        client.send(r#"42/away,["ask"]"#).await;
        client.expect(r#"42/away,["answer",1]"#).await;
        go_on.send(()).unwrap();
        client.close().await;
        heard.expect("leaves").await;
    }
}

/// It would come back by itself if it took the end for an accident.
#[tokio::test]
async fn who_is_sent_away_is_told_before_its_connection_is_closed() {
    type Close = fn(&Socket);
    let closes: [Close; 2] = [
        |socket| socket.connection().close(),
        |socket| {
            let others = socket.client().sockets().into_iter();
            others
                .filter(|other| other != socket)
                .for_each(|other| other.disconnect(true));
        },
    ];
    for (close, early) in closes
        .into_iter()
        .flat_map(|close| [(close, false), (close, true)])
    {
        let (io, _main) = io(SocketIo::builder());
        let away = io
            .of("/away")
            .on("go", async |socket: Socket| socket.disconnect(false));
        let _ = if early {
            away.on_disconnecting(async move |socket: Socket| close(&socket))
        } else {
            away.on_disconnect(async move |socket: Socket| close(&socket))
        };
        let server = TestServer::start(&io).await;
        for (eio, via) in TestClient::EVERY_WAY {
            let mut client = TestClient::connect(&server, eio, via).await;
            client.join("/away").await;
            client.send(r#"42/away,["go"]"#).await;
            let told = all_told(&mut client).await;
            assert!(
                told.iter().any(|text| text.starts_with("41/away")),
                "{eio:?} {via:?}: {told:?}"
            );
        }
    }
}

/// Wherever it is sent away: before its connect handlers have all started, too, and from so deep inside of leaves that a task is left to do it.
#[tokio::test]
async fn who_is_sent_away_by_a_connect_handler_is_told_before_its_connection_is_closed() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, _main) = io(SocketIo::builder());
        io.of("/away")
            .on_connect(async |socket: Socket| socket.disconnect(true))
            .on_connect(async |socket: Socket| socket.emit("late", 1));
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/away").await;
        let told = all_told(&mut client).await;
        assert!(
            told.iter().any(|text| text.starts_with("41/away")),
            "{eio:?} {via:?}: {told:?}"
        );
    }
}

#[tokio::test]
async fn who_is_sent_away_from_deep_inside_of_leaves_is_told_before_its_connection_is_closed() {
    const DEEP: usize = 12;
    for (eio, via) in TestClient::EVERY_WAY {
        let (io, _main) = io(SocketIo::builder());
        let chain: Vec<String> = (0..DEEP).map(|at| format!("/{at}")).collect();
        for (at, name) in chain.iter().enumerate() {
            let next = chain.get(at + 1).cloned();
            let close = at + 2 == DEEP;
            io.of(name)
                .on("go", async |socket: Socket| socket.disconnect(false))
                .on_disconnect(async move |socket: Socket| {
                    if let Some(next) = next.and_then(|next| socket.client().socket(next)) {
                        next.disconnect(close);
                    }
                });
        }
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        for name in &chain {
            client.join(name).await;
        }
        client.send(r#"42/0,["go"]"#).await;
        let told = all_told(&mut client).await;
        for name in &chain {
            let farewell = format!("41{name}");
            let is_told = told.iter().any(|text| text.trim_end_matches(',') == farewell);
            assert!(is_told, "{name} {eio:?} {via:?}: {told:?}");
        }
    }
}

/// What the client hears until its connection ends.
async fn all_told(client: &mut TestClient) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(packet) = client.recv().await {
        if let Packet::Text(text) = packet {
            told.push(text);
        }
    }
    told
}
