//! What is left when a server or the bus fails.

#![expect(clippy::disallowed_methods, reason = "the clock is paused")]

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum_socketio::{
    ServerId, SocketIo,
    ack::AckError,
    adapter::{Adapter, Bus, Destination, Envelope, Memory, Message, Options, Payload},
};
use futures::StreamExt;
use tokio::time::Instant;

use crate::{contract::Nodes, on, wire::within};

/// Servers without clients, for tests that pause the clock.
async fn servers(count: usize, bus: &Bus) -> Vec<SocketIo> {
    let servers: Vec<_> = (0..count)
        .map(|_| SocketIo::builder().adapter(bus.adapter()).build().unwrap())
        .collect();
    for io in &servers {
        while io.of("/").server_count().await != count {
            tokio::task::yield_now().await;
        }
    }
    servers
}

fn id(io: &SocketIo) -> ServerId {
    io.server_id().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_named_when_the_time_is_up() {
    let bus = Bus::new();
    let servers = servers(3, &bus).await;
    let silent = id(&servers[1]);
    bus.cut(&silent);
    let start = Instant::now();
    let incomplete = servers[0].of("/").fetch_sockets().await.unwrap_err();
    assert_eq!(incomplete.missing(), std::slice::from_ref(&silent));
    assert_eq!(start.elapsed().as_secs(), 5);
    let start = Instant::now();
    let hasty = servers[0].of("/").timeout(Duration::from_secs(1));
    assert_eq!(hasty.clients().await.unwrap_err().missing(), [silent]);
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_of_the_others_are_kept() {
    let bus = Bus::new();
    let servers = servers(3, &bus).await;
    for io in &servers {
        io.of("/")
            .on_server_event("ask", |event| async move { event.ack("here").unwrap() });
    }
    bus.cut(&id(&servers[1]));
    let main = servers[0].of("/");
    let incomplete = main
        .server_side_emit_with_ack::<String>("ask", ())
        .await
        .unwrap_err();
    assert_eq!(incomplete.received, ["here"]);
    assert_eq!(incomplete.missing(), [id(&servers[1])]);
    let expected = format!("timeout reached: missing 1 responses of {}", id(&servers[1]));
    assert_eq!(incomplete.to_string(), expected);

    let start = Instant::now();
    let asked = main
        .timeout(Duration::from_secs(2))
        .emit_with_ack::<()>("ask", ());
    let error = asked.collect_all().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.missing_servers(), [id(&servers[1])]);
    assert_eq!(start.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_silent_for_ten_seconds_is_forgotten() {
    let bus = Bus::new();
    let servers = servers(3, &bus).await;
    // Heartbeats keep the others.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(servers[0].of("/").server_count().await, 3);
    bus.cut(&id(&servers[1]));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(servers[0].of("/").server_count().await, 2);
    assert!(servers[0].of("/").fetch_sockets().await.is_ok());
    // Who comes back is found again by its heartbeat.
    bus.mend(&id(&servers[1]));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(servers[0].of("/").server_count().await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_says_good_bye() {
    let bus = Bus::new();
    let mut servers = servers(2, &bus).await;
    drop(servers.pop());
    let start = Instant::now();
    while servers[0].of("/").server_count().await != 1 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(bus.servers(), [id(&servers[0])]);
}

#[tokio::test]
async fn a_failing_bus_stops_no_local_delivery_and_is_told_once() {
    let bus = Bus::new();
    let nodes = Nodes::joined(2, &on(bus.clone())).await;
    let (mut here, _) = nodes.client(0, &[]).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    let errors = Arc::new(AtomicUsize::new(0));
    let counter = errors.clone();
    nodes.io(0).on_adapter_error(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    bus.fail(nodes.io(0).server_id().unwrap());
    for number in 0..3 {
        nodes.io(0).of("/").emit("n", number);
        here.expect(format!(r#"42["n",{number}]"#)).await;
    }
    nodes.io(0).of("/").join("room");
    assert_eq!(nodes.io(0).of("/").to("room").sockets().len(), 1);
    assert_eq!(errors.load(Ordering::Relaxed), 1);
    bus.mend(nodes.io(0).server_id().unwrap());
    nodes.io(0).of("/").emit("again", ());
    here.expect(r#"42["again"]"#).await;
    there.expect(r#"42["again"]"#).await;
    bus.fail(nodes.io(0).server_id().unwrap());
    nodes.io(0).of("/").emit("lost", ());
    assert_eq!(errors.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_is_late_comes_in_order_and_what_is_lost_is_only_that() {
    let bus = Bus::new();
    let nodes = Nodes::joined(2, &on(bus.clone())).await;
    let (mut there, _) = nodes.client(1, &[]).await;
    bus.hold();
    nodes.io(0).of("/").emit("one", ());
    nodes.io(0).of("/").emit("two", ());
    there.expect_nothing().await;
    bus.release();
    there.expect(r#"42["one"]"#).await;
    there.expect(r#"42["two"]"#).await;
    bus.drop_if(|envelope| match &envelope.message {
        Message::Broadcast { packet, .. } => packet.json() == r#"["lost"]"#,
        _ => false,
    });
    nodes.io(0).of("/").emit("lost", ());
    nodes.io(0).of("/").emit("three", ());
    there.expect(r#"42["three"]"#).await;
}

#[tokio::test]
async fn a_server_without_others_answers_at_once() {
    for io in [
        SocketIo::new(),
        SocketIo::builder().adapter(Memory).build().unwrap(),
    ] {
        assert_eq!(io.of("/").server_count().await, 1);
        assert!(io.of("/").fetch_sockets().await.unwrap().is_empty());
        let main = io.of("/");
        let answers = main.server_side_emit_with_ack::<()>("ask", ());
        assert!(answers.await.unwrap().is_empty());
        assert!(io.server_id().is_none() && io.adapter().is_alone());
    }
}

#[test]
fn an_adapter_wants_a_runtime() {
    let error = SocketIo::builder()
        .adapter(Bus::new().adapter())
        .build()
        .unwrap_err();
    assert_eq!(error.option(), "adapter");
}

/// With the clock paused, waiting for the others would take five seconds or more.
#[tokio::test(start_paused = true)]
async fn questions_that_can_not_be_sent_fail_at_once() {
    let bus = Bus::new();
    let servers = servers(2, &bus).await;
    let _ = servers[0].of_matching(|name| name == "/child");
    let main = servers[0].of("/");
    let other = id(&servers[1]);
    for (failure, missing) in [
        ("the bus is out of order", std::slice::from_ref(&other)),
        // It is alone then.
        ("the server has left the cluster", &[]),
    ] {
        let text = match missing {
            [] => {
                servers[0].close().await;
                "the adapter failed".to_owned()
            }
            _ => {
                bus.fail(&id(&servers[0]));
                format!("the adapter failed: missing 1 responses of {other}")
            }
        };
        let start = Instant::now();
        let incomplete = main.fetch_sockets().await.unwrap_err();
        assert_eq!(incomplete.missing(), missing);
        assert_eq!(incomplete.to_string(), text);
        assert_eq!(incomplete.source().unwrap().to_string(), failure);
        let clients = main.clients().await.unwrap_err();
        assert_eq!(clients.source().unwrap().to_string(), failure);
        let answers = main.server_side_emit_with_ack::<()>("ask", ()).await;
        assert_eq!(answers.unwrap_err().source().unwrap().to_string(), failure);
        let answers = main.emit_with_ack::<()>("ask", ()).collect_all().await;
        let error = answers.unwrap_err();
        assert_eq!(error.missing_servers(), missing);
        let source = error.source().unwrap().downcast_ref::<AckError>().unwrap();
        assert!(source.is_adapter() && !source.is_timeout());
        assert_eq!(source.source().unwrap().to_string(), failure);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

/// They have the event, and may be all that the application wanted to hear.
#[tokio::test]
async fn clients_here_are_waited_for_though_others_can_not_be_asked() {
    let bus = Bus::new();
    let nodes = Nodes::joined(2, &on(bus.clone())).await;
    let (mut here, _) = nodes.client(0, &[]).await;
    bus.fail(nodes.io(0).server_id().unwrap());
    let answers = nodes.io(0).of("/").emit_with_ack::<u8>("ask", ());
    here.expect(r#"420["ask"]"#).await;
    here.send("430[7]").await;
    let error = within(answers.collect_all()).await.unwrap_err();
    assert_eq!(error.replies, [7]);
    assert!(!error.is_timeout());
}

#[tokio::test]
async fn a_server_that_is_too_slow_for_the_bus_misses_messages_and_is_told() {
    let bus = Bus::new();
    let [speaker, slow, quick] = [(); 3].map(|()| bus.adapter());
    let (me, one, two) = ("me".into(), "one".into(), "two".into());
    let _ = speaker.join(&me);
    let (mut slow, mut quick) = (slow.join(&one), quick.join(&two));
    let publish = |message| {
        let (sender, namespace) = (me.clone(), "/".into());
        let envelope = Envelope {
            sender,
            namespace,
            message,
        };
        speaker.publish(Destination::Everyone, &envelope)
    };
    let says = |text: &str| {
        let (options, request) = (Options::default(), None);
        publish(Message::Broadcast {
            packet: Payload::from_parts(format!(r#"["{text}"]"#), Vec::new()).unwrap(),
            options,
            request,
        })
    };
    // 64 MiB may wait.
    let long = "x".repeat(20 << 20);
    for _ in 0..5 {
        says(&long).unwrap();
        assert!(within(quick.next()).await.unwrap().is_ok());
    }
    let lost = within(slow.next()).await.unwrap().unwrap_err();
    assert!(lost.to_string().ends_with("2 messages were lost"), "{lost}");
    for _ in 0..3 {
        assert!(within(slow.next()).await.unwrap().is_ok());
    }
    says("there is room again").unwrap();
    assert!(within(slow.next()).await.unwrap().is_ok());
    bus.hold();
    for _ in 0..2 {
        says(&long).unwrap();
    }
    let join = Message::Join {
        options: Options::default(),
        rooms: vec![long.as_str().into()],
    };
    publish(join).unwrap();
    assert!(
        says(&long).is_err(),
        "what is held back is bounded too, and names of rooms count"
    );
}
