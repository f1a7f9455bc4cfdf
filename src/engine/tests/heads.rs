//! Request heads that are too long.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_handshake_with_a_long_head_is_refused_on_either_transport() {
    let server = Server::new(Config::default());
    let ask = async |query: &str, upgrade: bool, header: usize| {
        let mut request = Request::get(format!("/socket.io/?{query}")).header("cookie", "c".repeat(header));
        if upgrade {
            request = request
                .header("connection", "upgrade")
                .header("upgrade", "websocket");
        }
        let request = request.body(Full::<Bytes>::default()).unwrap();
        Answer::of(server.engine.handle(request, None, false).await).await
    };
    let long = format!("EIO=4&transport=polling&x={}", "x".repeat(16 * 1024));
    ask("EIO=4&transport=polling", false, 16 * 1024).await.is(431, "");
    ask("EIO=4&transport=websocket", true, 16 * 1024)
        .await
        .is(431, "");
    ask(&long, false, 0).await.is(431, "");
    assert_eq!(server.engine.clients_count(), 0);
    assert_eq!(ask("EIO=4&transport=polling", false, 16_000).await.status, 200);
    // Nothing of the others is kept.
    let sid = server.last().connection().id().as_str().to_owned();
    server.last().send("x");
    let poll = format!("EIO=4&transport=polling&sid={sid}");
    ask(&poll, false, 16 * 1024).await.is(200, "4x");
}

/// To take it apart would cost a hundred times what it costs to refuse it.
#[tokio::test(start_paused = true)]
async fn a_query_that_is_longer_than_a_head_is_not_looked_at() {
    let client = Client::open(Config::default()).await;
    let long = format!("&x={}", "x".repeat(16 * 1024));
    for query in [
        format!("EIO=4&transport=polling{long}"),
        format!("{}{long}", client.query),
        format!("transport=nothing{long}"),
    ] {
        let request = Request::get(format!("/socket.io/?{query}"));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert!(!client.server.engine.opens(&parts));
        client.server.get(&query).await.is(431, "");
    }
    client.upper.send("x");
    client.get().await.is(200, "4x");
}
