//! What a client has missed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum_socketio::{
    ConnectError, Socket, SocketIo, adapter::Bus, engine::Overflow, recovery::ConnectionStateRecovery,
};
use bytes::Bytes;
use serde_json::json;

use super::{Client, Memory, WAYS, asking, events, recovering, told, value, with};
use crate::wire::{Eio, Packet, Request, TestClient, TestServer, Via};

#[tokio::test]
async fn a_client_gets_back_what_it_missed_once_and_in_order() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        client.join(&["room", "other"]).await;
        main.emit("before", 1);
        assert_eq!(client.event().await, value(json!(["before", 1])));
        let before = client.memory.sid.clone();
        let memory = client.lose_connection(&mut heard).await;

        assert!(main.socket(&before).is_none() && main.is_empty());
        main.emit("to all", (1, 2));
        main.to("room").emit("to a room", "a");
        main.to(&*before).emit("to its own room", ());
        main.to("elsewhere").emit("to others", ());
        main.except("room").emit("to all but it", ());
        main.volatile().emit("volatile", ());
        main.to(["room", "other"]).emit("to two of its rooms", ());

        let (mut client, missed) = Client::resume(&server, via, &memory).await;
        let expected = events([
            json!(["to all", 1, 2]),
            json!(["to a room", "a"]),
            json!(["to its own room"]),
            json!(["to two of its rooms"]),
        ]);
        assert_eq!(missed, expected);
        assert_eq!((&client.memory.sid, &client.memory.pid), (&before, &memory.pid));
        heard.expect("recovered room other").await;
        // And goes on as if nothing had been.
        main.to("other").emit("after", ());
        assert_eq!(client.event().await, value(json!(["after"])));
        client.wire.close().await;
        heard.expect("left: transport close").await;
    }
}

/// npm's client keeps what comes before it knows that it is connected, and asks for it again if the connection breaks in between.
#[tokio::test]
async fn what_a_client_that_polls_has_missed_and_the_welcome_are_one_answer() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let memory = Client::away(&server, Via::Polling, &mut heard).await;
    for number in 0..100 {
        main.emit("missed", number);
    }
    for held in [false, true] {
        let mut wire = TestClient::open(&server, Eio::V4, Via::Polling).await;
        let get = Request::get(wire.target());
        let answer = match held {
            false => {
                wire.send(format!("40{}", asking(&memory))).await;
                get.send(server.addr).await
            }
            true => {
                let held = get.start(server.addr).await;
                wire.send(format!("40{}", asking(&memory))).await;
                held.response().await
            }
        };
        let text = answer.text();
        let packets: Vec<_> = text.split('\u{1e}').collect();
        assert_eq!(packets.len(), 101);
        assert!(
            packets[..100]
                .iter()
                .all(|packet| packet.starts_with("42[\"missed\""))
        );
        assert!(packets[100].starts_with("40{"), "{}", packets[100]);
        heard.expect("recovered ").await;
        wire.close().await;
        heard.expect("left: transport close").await;
    }
}

#[tokio::test]
async fn a_client_can_lose_its_connection_again_and_again() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut memory = {
        let mut client = Client::connect(&server, Via::WebSocket).await;
        heard.expect("new ").await;
        client.join(&["room"]).await;
        client.lose_connection(&mut heard).await
    };
    for round in 0..20 {
        main.to("room").emit("round", round);
        let (client, missed) = Client::resume(&server, WAYS[round % 2], &memory).await;
        assert_eq!(missed, events([json!(["round", round])]));
        heard.expect("recovered room").await;
        memory = client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn what_was_sent_to_rooms_that_it_had_left_or_not_joined_yet_is_not_missed() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::Polling).await;
    heard.expect("new ").await;
    client.join(&["early"]).await;
    let mut memory = client.memory.clone();
    // All of this is queued for a client that doesn't poll, and is lost with its connection.
    main.to("early").emit("heard", 1);
    main.to("late").emit("not heard", 2);
    let socket = main.socket(&memory.sid).unwrap();
    socket.leave("early");
    main.to("early").emit("not heard", 3);
    socket.join("late");
    main.to("late").emit("heard", 4);
    client.wire.close().await;
    heard.expect("left: transport close").await;
    main.to(["early", "late"]).emit("heard", 5);

    let (client, missed) = Client::resume(&server, Via::Polling, &memory).await;
    let expected = [1, 4, 5].map(|number| json!(["heard", number]));
    assert_eq!(missed, events(expected));
    memory.offset.clone_from(&client.memory.offset);
    assert_eq!(memory.pid, client.memory.pid);
}

