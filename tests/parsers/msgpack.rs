//! The parser of `socket.io-msgpack-parser`, with packets as its two generations write them.

use std::collections::HashMap;

use axum_socketio::{Protocol, SocketIo, adapter::Bus, limit::Limit, parser::Msgpack};

use super::{
    Said,
    custom::knows,
    hears, server,
    wire::{Eio, Packet, TestClient, TestServer, Via, within},
};

const CONNECT: &str = "84a47479706500a464617461d40000a76f7074696f6e73d40000a36e7370a12f";

async fn msgpack() -> (SocketIo, TestServer, Said) {
    let (io, said) = server(SocketIo::builder().parser(Msgpack));
    let server = TestServer::start(&io).await;
    (io, server, said)
}

fn hex(text: &str) -> Packet {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    Packet::Binary((0..text.len()).step_by(2).map(byte).collect())
}

/// A client connected to `/`.
async fn connected(server: &TestServer, eio: Eio, via: Via) -> TestClient {
    let mut client = TestClient::open(server, eio, via).await;
    if eio == Eio::V3 {
        client.expect(r#"4{"type":0,"nsp":"/"}"#).await;
        return client;
    }
    client.send(hex(CONNECT)).await;
    let Some(Packet::Binary(reply)) = client.recv().await else {
        panic!("no CONNECT");
    };
    let Packet::Binary(head) = hex("83a47479706500a46461746181a3736964b4") else {
        unreachable!();
    };
    assert!(reply.starts_with(&head), "{reply:?}");
    client
}

#[test]
fn it_can_be_told_from_the_others() {
    let io = SocketIo::builder().parser(Msgpack).build().unwrap();
    assert!(io.parser().is_msgpack() && !io.parser().is_json());
    assert_eq!(format!("{:?}", io.parser()), "Msgpack");
}

#[tokio::test]
async fn events_and_acknowledgements_go_both_ways() {
    let (_io, server, _said) = msgpack().await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = connected(&server, eio, via).await;
        // message, bytes, 1.5
        let kind = if eio == Eio::V3 { "05" } else { "02" };
        client
            .send(hex(&format!(
                "84a474797065{kind}a46461746193a76d657373616765c403010203cb3ff8000000000000a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12f"
            )))
            .await;
        client
            .expect(hex(
                "83a47479706502a46461746193ac6d6573736167652d6261636bc403010203cb3ff8000000000000a36e7370a12f",
            ))
            .await;
        // with ack, id 7
        client
            .send(hex(
                "84a47479706502a46461746192a8776974682061636bc40109a2696407a36e7370a12f",
            ))
            .await;
        client
            .expect(hex("84a47479706503a2696407a46461746191c40109a36e7370a12f"))
            .await;
    }
}

#[tokio::test]
async fn a_question_is_answered() {
    let (_io, server, _said) = msgpack().await;
    let mut client = connected(&server, Eio::V4, Via::WebSocket).await;
    client
        .send(hex("83a47479706502a46461746192a361736b01a36e7370a12f"))
        .await;
    client
        .expect(hex(
            "84a47479706502a2696400a46461746192a87175657374696f6e01a36e7370a12f",
        ))
        .await;
    client
        .send(hex("84a2696400a47479706503a46461746192a3796573c3a36e7370a12f"))
        .await;
    client
        .expect(hex(
            "83a47479706502a46461746193a8616e737765726564a3796573c3a36e7370a12f",
        ))
        .await;
}

