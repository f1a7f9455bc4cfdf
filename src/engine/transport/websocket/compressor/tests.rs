use std::{
    future::poll_fn,
    sync::{Arc, atomic::AtomicUsize},
    task::Wake,
};

use flate2::{Decompress, FlushDecompress};
use tokio::{runtime::Runtime, task::yield_now};

use super::*;
use crate::{
    engine::{
        HEADROOM,
        outbox::Control,
        transport::press::{JOBS, permits},
    },
    websocket::Effort,
};

const SHORT: usize = 2000;
const LONG: usize = 200_000;

fn options(window_bits: u8) -> Deflate {
    Deflate {
        threshold: 100,
        effort: Effort {
            level: 6,
            window_bits,
        },
        context_takeover: false,
    }
}

fn in_context() -> Deflate {
    Deflate {
        context_takeover: true,
        ..options(15)
    }
}

/// A packet of so many bytes, which say which one it is.
fn packet(number: usize, len: usize) -> Outgoing {
    let text = format!("{}{number}:", "\0".repeat(HEADROOM));
    let text = text + &format!("{number} {} ", number % 7).repeat(len)[..len];
    Outgoing::new(&mut text.into_bytes(), Vec::new(), true)
}

fn compressor(deflate: Deflate, packets: &[Outgoing]) -> Compressor {
    let mut compressor = Compressor::new(deflate);
    compressor.start(packets.iter().rev().cloned().map(Item::Packet).collect());
    compressor
}

/// Everything that waits, ready to be written, and how often it was asked for.
async fn all(compressor: &mut Compressor) -> (Vec<Item>, usize) {
    let (mut items, mut batches) = (Vec::new(), 0);
    let mut batch = Queue::new();
    while poll_fn(|cx| compressor.poll_ready(Protocol::V4, &mut batch, cx)).await {
        items.extend(batch.drain(..));
        batches += 1;
    }
    (items, batches)
}

fn frames(item: &Item) -> &Arc<[u8]> {
    match item {
        Item::Frame(frames) => frames,
        item => panic!("it isn't compressed: {item:?}"),
    }
}

/// The payload of a frame, inflated.
fn inflated(frame: &[u8], state: &mut Decompress) -> Vec<u8> {
    assert_eq!(frame[0], 0xc1);
    let head = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut output = Vec::with_capacity(LONG + 100);
    let input = [&frame[head..], &[0, 0, 0xff, 0xff]].concat();
    state
        .decompress_vec(&input, &mut output, FlushDecompress::Sync)
        .unwrap();
    output
}

struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_broadcast_is_compressed_once_for_each_window() {
    for len in [SHORT, LONG] {
        let packet = packet(1, len).share_compressed();
        let wanted = [15, 9, 15, 9, 15].map(|bits| compressor(options(bits), std::slice::from_ref(&packet)));
        let made = wanted.map(|mut compressor| async move { all(&mut compressor).await.0.remove(0) });
        let made = futures_util::future::join_all(made).await;
        let [wide, narrow, others @ ..] = &made[..] else {
            panic!("some are missing");
        };
        assert!(!Arc::ptr_eq(frames(wide), frames(narrow)));
        for (other, same) in others.iter().zip([wide, narrow, wide]) {
            assert!(Arc::ptr_eq(frames(other), frames(same)), "{len} bytes");
        }
        for item in made {
            let payload = inflated(frames(&item), &mut Decompress::new(false));
            assert_eq!(payload, packet.packet());
        }
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_made_for_the_others() {
    let packet = packet(1, LONG).share_compressed();
    let [mut first, mut second] = [(); 2].map(|()| compressor(options(15), std::slice::from_ref(&packet)));
    let begun = poll_fn(|cx| Poll::Ready(first.poll_ready(Protocol::V4, &mut Queue::new(), cx))).await;
    assert!(begun.is_pending());
    first.clear();
    assert!(first.is_idle());
    let (items, _) = all(&mut second).await;
    assert_eq!(frames(&items[0])[0], 0xc1);
}

#[tokio::test]
async fn a_broadcast_whose_recipients_have_all_gone_is_not_compressed_any_more() {
    let packet = packet(1, LONG).share_compressed();
    let held = JOBS.acquire_many(permits() as u32).await.unwrap();
    let [mut first, mut second] = [(); 2].map(|()| compressor(options(15), std::slice::from_ref(&packet)));
    for compressor in [&mut first, &mut second] {
        let begun = poll_fn(|cx| Poll::Ready(compressor.poll_ready(Protocol::V4, &mut Queue::new(), cx)));
        assert!(begun.await.is_pending());
    }
    let wanted = packet.references();
    first.clear();
    yield_now().await;
    // One of those who waited.
    assert_eq!(packet.references(), wanted - 1);
    second.clear();
    yield_now().await;
    assert_eq!(packet.references(), 1);
    drop(held);
    let mut later = compressor(options(15), std::slice::from_ref(&packet));
    assert_eq!(frames(&all(&mut later).await.0[0])[0], 0xc1);
}

#[tokio::test]
async fn everything_stays_in_order() {
    for options in [options(15), in_context()] {
        let packets: Vec<_> = [SHORT, LONG, 10, SHORT, LONG, LONG, SHORT]
            .into_iter()
            .enumerate()
            .map(|(number, len)| packet(number, len))
            .collect();
        let mut compressor = compressor(options, &packets);
        compressor.waiting.insert(3, Item::Control(Control::Ping));
        let (mut items, _) = all(&mut compressor).await;
        assert!(matches!(items.remove(4), Item::Control(Control::Ping)));
        let mut state = Decompress::new(false);
        for (item, packet) in items.iter().zip(&packets) {
            if packet.packet().len() < 100 {
                assert!(matches!(item, Item::Packet(_)));
                continue;
            }
            if !options.context_takeover {
                state.reset(false);
            }
            assert_eq!(inflated(frames(item), &mut state), packet.packet());
        }
        assert_eq!(items.len(), packets.len());
        assert_eq!(compressor.is_idle(), !options.context_takeover);
    }
}

#[test]
fn others_have_their_turn_after_16_kib() {
    for options in [options(15), in_context()] {
        let packets: Vec<_> = (0..40).map(|number| packet(number, SHORT)).collect();
        let mut compressor = compressor(options, &packets);
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = wakes.clone().into();
        let mut cx = Context::from_waker(&waker);
        for turn in 1..=5 {
            let mut items = Queue::new();
            assert_eq!(
                compressor.poll_ready(Protocol::V4, &mut items, &mut cx),
                Poll::Ready(true)
            );
            assert_eq!(items.len(), 8);
            if turn < 5 {
                assert!(
                    compressor
                        .poll_ready(Protocol::V4, &mut Queue::new(), &mut cx)
                        .is_pending()
                );
                assert_eq!(Arc::strong_count(&wakes), 2);
                assert_eq!(wakes.0.load(std::sync::atomic::Ordering::Relaxed), turn);
            }
        }
        assert!(compressor.is_empty());
    }
}

#[tokio::test]
async fn the_thread_goes_on_while_a_long_message_is_compressed() {
    for packet in [packet(1, LONG), packet(1, LONG).share_compressed()] {
        let mut compressor = compressor(options(15), &[packet]);
        // The job may not begin before this, so nothing can have been compressed here.
        let held = JOBS.acquire_many(permits() as u32).await.unwrap();
        for _ in 0..3 {
            let mut items = Queue::new();
            let poll = poll_fn(|cx| Poll::Ready(compressor.poll_ready(Protocol::V4, &mut items, cx)));
            assert!(poll.await.is_pending());
            yield_now().await;
        }
        drop(held);
        assert_eq!(frames(&all(&mut compressor).await.0[0])[0], 0xc1);
    }
}

#[test]
fn when_the_runtime_of_a_job_ends_the_message_goes_uncompressed() {
    for options in [options(15), in_context()] {
        let packets = [packet(1, SHORT), packet(2, LONG), packet(3, SHORT)];
        let mut compressor = compressor(options, &packets);
        let (ending, going_on) = (Runtime::new().unwrap(), Runtime::new().unwrap());
        let held = going_on.block_on(JOBS.acquire_many(permits() as u32)).unwrap();
        let mut items = Queue::new();
        ending.block_on(async {
            let poll = poll_fn(|cx| Poll::Ready(compressor.poll_ready(Protocol::V4, &mut items, cx)));
            assert_eq!(poll.await, Poll::Ready(true));
        });
        drop(ending);
        drop(held);
        let (rest, _) = going_on.block_on(all(&mut compressor));
        assert!(matches!(&rest[0], Item::Packet(packet) if packet.packet() == packets[1].packet()));
        let mut state = Decompress::new(false);
        for (item, packet) in [(&items[0], &packets[0]), (&rest[1], &packets[2])] {
            // Both begin anew, so a reader that has read either reads the other.
            assert_eq!(
                inflated(frames(item), &mut Decompress::new(false)),
                packet.packet()
            );
            assert_eq!(inflated(frames(item), &mut state), packet.packet());
        }
    }
}
