//! What a proxy says of what came of a step, and how much of that is said and believed.

use prost::Message;

use super::{
    WireError,
    frame::{Answer, Closed, Name, Refusal},
    limits::{ANSWERED_BYTES_MAX, CLOSED_MAX, NAME_BYTES_MAX, REASON_BYTES_MAX, REJECTED_MAX},
};
use crate::{Ack, BindFailure, BindFault, Id, Kind, Rejection};

impl From<&Ack> for Answer {
    fn from(ack: &Ack) -> Self {
        let refusal = |rejection: &Rejection| {
            let Name { kind, name } = Name::from(&rejection.key);
            Refusal { kind, name, reason: rejection.reason.clone() }
        };
        let closed = |failure: &BindFailure| Closed {
            bind: failure.bind.as_str().to_owned(),
            fault: failure.fault.as_str().to_owned(),
            message: failure.message.clone(),
        };
        Self {
            revision: ack.revision,
            rejected: ack.rejected.iter().map(refusal).collect(),
            closed: ack.closed.iter().map(closed).collect(),
        }
    }
}

impl Answer {
    /// As much of it as a controller takes: binds and listeners first, because status names them.
    #[must_use]
    pub fn within_bounds(mut self) -> Self {
        self.closed.iter_mut().for_each(|closed| cut(&mut closed.message));
        self.rejected.iter_mut().for_each(|refusal| cut(&mut refusal.reason));
        let mut room = Room(ANSWERED_BYTES_MAX);
        self.closed.truncate(CLOSED_MAX);
        self.closed.retain(|closed| room.takes(closed));
        self.rejected.sort_by_key(|refusal| refusal.kind != Kind::Listener.as_str());
        let mut room = Room(ANSWERED_BYTES_MAX);
        self.rejected.truncate(REJECTED_MAX);
        self.rejected.retain(|refusal| room.takes(refusal));
        self
    }
}

struct Room(usize);

impl Room {
    fn takes(&mut self, item: &impl Message) -> bool {
        // A field's tag and length come before it.
        let left = self.0.checked_sub(item.encoded_len() + 6);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(REASON_BYTES_MAX));
}

impl TryFrom<Answer> for Ack {
    type Error = WireError;

    /// A kind that is not known here cannot be one that was sent: it is left out.
    fn try_from(answer: Answer) -> Result<Self, WireError> {
        check(&answer)?;
        let rejection = |refusal: Refusal| {
            let Refusal { kind, name, reason } = refusal;
            Some(Rejection { key: Name { kind, name }.key()?, reason })
        };
        let failure = |closed: Closed| BindFailure {
            bind: Id::new(closed.bind),
            fault: BindFault::named(&closed.fault).unwrap_or(BindFault::Other),
            message: closed.message,
        };
        Ok(Self {
            revision: answer.revision,
            rejected: answer.rejected.into_iter().filter_map(rejection).collect(),
            closed: answer.closed.into_iter().map(failure).collect(),
        })
    }
}

fn check(answer: &Answer) -> Result<(), WireError> {
    let names = answer.rejected.iter().flat_map(|refusal| [&refusal.kind, &refusal.name]);
    let names = names.chain(answer.closed.iter().flat_map(|closed| [&closed.bind, &closed.fault]));
    let reasons = answer.rejected.iter().map(|refusal| &refusal.reason);
    let reasons = reasons.chain(answer.closed.iter().map(|closed| &closed.message));
    let too_much = match () {
        () if answer.rejected.len() > REJECTED_MAX => "more refused resources than anybody reads",
        () if answer.closed.len() > CLOSED_MAX => "more closed binds than anybody reads",
        () if names.map(String::len).any(|bytes| bytes > NAME_BYTES_MAX) => "a name is too long",
        () if reasons.map(String::len).any(|bytes| bytes > REASON_BYTES_MAX) => {
            "a reason is too long"
        }
        () => return Ok(()),
    };
    Err(WireError::Stream(too_much))
}
