//! What events have to pass before handlers hear them.

use std::sync::Arc;

use axum::extract::State;
use axum_socketio::{
    Ack, AckSender, EventError, HandlerError, Namespace, Socket, SocketIo, Value,
    extract::{Data, Event, EventName, Rest},
};
use tokio::sync::Notify;

use crate::{
    io,
    log::{Heard, Log, log},
    wire::{Eio, TestClient, TestServer, Via},
};

/// A namespace with a log, whose every event is said by the handlers of `names`.
fn saying(main: Namespace, log: &Log, names: &[&str]) -> Namespace<Log> {
    let main = main.with_state(log.clone());
    names.iter().fold(main, |main, name| {
        main.on(
            name,
            async |State(log): State<Log>, EventName(event): EventName, Rest(args): Rest<Value>| {
                log.say(format!("{event} {args:?}"));
            },
        )
    })
}

async fn drained(client: &mut TestClient, heard: &mut Heard) -> Vec<String> {
    client.expect_nothing().await;
    heard.drain()
}

async fn only_doges(EventName(event): EventName) -> Result<(), EventError> {
    match &*event {
        "doge" | "message" => Ok(()),
        "cat" => Err(EventError::new("not a doge").with_data(["cat"])),
        _ => Err(EventError::new("not a doge")),
    }
}

