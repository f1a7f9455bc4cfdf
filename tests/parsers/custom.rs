//! A parser of a user's own.

use std::{collections::HashMap, error::Error};

use axum_socketio::{
    Protocol, Socket, SocketIo, Value,
    ack::AckError,
    adapter::Bus,
    limit::Limit,
    parser::{self, Decoder, Messages, Parser},
    recovery::ConnectionStateRecovery,
};

use super::{
    Said,
    arrays::{Arrays, Counts},
    hears, server,
    wire::{Eio, Packet, TestClient, TestServer, Via, within},
};

/// A server with the parser, what it counts, and what it says.
async fn arrays() -> (SocketIo, TestServer, &'static Counts, Said) {
    let parser = Arrays::default();
    let counts = parser.written;
    let (io, said) = server(SocketIo::builder().parser(parser));
    let server = TestServer::start(&io).await;
    (io, server, counts, said)
}

/// A client connected to `/`, and its socket's id.
pub(crate) async fn connected(server: &TestServer, eio: Eio, via: Via) -> (TestClient, String) {
    let mut client = TestClient::open(server, eio, via).await;
    if eio == Eio::V3 {
        client.expect(r#"4[0,"/",null,null]"#).await;
        let id = client.sid().to_owned();
        return (client, id);
    }
    client.send(r#"4[0,"/",null,{"token":1}]"#).await;
    let reply = client.text().await;
    let id = reply.strip_prefix(r#"4[0,"/",null,{"sid":""#).unwrap();
    let id = id.strip_suffix(r#""}]"#).unwrap().to_owned();
    (client, id)
}

#[tokio::test]
async fn events_and_acknowledgements_go_both_ways() {
    let (_io, server, _, _said) = arrays().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let (mut client, _) = connected(&server, eio, via).await;
        client
            .send(r#"4[2,"/",null,["message",1,{"a":[null,"é"]}]]"#)
            .await;
        client
            .expect(r#"4[2,"/",null,["message-back",1,{"a":[null,"é"]}]]"#)
            .await;
        client.send(r#"4[2,"/",7,["with ack",[1],2]]"#).await;
        client.expect(r#"4[3,"/",7,[[1],2]]"#).await;
        client.send(r#"4[2,"/",null,["ask",1]]"#).await;
        let question = client.text().await;
        let id = question.strip_prefix(r#"4[2,"/","#).unwrap();
        let id = id.strip_suffix(r#",["question",1]]"#).unwrap();
        client.send(format!(r#"4[3,"/",{id},["yes",2]]"#)).await;
        client.expect(r#"4[2,"/",null,["answered","yes",2]]"#).await;
    }
}

#[tokio::test]
async fn packets_may_be_several_messages() {
    let (_io, server, _, _said) = arrays().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let (mut client, _) = connected(&server, eio, via).await;
        client
            .send_all([
                Packet::from(r#"4[2,"/",null,["message",{"bytes":0},[{"bytes":0}]]]"#),
                [1, 2].into(),
                [3].into(),
            ])
            .await;
        client
            .expect(r#"4[2,"/",null,["message-back",{"bytes":null},[{"bytes":null}]]]"#)
            .await;
        client.expect([1, 2]).await;
        client.expect([3]).await;
    }
}

#[tokio::test]
async fn namespaces_are_left_and_refused() {
    let (_io, server, _, mut said) = arrays().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let (mut client, _) = connected(&server, eio, via).await;
        client.send(r#"4[0,"/unknown",null,null]"#).await;
        let (unknown, refused) = match eio {
            Eio::V3 => (r#""Invalid namespace""#, "[1]"),
            Eio::V4 => (
                r#"{"message":"Invalid namespace"}"#,
                r#"{"message":"no","data":[1]}"#,
            ),
        };
        client.expect(format!(r#"4[4,"/unknown",null,{unknown}]"#)).await;
        client.send(r#"4[0,"/refused",null,null]"#).await;
        client.expect(format!(r#"4[4,"/refused",null,{refused}]"#)).await;
        client.send(r#"4[2,"/",null,["leave"]]"#).await;
        client.expect(r#"4[1,"/",null,null]"#).await;
        hears(&mut said, "server namespace disconnect").await;
        // Clients of Engine.IO 3 may not join again, and don't have to.
        if eio == Eio::V4 {
            client.send(r#"4[0,"/",null,null]"#).await;
            client.text().await;
            client.send(r#"4[1,"/",null,null]"#).await;
            hears(&mut said, "client namespace disconnect").await;
        }
    }
}

/// Middlewares of events, and listeners for what is sent.
#[tokio::test]
async fn events_are_changed_and_watched_on_their_way() {
    let (io, server, _, mut said) = arrays().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let (mut client, _) = connected(&server, eio, via).await;
        client.send(r#"4[0,"/watched",null,null]"#).await;
        client.text().await;
        client
            .send_all([
                Packet::from(r#"4[2,"/watched",null,["message",{"bytes":0}]]"#),
                [1].into(),
            ])
            .await;
        client
            .expect(r#"4[2,"/watched",null,["message-back",{"bytes":null},"checked"]]"#)
            .await;
        client.expect([1]).await;
        hears(&mut said, r#"message-back [[1],"checked"]"#).await;
        io.of("/watched").emit("news", 1);
        client.expect(r#"4[2,"/watched",null,["news",1]]"#).await;
        hears(&mut said, "news [1]").await;
        client.close().await;
        while !within(said.recv()).await.unwrap().ends_with("close") {}
    }
}

#[tokio::test]
async fn a_broadcast_is_written_once_for_each_generation() {
    let (io, server, counts, _said) = arrays().await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY.into_iter().chain(TestClient::EVERY_WAY) {
        clients.push(connected(&server, eio, via).await.0);
    }
    counts.take();
    io.of("/").emit("news", "n");
    assert_eq!(counts.take(), (1, 1));
    for client in &mut clients {
        client.expect(r#"4[2,"/",null,["news","n"]]"#).await;
    }
    // Of a generation that nobody is of, there is nothing to write.
    let (mut only, id) = connected(&server, Eio::V4, Via::WebSocket).await;
    counts.take();
    io.of("/").to(id).emit("news", "m");
    only.expect(r#"4[2,"/",null,["news","m"]]"#).await;
    assert_eq!(counts.take(), (0, 1));
    io.of("/").to("nobody").emit("news", "o");
    assert_eq!(counts.take(), (0, 0));
}

#[tokio::test]
async fn broadcasts_are_acknowledged() {
    let (io, server, _, _said) = arrays().await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        clients.push(connected(&server, eio, via).await.0);
    }
    let answers = io.of("/").emit_with_ack::<u8>("how many", ());
    for (number, client) in clients.iter_mut().enumerate() {
        let question = client.text().await;
        let id = question.strip_prefix(r#"4[2,"/","#).unwrap();
        let id = id.strip_suffix(r#",["how many"]]"#).unwrap();
        client.send(format!(r#"4[3,"/",{id},[{number}]]"#)).await;
    }
    let mut answers = within(answers.collect_all()).await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [0, 1, 2, 3]);
}

/// What a client sends, and in which words it is refused by the rules of Engine.IO 3 and 4.
const JUDGED: [(&str, Option<&str>, Option<&str>); 12] = [
    (
        r#"4[2,"/",null,[]]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (
        r#"4[2,"/",null,[null]]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (
        r#"4[2,"/",null,{}]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (
        r#"4[2,"/",null,null]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (r#"4[2,"/",null,["connect"]]"#, None, Some("invalid payload")),
    (r#"4[3,"/",null,[]]"#, None, None),
    (
        r#"4[3,"/",1,1]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (
        r#"4[1,"/",null,1]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (
        r#"4[0,"/",null,1]"#,
        Some("invalid payload"),
        Some("invalid payload"),
    ),
    (r#"4[4,"/",null,[]]"#, None, Some("invalid payload")),
    (
        r#"4[9,"/",null,null]"#,
        Some("unknown packet type 9"),
        Some("unknown packet type 9"),
    ),
    (
        r#"4panic"#,
        Some("a test panics on purpose"),
        Some("a test panics on purpose"),
    ),
];

/// As strictly as what comes by the JSON parser: by the rules of Node 2.5 for Engine.IO 3, and of 4.8 for Engine.IO 4.
#[tokio::test]
async fn the_server_judges_what_a_parser_reads() {
    let (_io, server, _, mut said) = arrays().await;
    for (eio, via) in TestClient::EVERY_WAY {
        for (packet, v3, v4) in JUDGED {
            let (mut client, _) = connected(&server, eio, via).await;
            client.send(packet).await;
            let refusal = match eio {
                Eio::V3 => v3,
                Eio::V4 => v4,
            };
            if let Some(words) = refusal {
                hears(&mut said, &format!("a packet makes no sense: {words}")).await;
                client.expect_closed().await;
            } else {
                client.send(r#"4[2,"/",3,["with ack"]]"#).await;
                client.expect(r#"4[3,"/",3,[]]"#).await;
                client.close().await;
            }
            // Whatever it was, the next one is read.
            while !within(said.recv()).await.unwrap().ends_with("close") {}
        }
    }
}

#[tokio::test]
async fn a_packet_for_a_namespace_that_was_not_joined_is_no_secret_way_in() {
    let (_io, server, _, _said) = arrays().await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"4[2,"/",null,["message"]]"#).await;
    client.expect_closed().await;
}

#[tokio::test]
async fn a_connect_error_from_a_client_ends_its_connection_and_is_told_to_nobody() {
    let (_io, server, _, mut said) = arrays().await;
    let (mut client, _) = connected(&server, Eio::V4, Via::WebSocket).await;
    client.send(r#"4[4,"/",null,"x"]"#).await;
    client.expect_closed().await;
    hears(&mut said, "forced close").await;
}

/// They are told what they are as by the JSON parser, whatever a parser lets pass.
#[tokio::test]
async fn limits_hold_for_what_a_parser_reads() {
    let options = SocketIo::builder().max_attachments(1).max_json_depth(3);
    let (io, mut said) = server(options.parser(Arrays::default()));
    let server = TestServer::start(&io).await;
    let (one, deep) = (r#"{"bytes":0}"#, "[[1]]");
    let raw = "$serde_json::private::RawValue";
    let cases = [
        (one.to_owned(), 1, None),
        (format!("{one},{one}"), 2, Some(Limit::Attachments)),
        (deep.to_owned(), 0, None),
        (format!("[{deep}]"), 0, Some(Limit::JsonDepth)),
        (format!("{{{raw:?}:\"\"}}"), 0, Some(Limit::JsonDepth)),
        (format!("{{\"a\":{raw:?}}}"), 0, None),
    ];
    let mut times = HashMap::new();
    for (args, binaries, limit) in cases {
        let (mut client, _) = connected(&server, Eio::V4, Via::WebSocket).await;
        client.send(format!(r#"4[2,"/",null,["message",{args}]]"#)).await;
        for _ in 0..binaries {
            client.send(Packet::from([1])).await;
        }
        let Some(limit) = limit else {
            let answer = client.text().await;
            assert!(answer.starts_with(r#"4[2,"/",null,["message-back","#), "{answer}");
            client.close().await;
            hears(&mut said, "transport close").await;
            continue;
        };
        client.expect_closed().await;
        let _ = within(said.recv()).await;
        hears(&mut said, "forced close").await;
        *times.entry(limit.option()).or_insert(0) += 1;
        assert_eq!(io.times_exceeded(limit), times[limit.option()]);
    }
}

/// A parser that is at a loss with every connection.
#[derive(Debug)]
struct NoDecoders;

impl Parser for NoDecoders {
    fn encode(&self, _: &parser::Packet, _: Protocol) -> Result<Messages, Box<dyn Error + Send + Sync>> {
        Ok(Messages::text("4"))
    }

    fn decoder(&self, _: Protocol) -> Box<dyn Decoder> {
        panic!("a test panics on purpose")
    }
}

#[tokio::test]
async fn a_connection_for_which_there_is_no_decoder_ends() {
    let (io, _said) = server(SocketIo::builder().parser(NoDecoders));
    let server = TestServer::start(&io).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&server, eio, via).await;
        // Clients of Engine.IO 3 are greeted before anything is read.
        while client.recv().await.is_some() {}
    }
    within(io.close()).await;
    assert_eq!(io.engine().clients_count(), 0);
}

/// Those who could be asked are not waited for when others could not.
#[tokio::test]
async fn a_question_that_not_all_could_be_asked_is_forgotten() {
    let options = SocketIo::builder().max_pending_acks(1);
    let (io, _said) = server(options.parser(Arrays::default()));
    let parent = io.of_matching(|name| name.starts_with("/child-"));
    let server = TestServer::start(&io).await;
    let (mut old, _) = connected(&server, Eio::V3, Via::WebSocket).await;
    let (mut new, _) = connected(&server, Eio::V4, Via::WebSocket).await;
    old.send(r#"4[0,"/child-1",null,null]"#).await;
    old.text().await;
    new.send(r#"4[0,"/child-2",null,null]"#).await;
    new.text().await;
    for namespace in [io.of("/"), parent] {
        let failed = namespace.emit_with_ack::<()>("modern", ());
        assert!(failed.collect_all().await.unwrap_err().replies.is_empty());
        assert!(new.text().await.contains("modern"));
        let sockets = namespace.sockets();
        let modern = sockets.iter().find(|socket| socket.protocol() == Protocol::V4);
        let answer = modern.unwrap().emit_with_ack::<u8>("question", ());
        let question = new.text().await;
        let answered = question.replace("4[2", "4[3").replace(r#"["question"]"#, "[5]");
        new.send(answered).await;
        assert_eq!(within(answer).await.unwrap(), 5);
    }
}

#[tokio::test]
async fn what_a_parser_can_not_write_is_not_sent_and_said() {
    let (io, server, _, _said) = arrays().await;
    let (mut client, id) = connected(&server, Eio::V4, Via::WebSocket).await;
    let socket: Socket = io.of("/").socket(&id).unwrap();
    for word in ["unwritable", "panic"] {
        assert!(socket.try_emit("event", word).unwrap_err().is_encode());
        assert!(io.of("/").try_emit("event", word).unwrap_err().is_encode());
        let answer: Result<(), AckError> = socket.emit_with_ack("event", word).await;
        assert!(answer.unwrap_err().is_emit());
        assert!(
            io.of("/")
                .emit_with_ack::<()>("event", word)
                .collect_all()
                .await
                .is_err()
        );
        client.send(format!(r#"4[2,"/",1,["with ack","{word}"]]"#)).await;
    }
    client.send(r#"4[2,"/",2,["with ack"]]"#).await;
    client.expect(r#"4[3,"/",2,[]]"#).await;
    // Without an answer to this the client would wait for ever.
    client.send(r#"4[0,"/unwritable",null,null]"#).await;
    client.expect_closed().await;
}

/// Waits until the server knows so many, itself included.
pub(crate) async fn knows(io: &SocketIo, servers: usize) {
    within(async {
        while io.of("/").server_count().await != servers {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn servers_with_different_parsers_are_one_cluster() {
    let bus = Bus::new();
    let (json, _json_said) = server(SocketIo::builder().adapter(bus.adapter()));
    let (arrays, _said) = server(
        SocketIo::builder()
            .adapter(bus.adapter())
            .parser(Arrays::default()),
    );
    let servers = [TestServer::start(&json).await, TestServer::start(&arrays).await];
    knows(&json, 2).await;
    knows(&arrays, 2).await;
    let mut text = TestClient::connect(&servers[0], Eio::V4, Via::WebSocket).await;
    let (mut array, _) = connected(&servers[1], Eio::V4, Via::WebSocket).await;

    let bytes = bytes::Bytes::from_static(&[1]);
    json.of("/").emit("news", (&bytes, 1));
    text.expect(r#"451-["news",{"_placeholder":true,"num":0},1]"#)
        .await;
    text.expect([1]).await;
    array.expect(r#"4[2,"/",null,["news",{"bytes":null},1]]"#).await;
    array.expect([1]).await;
    arrays.of("/").emit("more", (2, &bytes));
    text.expect(r#"451-["more",2,{"_placeholder":true,"num":0}]"#)
        .await;
    text.expect([1]).await;
    array.expect(r#"4[2,"/",null,["more",2,{"bytes":null}]]"#).await;
    array.expect([1]).await;

    let answers = json.of("/").emit_with_ack::<u8>("how many", ());
    text.expect(r#"420["how many"]"#).await;
    text.send("430[1]").await;
    let question = array.text().await;
    let id = question.strip_prefix(r#"4[2,"/","#).unwrap();
    let id = id.strip_suffix(r#",["how many"]]"#).unwrap();
    array.send(format!(r#"4[3,"/",{id},[2]]"#)).await;
    let mut answers = within(answers.collect_all()).await.unwrap();
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);
}

/// The word that this parser can't write for clients of Engine.IO 3.
const MODERN: &str = "modern";

#[tokio::test]
async fn what_one_generation_can_not_be_told_leaves_nobody_waiting_and_is_told_to_other_servers() {
    let bus = Bus::new();
    let (io, _said) = server(
        SocketIo::builder()
            .adapter(bus.adapter())
            .max_pending_acks(1)
            .parser(Arrays::default()),
    );
    let (other, _other_said) = server(SocketIo::builder().adapter(bus.adapter()));
    let servers = [TestServer::start(&io).await, TestServer::start(&other).await];
    knows(&io, 2).await;
    knows(&other, 2).await;
    let _old = connected(&servers[0], Eio::V3, Via::WebSocket).await;
    let (mut new, id) = connected(&servers[0], Eio::V4, Via::WebSocket).await;
    let mut there = TestClient::connect(&servers[1], Eio::V4, Via::WebSocket).await;

    assert!(io.of("/").try_emit("event", MODERN).unwrap_err().is_encode());
    new.expect(r#"4[2,"/",null,["event","modern"]]"#).await;
    there.expect(r#"42["event","modern"]"#).await;

    let answers = io.of("/").local().emit_with_ack::<()>("event", MODERN);
    assert!(answers.collect_all().await.is_err());
    new.text().await;
    let socket = io.of("/").socket(&id).unwrap();
    let answer = socket.emit_with_ack::<u8>("question", ());
    let question = new.text().await;
    let ack = question.strip_prefix(r#"4[2,"/","#).unwrap();
    let ack = ack.strip_suffix(r#",["question"]]"#).unwrap();
    new.send(format!(r#"4[3,"/",{ack},[1]]"#)).await;
    assert_eq!(within(answer).await.unwrap(), 1);
}

#[tokio::test]
async fn a_client_that_lost_its_connection_gets_what_it_missed() {
    let builder = SocketIo::builder()
        .parser(Arrays::default())
        .connection_state_recovery(ConnectionStateRecovery::new());
    let (io, mut said) = server(builder);
    let server = TestServer::start(&io).await;
    let (client, before) = connected(&server, Eio::V4, Via::WebSocket).await;
    // The id and the pid.
    let (id, pid) = before.split_once(r#"","pid":""#).unwrap();
    let (mut old, _) = connected(&server, Eio::V3, Via::WebSocket).await;
    client.close().await;
    assert_eq!(within(said.recv()).await.unwrap(), "transport close");
    io.of("/").emit("missed", 1);
    old.expect(r#"4[2,"/",null,["missed",1]]"#).await;
    let mut client = TestClient::open(&server, Eio::V4, Via::WebSocket).await;
    client.send(format!(r#"4[0,"/",null,{{"pid":"{pid}"}}]"#)).await;
    let missed = client.text().await;
    assert!(missed.starts_with(r#"4[2,"/",null,["missed",1,""#), "{missed}");
    client
        .expect(format!(r#"4[0,"/",null,{{"sid":"{id}","pid":"{pid}"}}]"#))
        .await;
}

/// Between packets of a polling response it stands itself, and any client may be polling, or have to.
#[tokio::test]
async fn a_text_that_would_be_taken_for_two_packets_is_refused() {
    let (io, server, _, _said) = separating().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let (mut client, id) = connected(&server, eio, via).await;
        let sent = io.of("/").socket(id).unwrap().try_emit("news", "separated");
        match eio {
            Eio::V3 => {
                sent.unwrap();
                client.expect("4[2,\"/\",null,[\"news\",\"\u{1e}4[1]\"]]").await;
            }
            Eio::V4 => {
                let error = sent.unwrap_err();
                assert!(error.is_encode());
                let source = error.source().unwrap().source().unwrap().to_string();
                assert!(source.contains("U+001E"), "{source}");
            }
        }
        client.send(r#"4[2,"/",null,["message",1]]"#).await;
        client.expect(r#"4[2,"/",null,["message-back",1]]"#).await;
    }
}

/// A server whose parser writes a separator of packets, unescaped, for a word.
async fn separating() -> (SocketIo, TestServer, &'static Counts, Said) {
    #[derive(Debug)]
    struct Separating(Arrays);

    impl Parser for Separating {
        fn encode(
            &self,
            packet: &parser::Packet,
            protocol: Protocol,
        ) -> Result<Messages, Box<dyn Error + Send + Sync>> {
            let word = Value::from("separated");
            if packet.data.as_array().is_some_and(|data| data.contains(&word)) {
                return Ok(Messages::text("[2,\"/\",null,[\"news\",\"\u{1e}4[1]\"]]"));
            }
            self.0.encode(packet, protocol)
        }

        fn decoder(&self, protocol: Protocol) -> Box<dyn Decoder> {
            self.0.decoder(protocol)
        }
    }

    let parser = Separating(Arrays::default());
    let counts = parser.0.written;
    let (io, said) = super::server(SocketIo::builder().parser(parser));
    let server = TestServer::start(&io).await;
    (io, server, counts, said)
}
