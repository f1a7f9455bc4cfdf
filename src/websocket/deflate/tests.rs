use proptest::{collection::vec, prelude::*};

use super::*;

const DEFAULT: Effort = Effort {
    level: 6,
    window_bits: 15,
};

fn efforts() -> impl Iterator<Item = Effort> {
    (9..=15).flat_map(|window_bits| [0, 1, 6, 9].map(|level| Effort { level, window_bits }))
}

/// Bytes that compress a bit, as long as you like.
fn prose(len: usize) -> Vec<u8> {
    (0..len).map(|i| b"abcdefgh"[(i * i / 7 + i / 300) % 8]).collect()
}

#[test]
fn the_examples_of_the_rfc_inflate() {
    // RFC 7692 §7.2.3.1, .3 (no compression), .4 (a final block), .5 (two blocks)
    for compressed in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ] {
        assert_eq!(
            inflate(compressed, 5).as_deref(),
            Ok(&b"Hello"[..]),
            "{compressed:x?}"
        );
    }
    assert_eq!(
        deflate(&[b"Hello"], DEFAULT),
        [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    );
}

#[test]
fn every_level_and_window_comes_back_at_every_length_about_a_step() {
    for effort in efforts() {
        for len in [0, 1, 63, 64, 65, 4095, 4096, 4097, 8192, 65_535, 65_536, 200_000] {
            let payload = prose(len);
            let compressed = deflate(&[&payload], effort);
            assert_eq!(inflate(&compressed, len), Ok(payload), "{effort:?} {len}");
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bomb = deflate(&[&vec![0; 64 << 20]], DEFAULT);
    assert!(bomb.len() < 100_000);
    let mut output = Vec::new();
    let result = Inflater::new().decompress(&bomb, 10_000, &mut output);
    assert_eq!(result, Err(ProtocolError::MessageTooBig));
    assert_eq!((output.len(), output.capacity()), (10_001, 10_001));
    assert_eq!(inflate(&bomb, 10_000), Err(ProtocolError::MessageTooBig));
    assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 10_000).unwrap(), b"after");
}

#[test]
fn the_limit_is_exact() {
    for len in [1, 4095, 4096, 4097, 100_000] {
        let compressed = deflate(&[&prose(len)], DEFAULT);
        assert_eq!(inflate(&compressed, len).unwrap().len(), len);
        assert_eq!(
            inflate(&compressed, len - 1),
            Err(ProtocolError::MessageTooBig),
            "{len}"
        );
    }
}

#[test]
fn garbage_is_refused_and_leaves_nothing_behind() {
    // a reserved block type; a stored block whose lengths contradict each other; a distance before the start
    for garbage in [
        &[0xff, 0xff][..],
        &[0x00, 0x05, 0x00, 0x05, 0x00],
        &[0x02, 0x7e, 0x7f],
    ] {
        assert_eq!(
            inflate(garbage, 1000),
            Err(ProtocolError::InvalidDeflate),
            "{garbage:x?}"
        );
        assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 5).unwrap(), b"after");
    }
}

/// A message by itself, whose stream has an end: what a compressor without a flush writes.
fn finished(payload: &[u8]) -> Vec<u8> {
    let mut state = Compress::new(Compression::new(6), false);
    let mut output = Vec::with_capacity(payload.len() + 100);
    let status = state
        .compress_vec(payload, &mut output, FlushCompress::Finish)
        .unwrap();
    assert_eq!(status, Status::StreamEnd);
    output
}

#[test]
fn streams_that_end_within_a_message_make_it_up_together() {
    let (hel, lo) = (finished(b"Hel"), finished(b"lo"));
    for (pieces, said) in [
        (&[&hel[..]][..], "Hel"),
        (&[&hel, &[0]], "Hel"),
        (&[&hel, &lo], "Hello"),
        (&[&hel, &lo, &[0]], "Hello"),
        (&[&hel, &deflate(&[b"lo"], DEFAULT)], "Hello"),
    ] {
        let message = pieces.concat();
        assert_eq!(
            inflate(&message, 5).as_deref(),
            Ok(said.as_bytes()),
            "{message:x?}"
        );
        // Where the next one may refer to it, it is not upset.
        let mut inflater = Inflater::new();
        for _ in 0..3 {
            assert_eq!(inflater.inflate(&message, 5).as_deref(), Ok(said.as_bytes()));
        }
    }
}

