//! Answers to polls that are so long that reading them takes time.

use http::Version;
use http_body::Body as _;

use super::*;

/// The answer to a poll, of which nothing has been read.
async fn unread(client: &Client) -> AnswerBody {
    unread_over(Version::HTTP_11, client).await
}

async fn unread_over(version: Version, client: &Client) -> AnswerBody {
    let uri = format!("/socket.io/?{}", client.query);
    let request = Request::get(uri).version(version);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let answer = client.server.engine.handle(request, None, false).await;
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_that_nobody_reads_ends_with_its_session() {
    let client = Client::open(Config::default()).await;
    let text = "x".repeat(1 << 20);
    client.upper.send(&text);
    let mut body = unread(&client).await;
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.len(), 16 * 1024);
    // What the HTTP server has taken is all there is of it then. It has promised more, and must not take this for all of it.
    client.upper.connection().close_now();
    let left = 1 + text.len() - first.len();
    assert_eq!(body.size_hint().exact(), Some(left as u64));
    assert!(!body.is_end_stream() && body.frame().await.unwrap().is_err());
    assert!(body.is_end_stream() && body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answer_gets_no_other_beside_it() {
    let text = "x".repeat(1 << 20);
    let client = Client::open(Config::default()).await;
    client.upper.send(&text);
    let mut body = unread(&client).await;
    // It may poll again as soon as the last piece has left, whatever becomes of the body.
    let mut length = 0;
    while !body.is_end_stream() {
        length += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    }
    assert_eq!(length, 1 + text.len());
    client.upper.send(&text);
    let given_up = unread(&client).await;
    drop((body, given_up));
    client.upper.send(&text);
    let _unread = unread(&client).await;
    client.upper.send(&text);
    client.get().await.is(400, "");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::TransportError)]);
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_whole_though_its_connection_is_closed() {
    let client = Client::open(Config::default()).await;
    let text = "x".repeat(1 << 20);
    client.upper.send(&text);
    client.upper.connection().close();
    let body = unread(&client).await.collect().await.unwrap().to_bytes();
    assert!(body == format!("4{text}"), "{} bytes", body.len());
    client.get().await.is(200, "6\u{1e}1");
    assert!(client.is_gone().await);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_closed_lets_a_long_answer_be_read_to_its_end() {
    let client = Client::open(Config::default()).await;
    let text = "x".repeat(1 << 20);
    client.upper.send(&text);
    let body = unread(&client).await;
    client.server.engine.close(CloseReason::ServerShuttingDown);
    settle().await;
    let body = body.collect().await.unwrap().to_bytes();
    assert!(body == format!("4{text}"), "{} bytes", body.len());
    client.get().await.is(200, "6\u{1e}1");
    assert_eq!(
        client.upper.told(),
        [Told::Close(CloseReason::ServerShuttingDown)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_get_beside_a_long_answer_does_not_change_why_its_session_is_closed() {
    let client = Client::open(Config::default()).await;
    client.upper.send(&"x".repeat(1 << 20));
    let _unread = unread(&client).await;
    client.upper.connection().close();
    client.get().await.is(400, "");
    assert_eq!(client.upper.told(), [Told::Close(CloseReason::ForcedClose)]);
}

/// A connection has hundreds of streams, each of which would keep an answer of its own.
#[tokio::test(start_paused = true)]
async fn an_answer_that_has_a_stream_of_its_own_need_not_be_long_to_be_the_only_one() {
    for (version, length, status, next) in [
        (Version::HTTP_2, 2_000, 400, ""),
        (Version::HTTP_2, 500, 200, "4next"),
        (Version::HTTP_11, 60_000, 200, "4next"),
    ] {
        let client = Client::open(Config::default()).await;
        client.upper.send(&"x".repeat(length));
        let mut body = unread_over(version, &client).await;
        client.upper.send("next");
        client.get().await.is(status, next);
        let first = body.frame().await.unwrap();
        assert_eq!(first.is_ok(), status == 200, "{version:?} {length}");
    }
}

/// Hyper takes two pieces, and h2 has one of them, before the client has made room: that is all that is kept of an answer that counts as taken.
#[tokio::test(start_paused = true)]
async fn the_last_pieces_of_an_answer_are_short_in_a_stream() {
    for (version, last) in [(Version::HTTP_2, 1024), (Version::HTTP_11, 16 * 1024)] {
        let client = Client::open(Config::default()).await;
        client.upper.send(&"x".repeat(80_000));
        let mut body = unread_over(version, &client).await;
        let mut lengths = Vec::new();
        while !body.is_end_stream() {
            lengths.push(body.frame().await.unwrap().unwrap().into_data().unwrap().len());
        }
        assert_eq!(lengths.iter().sum::<usize>(), 80_001);
        assert!(lengths.iter().all(|length| *length <= 16 * 1024), "{version:?}");
        assert_eq!(lengths[lengths.len() - 2..], [last; 2], "{version:?}");
    }
}