/// Clients 2.x get JSON there, in which the data of an error is a text.
#[tokio::test]
async fn namespaces_are_left_and_refused() {
    let (_io, server, mut said) = msgpack().await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = connected(&server, Eio::V3, via).await;
        client.send(r#"4{"type":0,"nsp":"/unknown"}"#).await;
        client
            .expect(r#"4{"type":4,"data":"Invalid namespace","nsp":"/unknown"}"#)
            .await;
        client
            .send(r#"4{"type":0,"nsp":"/refused?a=b","query":"a=b"}"#)
            .await;
        client.expect(r#"4{"type":4,"data":"no","nsp":"/refused"}"#).await;
        client.send(r#"4{"type":2,"data":["leave"],"nsp":"/"}"#).await;
        client.expect(r#"4{"type":1,"nsp":"/"}"#).await;
        hears(&mut said, "server namespace disconnect").await;

        let mut client = connected(&server, Eio::V4, via).await;
        client.send(hex("82a47479706500a36e7370a52f6e6f7065")).await;
        client
            .expect(hex(
                "83a47479706504a46461746181a76d657373616765b1496e76616c6964206e616d657370616365a36e7370a52f6e6f7065",
            ))
            .await;
        client.send(hex("82a47479706500a36e7370a82f72656675736564")).await;
        client
            .expect(hex(
                "83a47479706504a46461746182a76d657373616765a26e6fa4646174619101a36e7370a82f72656675736564",
            ))
            .await;
        client
            .send(hex("83a47479706502a46461746191a56c65617665a36e7370a12f"))
            .await;
        client.expect(hex("82a47479706501a36e7370a12f")).await;
        hears(&mut said, "server namespace disconnect").await;
    }
}

/// Middlewares of events, and listeners for what is sent.
#[tokio::test]
async fn events_are_changed_and_watched_on_their_way() {
    let (io, server, mut said) = msgpack().await;
    let mut client = connected(&server, Eio::V4, Via::WebSocket).await;
    client.send(hex("82a47479706500a36e7370a82f77617463686564")).await;
    let _ = client.recv().await;
    client
        .send(hex(
            "83a47479706502a46461746192a76d657373616765c40101a36e7370a82f77617463686564",
        ))
        .await;
    client
        .expect(hex(
            "83a47479706502a46461746193ac6d6573736167652d6261636bc40101a7636865636b6564a36e7370a82f77617463686564",
        ))
        .await;
    hears(&mut said, r#"message-back [[1],"checked"]"#).await;
    io.of("/watched").emit("news", 1);
    client
        .expect(hex(
            "83a47479706502a46461746192a46e65777301a36e7370a82f77617463686564",
        ))
        .await;
    hears(&mut said, "news [1]").await;
}

/// Each is disconnected after its first packet, and nobody else notices.
#[tokio::test]
async fn a_client_with_another_parser_is_refused() {
    let (msgpack, servers, mut said) = msgpack().await;
    let mut bystander = connected(&servers, Eio::V4, Via::WebSocket).await;
    for (eio, via) in TestClient::EVERY_WAY {
        let mut client = TestClient::open(&servers, eio, via).await;
        if eio == Eio::V3 {
            client.expect(r#"4{"type":0,"nsp":"/"}"#).await;
            client.send(r#"42["message"]"#).await;
            hears(&mut said, "a packet makes no sense: invalid payload").await;
            client.expect_closed().await;
            hears(&mut said, "forced close").await;
        } else {
            client.send("40").await;
            client.expect_closed().await;
        }
    }
    let (json, _said) = server(SocketIo::builder());
    let server = TestServer::start(&json).await;
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = TestClient::open(&server, Eio::V4, via).await;
        client.send(hex(CONNECT)).await;
        client.expect_closed().await;
    }
    bystander
        .send(hex(
            "84a47479706502a46461746191a8776974682061636ba2696407a36e7370a12f",
        ))
        .await;
    bystander
        .expect(hex("84a47479706503a2696407a46461746190a36e7370a12f"))
        .await;
    assert_eq!(msgpack.of("/").len(), 1);
}

#[tokio::test]
async fn limits_are_counted() {
    let (io, mut said) = server(
        SocketIo::builder()
            .parser(Msgpack)
            .max_attachments(2)
            .max_json_depth(4),
    );
    let server = TestServer::start(&io).await;
    let cases = [
        ("93a7 6d657373616765 c40101 c40101", None),
        (
            "94a7 6d657373616765 c40101 c40101 c70100 01",
            Some(Limit::Attachments),
        ),
        // A moment and `undefined` are no bytes, other extensions are.
        (
            "95a7 6d657373616765 c40101 d40107 d40000 d7000000000000000000",
            None,
        ),
        (
            "94a7 6d657373616765 c40101 d40107 c7010701",
            Some(Limit::Attachments),
        ),
        ("92a7 6d657373616765 919190", None),
        ("92a7 6d657373616765 91919190", Some(Limit::JsonDepth)),
        // { "$serde_json::private::RawValue": "" }, and what is no key.
        (
            "92a7 6d657373616765 9181be 2473657264655f6a736f6e3a3a707269766174653a3a52617756616c7565 a0",
            Some(Limit::JsonDepth),
        ),
        (
            "92a7 6d657373616765 9181a161be 2473657264655f6a736f6e3a3a707269766174653a3a52617756616c7565",
            None,
        ),
    ];
    let mut times = HashMap::new();
    for (data, limit) in cases {
        let mut client = connected(&server, Eio::V4, Via::WebSocket).await;
        let data = data.replace(' ', "");
        client
            .send(hex(&format!("83a47479706502a464617461{data}a36e7370a12f")))
            .await;
        let Some(limit) = limit else {
            assert!(matches!(client.recv().await, Some(Packet::Binary(_))), "{data}");
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

/// Both generations get the same bytes.
#[tokio::test]
async fn a_broadcast_is_the_same_for_all() {
    let (io, server, _said) = msgpack().await;
    let mut clients = Vec::new();
    for (eio, via) in TestClient::EVERY_WAY {
        clients.push(connected(&server, eio, via).await);
    }
    let sockets = io.of("/").sockets();
    let generations = sockets.iter().map(|socket| socket.protocol());
    assert_eq!(
        generations.filter(|protocol| *protocol == Protocol::V3).count(),
        2
    );
    io.of("/")
        .emit("news", (bytes::Bytes::from_static(&[1]), f64::NAN));
    for client in &mut clients {
        let packet = "83a47479706502a46461746193a46e657773c40101cb7ff8000000000000a36e7370a12f";
        client.expect(hex(packet)).await;
    }
}

#[tokio::test]
async fn a_server_with_json_and_one_with_msgpack_are_one_cluster() {
    let bus = Bus::new();
    let (json, _json_said) = server(SocketIo::builder().adapter(bus.adapter()));
    let (msgpack, _said) = server(SocketIo::builder().adapter(bus.adapter()).parser(Msgpack));
    let servers = [TestServer::start(&json).await, TestServer::start(&msgpack).await];
    knows(&json, 2).await;
    knows(&msgpack, 2).await;
    let mut text = TestClient::connect(&servers[0], Eio::V4, Via::WebSocket).await;
    let mut packed = connected(&servers[1], Eio::V4, Via::WebSocket).await;
    json.of("/").emit("news", (bytes::Bytes::from_static(&[1]), 1));
    text.expect(r#"451-["news",{"_placeholder":true,"num":0},1]"#)
        .await;
    text.expect([1]).await;
    packed
        .expect(hex("83a47479706502a46461746193a46e657773c4010101a36e7370a12f"))
        .await;
    let answers = json.of("/").emit_with_ack::<bytes::Bytes>("file", ());
    text.expect(r#"420["file"]"#).await;
    text.send(r#"461-0[{"_placeholder":true,"num":0}]"#).await;
    text.send([7]).await;
    packed
        .expect(hex("84a47479706502a2696400a46461746191a466696c65a36e7370a12f"))
        .await;
    packed
        .send(hex("84a2696400a47479706503a46461746191c40108a36e7370a12f"))
        .await;
    let mut answers = within(answers.collect_all()).await.unwrap();
    answers.sort();
    assert_eq!(answers, [[7][..].to_vec(), [8][..].to_vec()]);
}
