use super::*;
use crate::websocket::tests::client::{BINARY, CONTINUATION, FIN, binary, claim, close, frame, ping, text};

fn decoder() -> Decoder {
    Decoder::new(DecoderConfig {
        max_message_size: 100,
        deflate: None,
    })
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 48, "{}", size_of::<Decoder>());
}

#[test]
fn a_whole_frame_is_lent_from_the_input_and_nothing_is_kept() {
    let mut decoder = decoder();
    let mut input = [binary([7; 70]), text("next")].concat();
    let payload = input[6..76].as_ptr();
    let step = decoder.next(&mut input).unwrap();
    assert_eq!(step.consumed, 76);
    assert!(matches!(step.event, Some(Event::Binary(Cow::Borrowed(bytes))) if bytes.as_ptr() == payload));
    assert!(decoder.partial.is_none());
}

#[test]
fn an_assembled_binary_message_is_given_away() {
    let mut decoder = decoder();
    assert!(decoder.next(&mut frame(BINARY, "ab")).unwrap().event.is_none());
    let mut last = frame(FIN | CONTINUATION, "cd");
    let event = decoder.next(&mut last).unwrap().event;
    assert!(matches!(event, Some(Event::Binary(Cow::Owned(bytes))) if bytes == b"abcd"));
}

#[test]
fn the_call_after_a_message_frees_its_buffer() {
    for message in [text("hello"), binary("hello"), ping("hello")] {
        let mut decoder = decoder();
        let (head, tail) = message.split_at(8);
        assert!(decoder.next(&mut head.to_vec()).unwrap().event.is_none());
        assert!(decoder.next(&mut tail.to_vec()).unwrap().event.is_some());
        assert!(decoder.next(&mut []).unwrap().event.is_none());
        assert!(decoder.partial.is_none());
    }
}

#[test]
fn a_message_under_way_survives_control_frames_and_empty_reads() {
    let mut decoder = decoder();
    assert!(decoder.next(&mut frame(BINARY, "ab")).unwrap().event.is_none());
    assert!(decoder.next(&mut []).unwrap().event.is_none());
    assert_eq!(
        decoder.next(&mut ping("p")).unwrap().event,
        Some(Event::Ping(b"p"))
    );
    let mut last = frame(FIN | CONTINUATION, "cd");
    assert_eq!(
        decoder.next(&mut last).unwrap().event,
        Some(Event::Binary(b"abcd"[..].into()))
    );
}

#[test]
fn what_follows_a_close_frame_is_discarded_and_frees_everything() {
    for cut in [0, 1, 7] {
        let mut decoder = decoder();
        let goodbye = close(1000, "bye");
        decoder.next(&mut goodbye[..cut].to_vec()).unwrap();
        let mut rest = [&goodbye[cut..], &text("too late")].concat();
        let step = decoder.next(&mut rest).unwrap();
        assert!(matches!(step.event, Some(Event::Close(Some(frame))) if frame.reason == "bye"));
        let consumed = step.consumed;
        let step = decoder.next(&mut rest[consumed..]).unwrap();
        assert_eq!((step.consumed, step.event), (14, None));
        assert!(decoder.partial.is_none());
    }
}

#[test]
fn what_follows_an_error_is_discarded() {
    for bad in [
        vec![0xff, 0x80],
        text(b"\xff"),
        claim(FIN | BINARY, 101),
        frame(FIN | CONTINUATION, ""),
    ] {
        let mut decoder = decoder();
        decoder.next(&mut bad.clone()).unwrap_err();
        assert!(decoder.next(&mut text("more")).unwrap().event.is_none());
        assert!(decoder.partial.is_none());
    }
}

#[test]
fn the_limit_is_for_messages_not_for_control_frames() {
    let mut decoder = decoder();
    for cut in [0, 1, 50] {
        let frame = ping([7; 125]);
        decoder.next(&mut frame[..cut].to_vec()).unwrap();
        let mut rest = frame[cut..].to_vec();
        assert_eq!(
            decoder.next(&mut rest).unwrap().event,
            Some(Event::Ping(&[7; 125]))
        );
    }
}

#[test]
fn too_big_is_told_from_wrong() {
    let too_big = decoder().next(&mut claim(FIN | BINARY, 101)).unwrap_err();
    assert_eq!(too_big.code().get(), 1009);
    let wrong = decoder().next(&mut [0x81, 0x00]).unwrap_err();
    assert_eq!(wrong.code().get(), 1002);
    assert_eq!(decoder().next(&mut text(b"\xff")).unwrap_err().code().get(), 1007);
}
