use super::{polling_session, session_of, websocket_session};
use crate::wire::{Eio, Frame, Packet, Profile, Request, TestServer};

#[tokio::test]
async fn polling_carries_one_text_packet() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    Request::post(target.as_str(), r#"42["message","hello €"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    let response = poll.response().await;
    assert_eq!(
        (response.status, response.text()),
        (200, r#"42["message-back","hello €"]"#)
    );
    assert_eq!(response.header("content-type"), Some("text/plain; charset=UTF-8"));
}

#[tokio::test]
async fn polling_carries_several_text_packets() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = "42[\"message\",1]\x1e42[\"message\",\"2€\"]\x1e42[\"message\",3]";
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    let response = Request::get(target.as_str()).send(server.addr).await;
    let expected = "42[\"message-back\",1]\x1e42[\"message-back\",\"2€\"]\x1e42[\"message-back\",3]";
    assert_eq!(response.text(), expected);
}

#[tokio::test]
async fn polling_carries_text_and_binary_packets() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let body = "42[\"message\",1]\x1e451-[\"message\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==";
    Request::post(target.as_str(), body)
        .send(server.addr)
        .await
        .assert_ok();
    let response = Request::get(target.as_str()).send(server.addr).await;
    let back =
        "42[\"message-back\",1]\x1e451-[\"message-back\",{\"_placeholder\":true,\"num\":0}]\x1ebAQIDBA==";
    assert_eq!(response.text(), back);
}

