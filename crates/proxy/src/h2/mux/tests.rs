//! Whatever comes, in whatever pieces: no panic, the same outcome, and no more held than allowed.

use std::task::Waker;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    h2::{Flow, frame::HEADER_BYTES, hpack},
    http::BodyState,
};

/// A frame of any kind, most of them with something in it that is meant to be there.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..40),
        Just(request(&[])),
        Just(request(&[("content-length", "5")])),
        Just(0x7fff_0000_u32.to_be_bytes().to_vec()),
        Just(1u32.to_be_bytes().to_vec()),
        Just(vec![0, 4, 0, 0, 0, 7]),
        Just(b"hello".to_vec()),
    ];
    let flags = prop_oneof![Just(0), Just(1), Just(4), Just(5), any::<u8>()];
    let frame = (0u8..11, flags, 0u32..8, payload).prop_map(|(kind, flags, stream, payload)| {
        let header = Frame { len: payload.len(), kind, flags, stream }.header();
        [&header[..], &payload].concat()
    });
    vec(frame, 0..30).prop_map(|frames| frames.concat())
}

fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    hpack::pseudo(2, b"POST", &mut block);
    hpack::pseudo(6, b"https", &mut block);
    hpack::pseudo(1, b"any.test", &mut block);
    hpack::pseudo(4, b"/", &mut block);
    for (name, value) in fields {
        hpack::field(None, name.as_bytes(), value.as_bytes(), &mut block);
    }
    block
}

/// What comes of it: the end, how many requests, and what their streams got.
type Outcome = (Option<Reason>, Vec<(Vec<u8>, Option<BodyState>)>);

fn run(mux: &Rc<Mux>, bytes: &[u8], piece: usize) -> Outcome {
    let settings = Frame { len: 0, kind: frame::SETTINGS, flags: 0, stream: 0 };
    mux.receive(&settings.header()).unwrap();
    let (mut held, mut flows, mut end) = (Vec::new(), Vec::new(), None);
    'all: for piece in bytes.chunks(piece) {
        held.extend_from_slice(piece);
        loop {
            match mux.receive(&held) {
                Ok((0, _)) => break,
                Ok((n, opened)) => {
                    held.drain(..n);
                    flows.extend(opened.map(|opened| Flow::new(mux.clone(), opened.key)));
                }
                Err(reason) => {
                    mux.fail(reason);
                    end = Some(reason);
                    break 'all;
                }
            }
        }
    }
    let mut cx = Context::from_waker(Waker::noop());
    let taken = flows.iter_mut().map(|flow| {
        let mut body = Vec::new();
        loop {
            match flow.poll_body(&mut cx) {
                Poll::Ready(Ok(BodyState::Data)) => {
                    body.extend_from_slice(flow.data());
                    flow.consume(flow.data().len());
                }
                Poll::Ready(Ok(BodyState::Trailers)) => {}
                Poll::Ready(Ok(state)) => return (body, Some(state)),
                Poll::Ready(Err(_)) | Poll::Pending => return (body, None),
            }
        }
    });
    (end, taken.collect())
}

proptest! {
    #[test]
    fn frames_mean_the_same_in_whatever_pieces_they_come(bytes in frames(), piece in 1usize..40) {
        let (whole, pieces) = (Mux::server(), Mux::server());
        prop_assert_eq!(run(&whole, &bytes, bytes.len().max(1)), run(&pieces, &bytes, piece));
        // Nobody holds a stream any more, and none was left behind.
        prop_assert!(!whole.has_streams() && !pieces.has_streams());
        // Each frame is answered by a small one at most.
        let frames = bytes.len() / HEADER_BYTES + 4;
        prop_assert!(whole.state().out.len() <= 200 + frames * 3 * 17);
    }

    #[test]
    fn endpoints_may_send_anything_too(bytes in frames(), piece in 1usize..40) {
        let mux = Mux::client();
        let mut flow = Flow::new(mux.clone(), mux.open());
        flow.send_head(false, true, |to| to.extend_from_slice(&request(&[]))).unwrap();
        run(&mux, &bytes, piece);
        drop(flow);
        prop_assert!(!mux.has_streams());
    }
}

#[test]
fn streams_that_wait_for_room_take_turns() {
    let mux = Mux::server();
    let settings = [0, 4, 0x7f, 0xff, 0xff, 0xff];
    let header = Frame { len: 6, kind: frame::SETTINGS, flags: 0, stream: 0 }.header();
    mux.receive(&[&header[..], &settings].concat()).unwrap();
    let update = Frame { len: 4, kind: frame::WINDOW_UPDATE, flags: 0, stream: 0 }.header();
    mux.receive(&[&update[..], &0x7000_0000_u32.to_be_bytes()].concat()).unwrap();
    let mut flows: Vec<Flow> = (0..8)
        .map(|n| {
            let block = request(&[]);
            let flags = frame::END_HEADERS | frame::END_STREAM;
            let stream = n * 2 + 1;
            let header = Frame { len: block.len(), kind: frame::HEADERS, flags, stream }.header();
            let (_, opened) = mux.receive(&[&header[..], &block].concat()).unwrap();
            let mut flow = Flow::new(mux.clone(), opened.unwrap().key);
            flow.send_head(false, false, |to| hpack::status(200, to)).unwrap();
            flow
        })
        .collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut sent = [0usize; 8];
    // Each is asked in turn, and takes all that it is given until it has to wait.
    for _ in 0..64 {
        for (flow, sent) in flows.iter_mut().zip(&mut sent) {
            while let Poll::Ready(room) = flow.poll_room(&mut cx) {
                let room = room.unwrap();
                flow.send_data(&vec![0; room]).unwrap();
                *sent += room;
            }
        }
        let all = mux.poll_write(&mut cx, |_, bytes| Poll::Ready(Ok(bytes.len())));
        assert!(all.is_ready());
        mux.give_turns();
    }
    let (least, most) = (sent.iter().min().unwrap(), sent.iter().max().unwrap());
    // The first one found all of the room free, and each may be a frame ahead.
    let ahead = limits::H2_OUT_BYTES + 2 * frame::PAYLOAD_MAX;
    assert!(*least > 0 && most - least <= ahead, "{sent:?}");
}