/// Engine.IO 3 clients get the ERROR packet of 2.x, for the others the server's error listeners hear of it.
#[tokio::test]
async fn who_is_told_of_a_refusal_depends_on_the_generation() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let errors = log.clone();
    let _ = saying(main, &log, &["doge", "cat", "dog"])
        .packet_middleware(only_doges)
        .on_error(async move |_: Socket, error: HandlerError| {
            let source = std::error::Error::source(&error).unwrap();
            let refused = error.is_refused() && source.is::<EventError>();
            errors.say(format!("{refused} {:?} {source}", error.event()));
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["doge","x"]"#).await;
        client.send(r#"42["dog"]"#).await;
        client.send(r#"425["cat"]"#).await;
        if eio == Eio::V3 {
            client.expect(r#"44"not a doge""#).await;
            client.expect(r#"44["cat"]"#).await;
            assert_eq!(drained(&mut client, &mut heard).await, [r#"doge [String("x")]"#]);
        } else {
            assert_eq!(
                drained(&mut client, &mut heard).await,
                [
                    r#"doge [String("x")]"#,
                    r#"true Some("dog") not a doge"#,
                    r#"true Some("cat") not a doge"#
                ]
            );
        }
    }
}

#[tokio::test]
async fn middlewares_of_the_namespace_come_first_and_each_hears_what_the_one_before_made_of_it() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main, &log, &["A"])
        .packet_middleware(async |mut event: Event| {
            event.name.make_ascii_uppercase();
            event.args.push("namespace".into());
            event
        })
        .on_connect(async |socket: Socket| {
            for word in ["first", "second"] {
                socket.middleware(async move |mut event: Event| {
                    event.args.push(word.into());
                    Ok::<_, EventError>(event)
                });
            }
        })
        // Before the client's next events, but after all middlewares of its own.
        .on("MESSAGE", async |socket: Socket, Data(text): Data<String>| {
            socket.emit("message-back", text);
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send(r#"42["a",null]"#).await;
        assert_eq!(
            drained(&mut client, &mut heard).await,
            [r#"A [Null, String("namespace"), String("first"), String("second")]"#]
        );
    }
}

#[tokio::test]
async fn binary_survives_a_middleware_that_rewrites() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main, &log, &["picture"]).packet_middleware(async |mut event: Event| {
        event.args.reverse();
        event
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client
            .send_all([
                wire_packet(r#"451-["picture",{"_placeholder":true,"num":0},"x"]"#),
                crate::wire::Packet::Binary(vec![1, 2]),
            ])
            .await;
        heard
            .expect(r#"picture [String("x"), Binary(b"\x01\x02")]"#)
            .await;
    }
}

fn wire_packet(text: &str) -> crate::wire::Packet {
    text.into()
}

/// As in Node, where each event goes through the middlewares by itself.
#[tokio::test]
async fn a_middleware_that_waits_does_not_hold_up_the_events_behind() {
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main, &log, &["slow", "quick"])
        .with_state(gate.clone())
        .packet_middleware(
            async |State(gate): State<Arc<Notify>>, EventName(event): EventName| {
                if event == "slow" {
                    gate.notified().await;
                }
            },
        );
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send_all([r#"42["slow"]"#, r#"42["quick"]"#]).await;
        heard.expect("quick []").await;
        assert_eq!(drained(&mut client, &mut heard).await, [""; 0]);
        gate.notify_one();
        heard.expect("slow []").await;
    }
}

#[tokio::test]
async fn in_a_sequential_namespace_a_middleware_that_waits_does_hold_them_up() {
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main.sequential(), &log, &["slow", "quick"])
        .with_state(gate.clone())
        .packet_middleware(
            async |State(gate): State<Arc<Notify>>, EventName(event): EventName| {
                if event == "slow" {
                    gate.notified().await;
                }
            },
        );
    let _ = crate::echoing(io.of("/other"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/other").await;
        client
            .send_all([r#"42["slow"]"#, r#"42["quick"]"#, r#"42["slow"]"#])
            .await;
        client.send(r#"42/other,["message",1]"#).await;
        client.expect(r#"42/other,["message-back",1]"#).await;
        assert_eq!(heard.drain(), [""; 0]);
        gate.notify_one();
        heard.expect("slow []").await;
        heard.expect("quick []").await;
        gate.notify_one();
        heard.expect("slow []").await;
    }
}

#[tokio::test]
async fn a_callback_is_answered_behind_a_middleware_or_by_it() {
    let (io, main) = io(SocketIo::builder());
    let _ = main
        .packet_middleware(async |event: Event| event)
        .packet_middleware(async |EventName(event): EventName, ack: Option<AckSender>| {
            match (&*event, ack) {
                ("closed", Some(ack)) => {
                    ack.send("closed today");
                    Err("closed")
                }
                _ => Ok(()),
            }
        });
    let _ = io
        .of("/sub")
        .packet_middleware(async |event: Event| event)
        .on("add", async |Data(a): Data<i32>, Data(b): Data<i32>| Ack(a + b));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/sub").await;
        client.send(r#"42/sub,7["add",1,2]"#).await;
        client.expect("43/sub,7[3]").await;
        client.send(r#"428["closed"]"#).await;
        client.expect(r#"438["closed today"]"#).await;
        if eio == Eio::V3 {
            client.expect(r#"44"closed""#).await;
        }
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn catch_all_listeners_hear_before_the_middlewares_and_what_is_refused() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main, &log, &["doge"])
        .packet_middleware(only_doges)
        .on_any(async |State(log): State<Log>, EventName(event): EventName| log.say(format!("any {event}")))
        .on_error(async |_: Socket, _: HandlerError| {});
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let own = log.clone();
    io.of("/").sockets()[0].on_any(async move |EventName(event): EventName| own.say(format!("own {event}")));
    client.send(r#"42["dog"]"#).await;
    client.send(r#"42["doge"]"#).await;
    assert_eq!(
        drained(&mut client, &mut heard).await,
        [
            "any dog",
            "own dog",
            "any doge",
            "own doge",
            "doge []",
            "any message",
            "own message"
        ]
    );
}

async fn goes_wrong(mut event: Event) -> Event {
    match &*event.name {
        "panic" => panic!("a test panics on purpose"),
        "panic later" => {
            tokio::task::yield_now().await;
            panic!("a test panics on purpose");
        }
        "reserve" => event.name = "disconnect".to_owned(),
        _ => {}
    }
    event
}

/// What goes wrong inside is not for clients.
#[tokio::test]
async fn a_middleware_that_fails_refuses_and_harms_nothing() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let errors = log.clone();
    let _ = saying(main, &log, &["panic", "panic later", "reject", "reserve", "fine"])
        .packet_middleware(goes_wrong)
        .on_error(async move |_: Socket, error: HandlerError| {
            let kinds = [error.is_panicked(), error.is_rejected(), error.is_failed()];
            errors.say(format!("{:?} {kinds:?}", error.event().unwrap()));
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        let socket = io.of("/").sockets().pop().unwrap();
        let number = socket.middleware(async |Data(_): Data<u8>| {});
        for (packet, said, told) in [
            (
                r#"42["panic",1]"#,
                r#""panic" [true, false, false]"#,
                "Internal error",
            ),
            (
                r#"42["panic later",1]"#,
                r#""panic later" [true, false, false]"#,
                "Internal error",
            ),
            (
                r#"42["reject","x"]"#,
                r#""reject" [false, true, false]"#,
                "Bad Request",
            ),
            (
                r#"42["reserve",1]"#,
                r#""reserve" [false, false, true]"#,
                "Internal error",
            ),
        ] {
            client.send(packet).await;
            heard.expect(said).await;
            if eio == Eio::V3 {
                client.expect(format!("44{told:?}")).await;
            }
        }
        assert!(socket.remove_listener(number));
        client.send(r#"42["fine","x"]"#).await;
        assert_eq!(drained(&mut client, &mut heard).await, [r#"fine [String("x")]"#]);
        client.close().await;
        while !io.of("/").is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

/// The event is dropped with its socket, though its middleware lets it pass.
#[tokio::test]
async fn an_event_whose_socket_leaves_meanwhile_is_not_heard() {
    let (log, mut heard) = log();
    let gate = Arc::new(Notify::new());
    let (io, main) = io(SocketIo::builder());
    let passed = log.clone();
    let _ = saying(main, &log, &["event"])
        .on_disconnect(async |State(log): State<Log>| log.say("left"))
        .with_state(gate.clone())
        .packet_middleware(async move |State(gate): State<Arc<Notify>>| {
            passed.say("waits");
            gate.notified().await;
            passed.say("passes");
        });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"42["event"]"#).await;
    heard.expect("waits").await;
    client.close().await;
    heard.expect("left").await;
    gate.notify_one();
    heard.expect("passes").await;
    tokio::task::yield_now().await;
    assert_eq!(heard.drain(), [""; 0]);
}

#[tokio::test]
async fn events_that_came_before_the_connect_handlers_had_begun_pass_the_middlewares_too() {
    let (log, mut heard) = log();
    let (io, main) = io(SocketIo::builder());
    let _ = saying(main, &log, &["doge"]);
    let _ = io
        .of("/late")
        .with_state(log)
        .on_connect(async |socket: Socket| {
            socket.middleware(async |EventName(event): EventName| match &*event {
                "secret" => Err("no"),
                _ => Ok(()),
            });
        })
        .on("secret", async |State(log): State<Log>| log.say("told"))
        .on("open", async |State(log): State<Log>| log.say("open"));
    let server = TestServer::start(&io).await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = TestClient::connect(&server, Eio::V4, via).await;
        client
            .send_all(["40/late,", r#"42/late,["secret"]"#, r#"42/late,["open"]"#])
            .await;
        heard.expect("open").await;
        assert_eq!(heard.drain(), [""; 0]);
    }
}
