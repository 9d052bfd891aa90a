//! Requests in pieces, so that one who has little need not wait until all of a large one is stored.

use std::collections::VecDeque;

use super::{
    queue::LITTLE_ITEMS,
    writer::{Answer, Appends},
};
use crate::store::StoreError;

/// What is left of a transaction's requests.
pub(super) struct Pieces<A: Appends> {
    left: VecDeque<Piece<A>>,
}

/// A request, or a part of one.
struct Piece<A: Appends> {
    request: A::Request,
    whose: Whose<A>,
}

/// What is done with a piece's receipt.
enum Whose<A: Appends> {
    /// More parts of the same request follow.
    Part,
    /// The request is answered, with what its earlier parts were told.
    Last(Answer<A::Receipt>, Option<A::Receipt>),
}

impl<A: Appends> Pieces<A> {
    /// Cuts what has more than `at_most` items, where it may be cut.
    pub(super) fn cut(requests: Vec<(A::Request, Answer<A::Receipt>)>, at_most: usize) -> Self {
        let mut left = VecDeque::with_capacity(requests.len());
        for (request, answer) in requests {
            let mut parts = A::split(request, at_most);
            let last = parts.pop();
            left.extend(parts.into_iter().map(|request| Piece { request, whose: Whose::Part }));
            let whose = Whose::Last(answer, None);
            left.extend(last.map(|request| Piece { request, whose }));
        }
        Self { left }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether they are of more than one request.
    pub(super) fn several(&self) -> bool {
        self.left.iter().filter(|piece| matches!(piece.whose, Whose::Last(..))).count() > 1
    }

    /// What is stored in one go, one after the other: each at least a piece, else up to
    /// [`LITTLE_ITEMS`] items.
    pub(super) fn strides(&self) -> impl Iterator<Item = Vec<&A::Request>> {
        let mut pieces = self.left.iter().map(|piece| &piece.request).peekable();
        std::iter::from_fn(move || {
            let first = pieces.next()?;
            let (mut items, mut stride) = (A::items(first), vec![first]);
            while let Some(next) = pieces.next_if(|next| items + A::items(next) <= LITTLE_ITEMS) {
                items += A::items(next);
                stride.push(next);
            }
            Some(stride)
        })
    }

    /// The first of them are stored, durably: answers who has no more to come.
    pub(super) fn stored(&mut self, receipts: Vec<A::Receipt>) {
        let mut told: Option<A::Receipt> = None;
        for receipt in receipts {
            let Some(piece) = self.left.pop_front() else { return };
            match piece.whose {
                Whose::Part => match &mut told {
                    Some(earlier) => A::join(earlier, receipt),
                    None => told = Some(receipt),
                },
                Whose::Last(answer, earlier) => {
                    let earlier = [earlier, told.take()].into_iter().flatten();
                    // Who went away needs no answer.
                    let _gone = answer.send(Ok(joined::<A>(earlier, receipt))).is_err();
                }
            }
        }
        self.keep(told);
    }

    /// Keeps what the parts of a request were told whose other parts are still to be stored.
    fn keep(&mut self, told: Option<A::Receipt>) {
        let Some(told) = told else { return };
        let last = self.left.iter_mut().find_map(|piece| match &mut piece.whose {
            Whose::Part => None,
            Whose::Last(_, earlier) => Some(earlier),
        });
        match last {
            Some(Some(earlier)) => A::join(earlier, told),
            Some(none) => *none = Some(told),
            None => {}
        }
    }

    /// Each request's on its own.
    pub(super) fn one_by_one(self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut one = VecDeque::new();
        for piece in self.left {
            let last = matches!(piece.whose, Whose::Last(..));
            one.push_back(piece);
            if last {
                all.push(Self { left: std::mem::take(&mut one) });
            }
        }
        all
    }

    /// Answers all of them with why nothing more is stored.
    pub(super) fn refuse(self, error: &StoreError) {
        for piece in self.left {
            if let Whose::Last(answer, _) = piece.whose {
                let _gone = answer.send(Err(error.clone())).is_err();
            }
        }
    }
}

fn joined<A: Appends>(
    mut earlier: impl Iterator<Item = A::Receipt>,
    last: A::Receipt,
) -> A::Receipt {
    let Some(mut all) = earlier.next() else { return last };
    earlier.chain([last]).for_each(|later| A::join(&mut all, later));
    all
}