#[tokio::test]
async fn a_client_that_has_received_nothing_gets_everything() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let memory = Client::away(&server, via, &mut heard).await;
        assert_eq!(memory.offset, None);
        main.emit("first", 1);
        main.emit("second", 2);
        let (client, missed) = Client::resume(&server, via, &memory).await;
        assert_eq!(missed, events([json!(["first", 1]), json!(["second", 2])]));
        heard.expect("recovered ").await;
        client.lose_connection(&mut heard).await;
    }
}

#[tokio::test]
async fn a_client_whose_last_packet_was_forgotten_long_ago_has_missed_nothing() {
    let (io, main, mut heard) = told(with(ConnectionStateRecovery::new().max_log_size(4096)));
    let server = TestServer::start(&io).await;
    let mut idle = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    idle.join(&["quiet"]).await;
    let mut busy = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    busy.join(&["busy"]).await;
    let early = busy.memory.clone();
    for number in 0..100 {
        main.to("busy").emit("line", (number, "x".repeat(100)));
        busy.event().await;
    }
    let memory = idle.lose_connection(&mut heard).await;
    let (idle, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([]));
    assert_eq!(idle.memory.pid, memory.pid);
    heard.expect("recovered quiet").await;

    // But who misses one of those that are gone begins anew, instead of being told half of it.
    let memory = Memory {
        offset: early.offset,
        ..busy.lose_connection(&mut heard).await
    };
    let (busy, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([]));
    assert_ne!(busy.memory.pid, memory.pid);
    assert_ne!(busy.memory.sid, memory.sid);
    heard.expect("new ").await;
}

/// Why a client that had a session begins anew.
#[derive(Clone, Copy, Debug)]
enum Anew {
    GoodBye,
    MissedTooMuch,
    /// So much that it turned out as it was let in.
    MissedTooMuchMeanwhile,
}

/// npm's client remembers the offset of the last event that it had, in whichever session.
#[tokio::test]
async fn a_client_whose_last_packet_is_of_a_session_before_gets_everything_of_its_own() {
    for (anew, via) in [Anew::GoodBye, Anew::MissedTooMuch, Anew::MissedTooMuchMeanwhile]
        .into_iter()
        .flat_map(|anew| WAYS.map(|via| (anew, via)))
    {
        let recovery = ConnectionStateRecovery::new()
            .skip_middlewares(false)
            .max_log_size(400);
        let (io, main, mut heard) = told(with(recovery));
        let floods = Arc::new(AtomicBool::new(false));
        let (everyone, flood) = (main.clone(), floods.clone());
        let main = main.middleware(async move || {
            if flood.swap(false, Ordering::Relaxed) {
                everyone.emit("too much", "x".repeat(400));
            }
            Ok::<_, ConnectError>(())
        });
        let server = TestServer::start(&io).await;
        let mut client = Client::connect(&server, via).await;
        heard.expect("new ").await;
        main.emit("first", ());
        client.event().await;
        let before = client.memory.clone();
        if let Anew::GoodBye = anew {
            client.wire.send("41").await;
            heard.expect("left: client namespace disconnect").await;
            client.wire.close().await;
        } else {
            client.lose_connection(&mut heard).await;
        }
        match anew {
            Anew::GoodBye => {}
            Anew::MissedTooMuch => main.emit("too much", "x".repeat(400)),
            Anew::MissedTooMuchMeanwhile => floods.store(true, Ordering::Relaxed),
        }
        let (client, missed) = Client::resume(&server, via, &before).await;
        assert_eq!(missed, events([]), "{anew:?}");
        assert_ne!(client.memory.pid, before.pid, "{anew:?}");
        heard.expect("new ").await;

        let mut memory = client.lose_connection(&mut heard).await;
        assert_eq!(memory.offset, before.offset);
        for number in 0..2 {
            main.emit("missed", number);
            let (client, missed) = Client::resume(&server, via, &memory).await;
            assert_eq!(missed, events([json!(["missed", number])]), "{anew:?}");
            assert_eq!(client.memory.pid, memory.pid);
            heard.expect("recovered ").await;
            memory = client.lose_connection(&mut heard).await;
        }
    }
}