/// A client that is far away would fall behind if each answer brought only some of what there is.
#[tokio::test]
async fn a_poll_carries_all_that_there_is_and_to_python_clients_sixteen_packets_at_most() {
    let server = TestServer::suite(Profile::Defaults).await;
    let browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    for (user_agent, counts) in [
        (None, &[40][..]),
        (Some(browser), &[40]),
        (Some("python-requests/2.32.5"), &[16, 16, 8]),
        (Some("Python/3.11 aiohttp/3.13.2"), &[16, 16, 8]),
    ] {
        let target = session_of(&server, user_agent).await;
        let sent: Vec<Packet> = (0..40)
            .map(|n| Packet::Text(format!(r#"42["message",{n}]"#)))
            .collect();
        Request::post(target.as_str(), Eio::V4.encode(&sent))
            .send(server.addr)
            .await
            .assert_ok();
        let mut received = Vec::new();
        for &count in counts {
            let packets = Eio::V4.decode(&Request::get(target.as_str()).send(server.addr).await);
            assert_eq!(packets.len(), count, "{user_agent:?}");
            received.extend(packets);
        }
        let expected: Vec<Packet> = (0..40)
            .map(|n| Packet::Text(format!(r#"42["message-back",{n}]"#)))
            .collect();
        assert_eq!(received, expected);
    }
}

#[tokio::test]
async fn an_invalid_packet_over_polling_closes_the_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    for body in ["abc", "", "42[\"message\"]\x1e", "\x1e", "x"] {
        let target = polling_session(&server).await;
        let poll = Request::get(target.as_str()).start(server.addr).await;
        // Whether the poll came first is for the network to say, so the close may be fetched by it or by nobody.
        Request::post(target.as_str(), body)
            .send(server.addr)
            .await
            .assert_ok();
        let response = poll.response().await;
        // It may also be answered with the reply to the message that is valid, before the rest of the body is read.
        let text = response.text();
        assert!(
            response.status == 400 || text.ends_with('1') || text == r#"42["message-back"]"#,
            "{body:?}: the poll got {response:?}"
        );
        let after = Request::get(target.as_str()).send(server.addr).await;
        after.assert_refusal(1, "Session ID unknown");
    }
}

#[tokio::test]
async fn binary_bodies_are_refused_and_close_the_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let binary = Request::post(target.as_str(), [1, 2, 3]).header("Content-Type", "application/octet-stream");
    binary.send(server.addr).await.assert_empty(400);
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn an_aborted_poll_closes_the_session() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let poll = Request::get(target.as_str()).start(server.addr).await;
    // The poll has arrived when a second one is told that it overlaps, or when this echo goes out through it.
    Request::post(target.as_str(), r#"42["message"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    poll.response().await;
    // An HTTP server may drop a request whose connection has ended before it looked at it: then there was no poll.
    loop {
        let poll = Request::get(target.as_str()).start(server.addr).await;
        let response = Request::post(target.as_str(), "3").send(server.addr).await;
        if response.status != 200 {
            return response.assert_refusal(1, "Session ID unknown");
        }
        drop(poll);
    }
}

#[tokio::test]
async fn a_second_poll_closes_the_session_and_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let first = Request::get(target.as_str()).start(server.addr).await;
    let second = Request::get(target.as_str()).start(server.addr).await;
    let (first, second) = tokio::join!(first.response(), second.response());
    let (answered, refused) = if first.status == 200 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!((answered.status, answered.text()), (200, "1"));
    refused.assert_empty(400);
    Request::get(target.as_str())
        .send(server.addr)
        .await
        .assert_refusal(1, "Session ID unknown");
}

#[tokio::test]
async fn a_second_post_closes_the_session_and_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    loop {
        let target = polling_session(&server).await;
        let poll = Request::get(target.as_str()).start(server.addr).await;
        let unfinished = Request::post(target.as_str(), "4")
            .header("Content-Length", "100")
            .start(server.addr)
            .await;
        // Until the unfinished one has arrived. If it arrives between two of these, it is the one that is refused.
        let refused = loop {
            let second = Request::post(target.as_str(), "3").send(server.addr).await;
            if second.status != 200 {
                break second;
            }
        };
        assert_eq!(refused.status, 400);
        let polled = poll.response().await;
        drop(unfinished);
        Request::get(target.as_str())
            .send(server.addr)
            .await
            .assert_refusal(1, "Session ID unknown");
        // Each has a connection of its own: the poll may be the last to arrive, when there is no session any more.
        if polled.status == 200 {
            return assert_eq!(polled.text(), "1");
        }
        polled.assert_refusal(1, "Session ID unknown");
    }
}

/// As large as allowed is allowed; a larger body is refused, and the session lives on.
#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    for (size, status) in [(1_000_000, 200), (1_000_001, 413)] {
        let body = format!(r#"42["nobody","{}"]"#, "a".repeat(size - 15));
        assert_eq!(body.len(), size);
        let response = Request::post(target.as_str(), body).send(server.addr).await;
        assert_eq!(response.status, status, "{size} bytes");
    }
    Request::post(target.as_str(), r#"42["message"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        r#"42["message-back"]"#
    );
}

#[tokio::test]
async fn another_method_on_a_session_is_refused_and_harms_nothing() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    for method in ["PUT", "DELETE", "OPTIONS"] {
        Request::new(method, target.as_str())
            .send(server.addr)
            .await
            .assert_empty(500);
    }
    Request::post(target.as_str(), r#"42["message"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        r#"42["message-back"]"#
    );
}

/// The revision of a session is decided by its handshake.
#[tokio::test]
async fn another_revision_on_a_session_is_refused_and_harms_nothing() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = polling_session(&server).await;
    let other = target.replace("EIO=4", "EIO=3");
    Request::get(other)
        .send(server.addr)
        .await
        .assert_refusal(3, "Bad request");
    Request::post(target.as_str(), r#"42["message"]"#)
        .send(server.addr)
        .await
        .assert_ok();
    assert_eq!(
        Request::get(target.as_str()).send(server.addr).await.text(),
        r#"42["message-back"]"#
    );
}

#[tokio::test]
async fn a_websocket_carries_text() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(r#"42["message","hello €"]"#).await;
    ws.expect(r#"42["message-back","hello €"]"#).await;
}

#[tokio::test]
async fn a_websocket_carries_binary() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(r#"451-["message",{"_placeholder":true,"num":0}]"#).await;
    ws.send_binary([1, 2, 3, 4]).await;
    ws.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    assert_eq!(ws.recv().await, Frame::Binary(vec![1, 2, 3, 4]));
}

/// A client that can't take binary frames says so with `b64`, in the request of the WebSocket.
#[tokio::test]
async fn a_websocket_without_binary_gets_base64_and_may_send_it() {
    let server = TestServer::suite(Profile::Defaults).await;
    let target = format!("{}&b64=1", Eio::V4.target("websocket"));
    let mut ws = crate::wire::Ws::open(server.addr, &target).await;
    ws.recv().await;
    ws.send("40").await;
    ws.recv().await;
    ws.recv().await;
    ws.send(r#"451-["message",{"_placeholder":true,"num":0}]"#).await;
    ws.send("bAQIDBA==").await;
    ws.expect(r#"451-["message-back",{"_placeholder":true,"num":0}]"#)
        .await;
    ws.expect("bAQIDBA==").await;
}

#[tokio::test]
async fn an_invalid_packet_over_a_websocket_closes_it() {
    let server = TestServer::suite(Profile::Defaults).await;
    for packet in ["abc", "", "7", "x"] {
        let mut ws = websocket_session(&server).await;
        ws.send(packet).await;
        ws.expect_close().await;
    }
}

/// Open, close, upgrade and noop mean nothing on an open WebSocket.
#[tokio::test]
async fn packets_without_meaning_on_a_websocket_are_ignored() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    for packet in ["0", "1", "5", "6"] {
        ws.send(packet).await;
    }
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
}

#[tokio::test]
async fn a_websocket_message_over_the_limit_closes_it_with_1009() {
    let server = TestServer::suite(Profile::Defaults).await;
    let mut ws = websocket_session(&server).await;
    ws.send(&format!(r#"42["nobody","{}"]"#, "a".repeat(1_000_000 - 15)))
        .await;
    ws.send(r#"42["message"]"#).await;
    ws.expect(r#"42["message-back"]"#).await;
    ws.send(&format!(r#"42["nobody","{}"]"#, "a".repeat(1_000_001 - 15)))
        .await;
    assert_eq!(ws.recv().await, Frame::Close(Some(1009)));
}
