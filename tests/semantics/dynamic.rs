//! Namespaces that come to be when a client asks for them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::State;
use axum_socketio::{
    ConnectError, Namespace, NamespaceRequest, Socket, SocketIo, Value,
    adapter::Bus,
    extract::{Auth, Data, Event, Rest},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::{
    echoing, io,
    log::{Log, log},
    wire::{Eio, TestClient, TestServer, Via, within},
};

fn is_room(name: &str) -> bool {
    name.starts_with("/room-")
}

/// The sockets of a namespace have gone, and nothing holds it any more.
async fn until_there_are(rooms: &Namespace, count: usize) {
    while rooms.len() != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_child_has_the_handlers_and_middlewares_of_its_parent() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let rooms = io
        .of_matching(is_room)
        .with_state(log)
        .middleware(async |socket: Socket| match socket.namespace_name() {
            "/room-closed" => Err(ConnectError::new("closed")),
            _ => Ok(()),
        })
        .packet_middleware(async |mut event: Event| {
            event.args.push("passed".into());
            event
        })
        .on_connect(async |socket: Socket, State(log): State<Log>| {
            log.say(format!("connected {}", socket.namespace_name()));
        })
        .on("say", async |socket: Socket, Rest(args): Rest<Value>| {
            socket.namespace().emit("said", Rest(args));
        })
        .on_disconnect(async |socket: Socket, State(log): State<Log>| {
            log.say(format!("left {}", socket.namespace_name()));
        });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.join("/room-1").await;
        heard.expect("connected /room-1").await;
        client.send(r#"42/room-1,["say","hello"]"#).await;
        client.expect(r#"42/room-1,["said","hello","passed"]"#).await;
        client.send("40/room-closed,").await;
        let refused = client.text().await;
        assert!(refused.starts_with("44/room-closed,"), "{refused}");
        client.send("40/elsewhere,").await;
        let refused = client.text().await;
        assert!(
            refused.starts_with("44/elsewhere,") && refused.contains("Invalid namespace"),
            "{refused}"
        );
        client.send("41/room-1,").await;
        heard.expect("left /room-1").await;
        until_there_are(&rooms.clone().with_state(()), 0).await;
    }
}

#[tokio::test]
async fn what_is_emitted_through_a_parent_reaches_all_its_children() {
    let (io, main) = io(SocketIo::builder());
    let rooms = io.of_matching(is_room);
    let server = TestServer::start(&io).await;
    let mut one = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    let first = one.join("/room-1").await;
    let second = one.join("/room-2").await;
    let mut two = TestClient::connect(&server, Eio::V3, Via::Polling).await;
    two.join("/room-2").await;
    assert_eq!((rooms.len(), main.len()), (3, 2));
    assert!(
        rooms
            .socket(&first)
            .is_some_and(|socket| socket.namespace_name() == "/room-1")
    );
    rooms.emit("news", (1, "two"));
    rooms.except([&*first]).emit("not first", ());
    rooms.to(&*second).emit("second", ());
    for packet in [
        r#"42/room-1,["news",1,"two"]"#,
        r#"42/room-2,["news",1,"two"]"#,
        r#"42/room-2,["not first"]"#,
        r#"42/room-2,["second"]"#,
    ] {
        one.expect(packet).await;
    }
    two.expect(r#"42/room-2,["news",1,"two"]"#).await;
    two.expect(r#"42/room-2,["not first"]"#).await;
    rooms.join("everyone");
    assert!(rooms.sockets().iter().all(|socket| socket.is_in("everyone")));
    assert_eq!(rooms.rooms().len(), 1);
    rooms.leave("everyone");
    assert!(rooms.rooms().is_empty());
    assert_eq!(rooms.fetch_sockets().await.unwrap().len(), 3);
    rooms.to(&*first).disconnect(false);
    one.expect("41/room-1,").await;
    assert_eq!(rooms.len(), 2);
    rooms.disconnect(false);
    one.expect("41/room-2,").await;
    two.expect("41/room-2,").await;
    assert!(rooms.is_empty());
    assert_eq!(main.len(), 2);
}

#[tokio::test]
async fn acknowledgements_are_collected_from_all_children() {
    let (io, _) = io(SocketIo::builder());
    let rooms = io.of_matching(is_room);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/room-1").await;
    client.join("/room-2").await;
    // An id of a child must not be taken for one of the parent.
    let child = io.get("/room-1").unwrap();
    let own = child.emit_with_ack::<u32>("own", ());
    let all = rooms.emit_with_ack::<u32>("all", ());
    assert_eq!(all.recipients(), 2);
    for (answer, packet) in [
        ("43/room-1,0[7]", r#"42/room-1,0["own"]"#),
        ("43/room-1,1[1]", r#"42/room-1,1["all"]"#),
        ("43/room-2,1[2]", r#"42/room-2,1["all"]"#),
    ] {
        client.expect(packet).await;
        client.send(answer).await;
    }
    assert_eq!(own.collect_all().await.unwrap(), [7]);
    let mut answers = all.collect_all().await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);
    let nobody = rooms.to("nowhere").emit_with_ack::<u32>("all", ());
    assert_eq!(nobody.collect_all().await.unwrap(), [0; 0]);
}

#[tokio::test]
async fn a_child_ends_with_its_last_socket_unless_the_application_has_it() {
    let (io, _) = io(SocketIo::builder());
    let rooms = io.of_matching(is_room);
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        assert!(io.get("/room-1").is_none());
        client.join("/room-1").await;
        assert!(io.get("/room-1").is_some());
        client.send("41/room-1,").await;
        client.expect_nothing().await;
        assert!(io.get("/room-1").is_none());
        // Not with a socket that leaves while there is another, nor when the connection ends.
        let mut other = TestClient::connect(&server, eio, via).await;
        client.join("/room-1").await;
        other.join("/room-1").await;
        client.send("41/room-1,").await;
        client.expect_nothing().await;
        assert_eq!(rooms.len(), 1);
        other.close().await;
        until_there_are(&rooms, 0).await;
        while io.get("/room-1").is_some() {
            tokio::task::yield_now().await;
        }
        // With a handle it stays, and is the same afterwards.
        client.join("/room-1").await;
        let kept = io.get("/room-1").unwrap();
        client.send("41/room-1,").await;
        client.expect_nothing().await;
        let joined = client.join("/room-1").await;
        assert!(kept.socket(joined).is_some());
        client.send("41/room-1,").await;
        client.expect_nothing().await;
        drop(kept);
        assert!(io.get("/room-1").is_none());
    }
    let shown = format!("{io:?}");
    assert!(!shown.contains("room-1"), "{shown}");
}

/// What is registered on it would otherwise be lost with the last client, or not, as chance has it.
#[tokio::test]
async fn a_child_that_the_application_names_stays_also_if_a_client_was_first() {
    let (io, _) = io(SocketIo::builder());
    let rooms = io.of_matching(is_room);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/room-1").await;
    let _ = io
        .of("/room-1")
        .on_connect(async |socket: Socket| socket.emit("hello", ()));
    client.send("41/room-1,").await;
    client.expect_nothing().await;
    assert!(io.get("/room-1").is_some());
    client.join("/room-1").await;
    client.expect(r#"42/room-1,["hello"]"#).await;
    rooms.emit("news", ());
    client.expect(r#"42/room-1,["news"]"#).await;
    client.expect_nothing().await;
}

/// Neither its middlewares nor a predicate that waits make it one that stays.
#[tokio::test]
async fn a_child_that_let_nobody_in_ends_too() {
    let (io, _) = io(SocketIo::builder());
    let rooms = io
        .of_matching(is_room)
        .middleware(async || Err::<(), _>("nobody gets in"));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for _ in 0..3 {
            client.send("40/room-1,").await;
            let refused = client.text().await;
            assert!(refused.contains("nobody gets in"), "{refused}");
        }
        assert!(io.get("/room-1").is_none());
        assert!(rooms.is_empty());
    }
}

#[tokio::test]
async fn what_is_registered_on_a_parent_later_is_for_later_children() {
    let (log, mut heard) = log();
    let (io, _) = io(SocketIo::builder());
    let rooms = io.of_matching(is_room).with_state(log);
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.join("/room-1").await;
    let _ = rooms.on("event", async |socket: Socket, State(log): State<Log>| {
        log.say(socket.namespace_name());
    });
    client.join("/room-2").await;
    client.send(r#"42/room-1,["event"]"#).await;
    client.send(r#"42/room-2,["event"]"#).await;
    client.expect_nothing().await;
    assert_eq!(heard.drain(), ["/room-2"]);
}

/// As in Node: existing namespaces, then the patterns in the order in which they were given.
#[tokio::test]
async fn existing_namespaces_come_before_patterns_and_patterns_in_their_order() {
    let (io, _) = io(SocketIo::builder());
    let says = |word: &'static str| async move |socket: Socket| socket.emit("in", word);
    let _ = io.of("/room-static").on_connect(says("static"));
    let _ = io
        .of_matching(|name| name == "/room-first")
        .on_connect(says("first"));
    let _ = io.of_matching(is_room).on_connect(says("second"));
    let _ = io.of_matching(|_| true).on_connect(says("any"));
    // A name that a pattern accepts becomes a child where the application gives it, and stays.
    let _ = io.of("/room-named").on_connect(says("named"));
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    for (name, words) in [
        ("/room-static", &["static"][..]),
        ("/room-first", &["first"]),
        ("/room-other", &["second"]),
        ("/elsewhere", &["any"]),
        ("/room-named", &["second", "named"]),
    ] {
        client.join(name).await;
        for word in words {
            client.expect(format!(r#"42{name},["in","{word}"]"#)).await;
        }
    }
    client.close().await;
    assert!(io.get("/room-named").is_some());
}

async fn has_ticket(request: NamespaceRequest) -> bool {
    let auth: Value = request.auth().unwrap();
    request.name() == "/concert" && auth.get("ticket").and_then(Value::as_str) == Some("row 7")
}

#[tokio::test]
async fn a_predicate_may_ask_who_wants_in_and_wait() {
    let gate = Arc::new(Notify::new());
    let asked = Arc::new(AtomicUsize::new(0));
    let (io, _) = io(SocketIo::builder());
    let (waits, counts) = (gate.clone(), asked.clone());
    let _ = echoing(io.of_matching_async(move |request| {
        let (waits, counts) = (waits.clone(), counts.clone());
        async move {
            counts.fetch_add(1, Ordering::Relaxed);
            waits.notified().await;
            has_ticket(request).await
        }
    }));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for (good, connect) in [
            (
                true,
                ["40/concert?ticket=row%207,", r#"40/concert,{"ticket":"row 7"}"#],
            ),
            (
                false,
                ["40/concert?ticket=row%208,", r#"40/concert,{"ticket":"row 8"}"#],
            ),
        ] {
            client.send(connect[usize::from(eio == Eio::V4)]).await;
            client.expect_nothing().await;
            gate.notify_one();
            let answer = client.text().await;
            assert_eq!(answer.starts_with("40/concert,"), good, "{answer}");
            if good {
                client.send("41/concert,").await;
            }
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 8);
}

#[tokio::test]
async fn a_predicate_that_panics_lets_nobody_in_and_harms_nothing() {
    let (io, _) = io(SocketIo::builder());
    let _ = io.of_matching(|name| {
        assert!(name != "/now", "a test panics on purpose");
        false
    });
    let _ = io.of_matching_async(async |request: NamespaceRequest| {
        tokio::task::yield_now().await;
        assert!(request.name() != "/later", "a test panics on purpose");
        false
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        for name in ["/now", "/later", "/never"] {
            client.send(format!("40{name},")).await;
            let refused = client.text().await;
            assert!(refused.contains("Invalid namespace"), "{refused}");
        }
        client.expect_nothing().await;
    }
}

#[tokio::test]
async fn who_leaves_before_the_answer_gets_no_namespace() {
    let gate = Arc::new(Notify::new());
    let (io, _) = io(SocketIo::builder());
    let (waits, answered) = (gate.clone(), Arc::new(Notify::new()));
    let says = answered.clone();
    let _ = io.of_matching_async(move |_| {
        let (waits, says) = (waits.clone(), says.clone());
        async move {
            waits.notified().await;
            says.notify_one();
            true
        }
    });
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::connect(&server, eio, via).await;
        client.send("40/room-1,").await;
        client.expect_nothing().await;
        client.close().await;
        while !io.of("/").is_empty() {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        answered.notified().await;
        assert!(io.get("/room-1").is_none());
    }
}

/// Of the namespaces `/room-…`, which log who gets in; each question is answered when its number comes, which the client says.
fn asked(io: &SocketIo, log: Log) -> (Namespace, watch::Sender<u32>) {
    let (answered, told) = watch::channel(0);
    let says = log.clone();
    let rooms = io
        .of_matching_async(move |request| {
            let (mut told, says) = (told.clone(), says.clone());
            async move {
                let Number { number } = request.auth().unwrap();
                says.say(format!("asked {number}"));
                let wanted = number.parse::<u32>().unwrap();
                told.wait_for(|told| *told == wanted).await.unwrap();
                says.say(format!("answers {number}"));
                is_room(request.name())
            }
        })
        .with_state(log)
        .on_connect(async |State(log): State<Log>, Auth(auth): Auth<Number>| {
            log.say(format!("joins {}", auth.number));
        })
        .on_disconnect(async |State(log): State<Log>| log.say("leaves"))
        .with_state(());
    (rooms, answered)
}

/// What a client says with a question.
#[derive(Deserialize)]
struct Number {
    number: String,
}

fn ask(eio: Eio, name: &str, number: u32) -> String {
    match eio {
        Eio::V3 => format!("40{name}?number={number},"),
        Eio::V4 => format!(r#"40{name},{{"number":"{number}"}}"#),
    }
}

/// Clients such as Swift's say so whether they have heard that they are in or not.
#[tokio::test]
async fn who_leaves_while_a_predicate_decides_is_not_let_in_and_told_nothing() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (log, mut heard) = log();
        let (io, _) = io(SocketIo::builder());
        let (rooms, answered) = asked(&io, log);
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        for (number, name) in [(1, "/room-1"), (2, "/elsewhere")] {
            client.send(ask(eio, name, number)).await;
            heard.expect(&format!("asked {number}")).await;
            client.send(format!("41{name},")).await;
            client.expect_nothing().await;
            answered.send(number).unwrap();
            heard.expect(&format!("answers {number}")).await;
            client.expect_nothing().await;
            assert_eq!(heard.drain(), [""; 0], "{name}");
            assert!(rooms.is_empty() && io.get(name).is_none());
        }
        // It may ask again, and that alone is answered, whichever of the questions is answered first.
        for (first, last, order) in [(3, 4, [3, 4]), (5, 6, [6, 5])] {
            client.send(ask(eio, "/room-1", first)).await;
            heard.expect(&format!("asked {first}")).await;
            client.send("41/room-1,").await;
            client.send(ask(eio, "/room-1", last)).await;
            heard.expect(&format!("asked {last}")).await;
            for number in order {
                answered.send(number).unwrap();
                heard.expect(&format!("answers {number}")).await;
                if number == last {
                    assert!(client.text().await.starts_with("40/room-1,"));
                    heard.expect(&format!("joins {last}")).await;
                }
                client.expect_nothing().await;
                assert_eq!(heard.drain(), [""; 0]);
            }
            assert_eq!(rooms.len(), 1);
            client.send("41/room-1,").await;
            heard.expect("leaves").await;
        }
    }
}

#[tokio::test]
async fn who_is_in_and_leaves_while_a_predicate_decides_once_more_stays_away() {
    for (eio, via) in TestClient::EVERY_WAY {
        let (log, mut heard) = log();
        let (io, _) = io(SocketIo::builder());
        let (rooms, answered) = asked(&io, log);
        let server = TestServer::start(&io).await;
        let mut client = TestClient::connect(&server, eio, via).await;
        for number in [1, 2] {
            client.send(ask(eio, "/room-1", number)).await;
            heard.expect(&format!("asked {number}")).await;
        }
        answered.send(2).unwrap();
        heard.expect("answers 2").await;
        heard.expect("joins 2").await;
        assert!(client.text().await.starts_with("40/room-1,"));
        client.send("41/room-1,").await;
        heard.expect("leaves").await;
        answered.send(1).unwrap();
        heard.expect("answers 1").await;
        client.expect_nothing().await;
        assert_eq!(heard.drain(), [""; 0]);
        assert!(rooms.is_empty());
    }
}

/// Open questions count as namespaces, so that a client can't have any number of predicates wait.
#[tokio::test]
async fn a_client_has_as_many_namespaces_and_questions_as_it_may() {
    let gate = Arc::new(Notify::new());
    let (io, _) = io(SocketIo::builder().max_namespaces(3));
    let _ = io.of_matching(is_room);
    let waits = gate.clone();
    let _ = io.of_matching_async(move |_| {
        let waits = waits.clone();
        async move {
            waits.notified().await;
            true
        }
    });
    let server = TestServer::start(&io).await;
    let mut client = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    client.send("40/slow-1,").await;
    client.send("40/slow-2,").await;
    for name in ["/slow-3", "/room-1"] {
        client.send(format!("40{name},")).await;
        client
            .expect(format!(r#"44{name},{{"message":"too many namespaces"}}"#))
            .await;
        assert!(io.get(name).is_none());
    }
    gate.notify_waiters();
    // Two questions, which are answered in any order.
    let mut admitted = [client.text().await, client.text().await];
    admitted.sort();
    for (name, admitted) in ["/slow-1", "/slow-2"].iter().zip(admitted) {
        assert!(admitted.starts_with(&format!("40{name},")), "{admitted}");
    }
    client.send("40/room-1,").await;
    client
        .expect(r#"44/room-1,{"message":"too many namespaces"}"#)
        .await;
    client.send("41/slow-1,").await;
    client.join("/room-1").await;
}

#[tokio::test]
async fn children_of_the_same_name_are_one_across_servers_and_come_back() {
    let bus = Bus::new();
    let servers = [(); 2].map(|()| {
        let (io, _) = io(SocketIo::builder().adapter(bus.adapter()));
        let rooms = io
            .of_matching(is_room)
            .on("say", async |socket: Socket, Data(text): Data<Value>| {
                socket.namespace().emit("said", text);
            });
        (io, rooms)
    });
    let [one, two] = &servers;
    let first = TestServer::start(&one.0).await;
    let second = TestServer::start(&two.0).await;
    let mut here = TestClient::connect(&first, Eio::V4, Via::WebSocket).await;
    let mut there = TestClient::connect(&second, Eio::V4, Via::WebSocket).await;
    for round in 0..3 {
        here.join("/room-1").await;
        there.join("/room-1").await;
        here.send(format!(r#"42/room-1,["say",{}]"#, json!(round))).await;
        here.expect(format!(r#"42/room-1,["said",{round}]"#)).await;
        there.expect(format!(r#"42/room-1,["said",{round}]"#)).await;
        one.1.emit("news", round);
        here.expect(format!(r#"42/room-1,["news",{round}]"#)).await;
        there.expect(format!(r#"42/room-1,["news",{round}]"#)).await;
        assert_eq!(one.1.fetch_sockets().await.unwrap().len(), 2);
        for client in [&mut here, &mut there] {
            client.send("41/room-1,").await;
            client.expect_nothing().await;
        }
        assert!(one.0.get("/room-1").is_none());
        assert!(two.0.get("/room-1").is_none());
    }
}

/// It owns the client that asks.
#[tokio::test]
async fn a_predicate_that_never_answers_is_given_up_when_the_time_to_connect_is_over() {
    let (io, _) = io(SocketIo::builder().connect_timeout(Duration::from_millis(300)));
    let asked = Arc::new(());
    let owned = asked.clone();
    let _ = io.of_matching_async(move |request: NamespaceRequest| {
        let owned = owned.clone();
        async move {
            let _owned = (request, owned);
            std::future::pending().await
        }
    });
    let server = TestServer::start(&io).await;
    let mut stays = TestClient::connect(&server, Eio::V4, Via::WebSocket).await;
    stays.send("40/anywhere,").await;
    let mut goes = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    goes.send("40/anywhere,").await;
    stays
        .expect(r#"44/anywhere,{"message":"Invalid namespace"}"#)
        .await;
    // Which of the two is over first is not said.
    while goes.recv().await.is_some() {}
    within(async {
        while Arc::strong_count(&asked) > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stays.expect_nothing().await;
}