#[tokio::test]
async fn what_was_queued_for_a_lost_connection_is_sent_again_unless_it_is_too_much_for_the_next_one() {
    for (events_missed, recovers) in [(5, true), (100, false)] {
        let builder = recovering().max_send_buffer(2_000).overflow(Overflow::Disconnect);
        let (io, main, mut heard) = told(builder);
        let server = TestServer::start(&io).await;
        let client = Client::connect(&server, Via::Polling).await;
        heard.expect("new ").await;
        let memory = client.memory.clone();
        // It doesn't poll.
        let socket = main.socket(&memory.sid).unwrap();
        let sent = (0..events_missed)
            .filter(|number| socket.try_emit("number", number).is_ok())
            .count();
        if recovers {
            assert_eq!(sent, events_missed);
            client.wire.close().await;
            heard.expect("left: transport close").await;
        } else {
            assert!((10..50).contains(&sent), "{sent}");
            heard.expect("left: transport error").await;
        }
        let (client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
        if recovers {
            assert_eq!(
                missed,
                events((0..events_missed).map(|number| json!(["number", number])))
            );
            heard.expect("recovered ").await;
        } else {
            assert!(missed.is_empty());
            assert_ne!(client.memory.pid, memory.pid);
            heard.expect("new ").await;
        }
    }
}

#[tokio::test]
async fn what_other_servers_emit_is_missed_too() {
    let bus = Bus::new();
    let (io, _main, mut heard) = told(recovering().adapter(bus.adapter()));
    let other = SocketIo::builder().adapter(bus.adapter()).build().unwrap();
    let server = TestServer::start(&io).await;
    let mut client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    client.join(&["room"]).await;
    let memory = client.lose_connection(&mut heard).await;
    // Somebody who is there tells when it has arrived.
    let mut witness = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    other.of("/").to("room").emit("from elsewhere", 1);
    other.of("/").emit("done", ());
    assert_eq!(witness.event().await, value(json!(["done"])));
    let (_client, missed) = Client::resume(&server, Via::WebSocket, &memory).await;
    assert_eq!(missed, events([json!(["from elsewhere", 1]), json!(["done"])]));
}

#[tokio::test]
async fn attachments_are_sent_again_with_their_packet() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for via in WAYS {
        let memory = Client::away(&server, via, &mut heard).await;
        main.emit("photo", (Bytes::from_static(b"\x01\x02"), "me"));
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.send(format!("40{}", super::asking(&memory))).await;
        let head = client.text().await;
        assert!(
            head.starts_with(r#"451-["photo",{"_placeholder":true,"num":0},"me",""#),
            "{head}"
        );
        client.expect(Packet::Binary(vec![1, 2])).await;
        let reply = client.text().await;
        assert!(reply.starts_with("40{"), "{reply}");
        heard.expect("recovered ").await;
        client.close().await;
        heard.expect("left: transport close").await;
    }
}

#[tokio::test]
async fn only_events_that_can_be_sent_again_have_an_offset_and_only_for_clients_that_can_come_back() {
    let (io, main, mut heard) = told(recovering());
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        client.join("/").await;
        heard.expect("new ").await;
        main.emit("broadcast", 1);
        main.sockets()[0].emit("single", 2);
        for event in [r#"["broadcast",1"#, r#"["single",2"#] {
            let text = client.text().await;
            let rest = text
                .strip_prefix(&*format!("42{event}"))
                .unwrap_or_else(|| panic!("{text}"));
            match eio {
                Eio::V3 => assert_eq!(rest, "]"),
                Eio::V4 => assert!(rest.starts_with(",\"") && rest.ends_with("\"]"), "{text}"),
            }
        }
        drop(main.emit_with_ack::<()>("asks all", 3));
        drop(main.sockets()[0].emit_with_ack::<()>("asks one", 4));
        for event in [r#"["asks all",3]"#, r#"["asks one",4]"#] {
            let text = client.text().await;
            assert!(text.starts_with("42") && text.ends_with(event), "{text}");
        }
        if via == Via::WebSocket {
            // Its driver may still be at what was read last.
            main.sockets()[0].writable().await;
            main.volatile().emit("volatile", 5);
            client.expect(r#"42["volatile",5]"#).await;
        }
        client.close().await;
        heard.expect("left: transport close").await;
    }
}

#[tokio::test]
async fn listeners_for_what_is_sent_see_no_offset() {
    let (io, main, mut heard) = told(recovering());
    let (log, mut outgoing) = crate::log::log();
    let main = main.on_connect(async move |socket: Socket| {
        let log = log.clone();
        socket.on_any_outgoing(
            async move |axum_socketio::extract::EventName(name): axum_socketio::extract::EventName,
                        axum_socketio::extract::Rest(args): axum_socketio::extract::Rest<
                axum_socketio::Value,
            >| log.say(format!("{name} {}", args.len())),
        );
    });
    let server = TestServer::start(&io).await;
    let _client = Client::connect(&server, Via::WebSocket).await;
    heard.expect("new ").await;
    main.emit("broadcast", (1, 2));
    outgoing.expect("broadcast 2").await;
    main.sockets()[0].emit("single", 1);
    outgoing.expect("single 1").await;
}

#[tokio::test(start_paused = true)]
async fn times_are_what_the_options_say() {
    let minute = Duration::from_secs(60);
    assert!(
        with(ConnectionStateRecovery::new().max_disconnection_duration(minute))
            .build()
            .is_ok()
    );
    for wrong in [Duration::ZERO, Duration::MAX] {
        let error = with(ConnectionStateRecovery::new().max_disconnection_duration(wrong))
            .build()
            .unwrap_err();
        assert_eq!(error.option(), "connection_state_recovery");
    }
}