#[test]
fn a_message_may_not_consist_of_stream_ends() {
    let end = finished(b"");
    let streams = STREAMS as usize;
    assert_eq!(inflate(&end.repeat(streams), 5), Ok(Vec::new()));
    assert_eq!(
        inflate(&end.repeat(streams + 1), 5),
        Err(ProtocolError::InvalidDeflate)
    );
}

#[test]
fn a_message_cannot_refer_to_that_of_another_client() {
    let secret = b"a secret that another client has sent";
    let mut sender = Deflater::new(DEFAULT);
    let first = sender.deflate(&[secret]);
    let second = sender.deflate(&[secret]);
    assert!(second.len() < 10, "it refers to the first");
    for inflated in [inflate(&first, 100), inflate(&finished(secret), 100)] {
        assert_eq!(inflated.as_deref(), Ok(&secret[..]));
        assert_eq!(inflate(&second, 100), Err(ProtocolError::InvalidDeflate));
    }
    // Nor after one that was refused halfway.
    assert_eq!(inflate(&first, 20), Err(ProtocolError::MessageTooBig));
    assert_eq!(inflate(&second, 100), Err(ProtocolError::InvalidDeflate));
    // And what is compressed for one refers to nothing of another.
    assert_eq!(deflate(&[secret], DEFAULT), first);
    assert_eq!(deflate(&[secret], DEFAULT), first);
}

#[test]
fn in_a_context_a_message_may_refer_to_those_before() {
    for effort in efforts().filter(|effort| effort.level > 0) {
        let (mut deflater, mut inflater) = (Deflater::new(effort), Inflater::new());
        let mut sizes = Vec::new();
        for len in [200, 200, 0, 200, 70_000, 1, 200] {
            let payload = prose(len);
            // The sender leaves out what is empty.
            if len > 0 {
                let compressed = deflater.deflate(&[&payload]);
                sizes.push(compressed.len());
                assert_eq!(
                    inflater.inflate(&compressed, len),
                    Ok(payload),
                    "{effort:?} {len}"
                );
            }
            assert_eq!(inflater.inflate(&[], 0), Ok(Vec::new()));
            assert_eq!(
                inflater.inflate(&[0], 0),
                Ok(Vec::new()),
                "what a sender makes of nothing"
            );
        }
        assert!(sizes[1] < sizes[0] / 3, "{effort:?} {sizes:?}");
    }
}

#[test]
fn a_thread_keeps_few_compressors() {
    for effort in efforts().chain(efforts()) {
        deflate(&[b"something"], effort);
        let kept = DEFLATERS.with_borrow(|pool| pool.iter().map(|(effort, _)| *effort).collect::<Vec<_>>());
        assert!(
            kept.len() <= POOLED && kept.last() == Some(&effort),
            "{effort:?} {kept:?}"
        );
    }
}

/// Anything between noise and a few letters over and over.
fn payloads() -> impl Strategy<Value = Vec<u8>> {
    (0..5000_usize, any::<u64>(), any::<u8>()).prop_map(|(len, mut seed, letters)| {
        let draw = move |_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8 & letters
        };
        (0..len).map(draw).collect()
    })
}

proptest! {
    #[test]
    fn whatever_is_deflated_inflates_to_itself(
        parts in vec(payloads(), 0..4),
        level in 0_u8..=9,
        window_bits in 9_u8..=15,
    ) {
        let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let compressed = deflate(&slices, Effort { level, window_bits });
        prop_assert_eq!(inflate(&compressed, 20_000).unwrap(), parts.concat());
    }

    #[test]
    fn any_bytes_inflate_within_the_limit_or_are_refused(bytes in vec(any::<u8>(), 0..2000), max in 1_usize..50_000) {
        if let Ok(payload) = inflate(&bytes, max) {
            prop_assert!(payload.len() <= max && payload.capacity() <= max + 1);
        }
        prop_assert_eq!(inflate(&deflate(&[b"after"], DEFAULT), 5).unwrap(), b"after");
    }

    #[test]
    fn a_series_of_messages_inflates_to_itself_in_a_context(
        payloads in vec(payloads(), 1..8),
        level in 0_u8..=9,
        window_bits in 9_u8..=15,
    ) {
        let (mut deflater, mut inflater) = (Deflater::new(Effort { level, window_bits }), Inflater::new());
        for payload in payloads {
            if payload.is_empty() {
                continue;
            }
            let compressed = deflater.deflate(&[&payload]);
            prop_assert_eq!(inflater.inflate(&compressed, 5000).unwrap(), payload);
        }
    }
}
