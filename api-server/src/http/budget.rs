//! Rate budgets: how often a caller may ask, for each kind of request apart.
//!
//! Counted per process. Answers carry `RateLimit-Policy` and `RateLimit` as the IETF draft
//! `draft-ietf-httpapi-ratelimit-headers` has them; 429 also carries `Retry-After`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::problem::{Code, Problem};
use super::room::Room;
use crate::domain::account::AccountId;

static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Above this many keys, those whose budget is full again are forgotten.
const MANY_KEYS: usize = 10_000;

/// Whose budget it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// An account's, whoever asks for it.
    Account(AccountId),
    /// A person's, by the issuer's name for them.
    Subject(String),
    /// An address's, where nobody says who asks.
    Address(IpAddr),
}

type Limiter<C> = RateLimiter<Payer, DefaultKeyedStateStore<Payer>, C, StateInformationMiddleware>;

/// One kind of request's budget.
pub struct Budget<C: Clock = DefaultClock> {
    name: &'static str,
    per_second: NonZeroU32,
    clock: C,
    limiter: Limiter<C>,
}

impl Budget {
    /// `per_second` requests each second for each payer, all of them at once if it likes.
    #[must_use]
    pub fn new(name: &'static str, per_second: NonZeroU32) -> Self {
        Self::with_clock(name, per_second, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Budget<C> {
    /// A budget on another clock.
    #[must_use]
    pub fn with_clock(name: &'static str, per_second: NonZeroU32, clock: C) -> Self {
        let store = DefaultKeyedStateStore::default();
        let limiter = RateLimiter::new(Quota::per_second(per_second), store, clock.clone());
        Self { name, per_second, clock, limiter }
    }

    /// Spends one request. The headers say what is left.
    ///
    /// # Errors
    /// 429, with when to come back.
    pub fn spend(&self, payer: &Payer) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
        if self.limiter.len() > MANY_KEYS {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(payer) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let policy = header(&self.policy());
                Ok([(POLICY.clone(), policy), (LIMIT.clone(), header(&self.left(left, 1)))])
            }
            Err(until) => {
                let wait = whole_seconds(until.wait_time_from(self.clock.now()));
                Err(self.spent(wait))
            }
        }
    }

    fn policy(&self) -> String {
        format!("\"{}\";q={};w=1", self.name, self.per_second)
    }

    fn left(&self, left: u32, seconds: u64) -> String {
        format!("\"{}\";r={left};t={seconds}", self.name)
    }

    fn spent(&self, wait: u64) -> Problem {
        let (name, per_second) = (self.name, self.per_second);
        Problem::new(
            Code::RateLimited,
            format!("The budget {name} is {per_second} requests a second. Try again in {wait} s."),
        )
        .with_header(POLICY.clone(), self.policy())
        .with_header(LIMIT.clone(), self.left(0, wait))
        .with_retry_after(wait)
    }

    /// How many payers are remembered.
    #[must_use]
    pub fn payers(&self) -> usize {
        self.limiter.len()
    }
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Rounded up, so that who waits as told is not told again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// Which of the [`Budgets`] a request is paid from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Budgets::public`].
    Public,
    /// [`Budgets::read`].
    Read,
    /// [`Budgets::write`].
    Write,
    /// [`Budgets::ingest`].
    Ingest,
}

/// Where a request's budget leaves its headers for the answer.
#[derive(Clone, Debug, Default)]
pub struct Receipt(Arc<OnceLock<[(HeaderName, HeaderValue); 2]>>);

impl Receipt {
    /// Leaves the headers. Only the first that are left count.
    pub fn leave(&self, headers: [(HeaderName, HeaderValue); 2]) {
        let _ = self.0.set(headers);
    }

    /// The headers that were left.
    pub fn headers(&self) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.0.get().into_iter().flatten()
    }
}

/// The budgets of the server, each kind of request its own: a customer who sends too fast can still
/// read, and the public form cannot be used to shut customers out.
pub struct Budgets {
    /// Routes that anyone may call, per address.
    pub public: Budget,
    /// Reads.
    pub read: Budget,
    /// Changes of plans, corrections and the like.
    pub write: Budget,
    /// Requests with usage, of up to a thousand events each.
    pub ingest: Budget,
    /// The bytes of usage that are held at once.
    pub room: Arc<Room>,
}

/// Requests a second in each budget.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Of [`Budgets::public`].
    pub public: NonZeroU32,
    /// Of [`Budgets::read`].
    pub read: NonZeroU32,
    /// Of [`Budgets::write`].
    pub write: NonZeroU32,
    /// Of [`Budgets::ingest`].
    pub ingest: NonZeroU32,
}

impl Budgets {
    /// The budgets with these rates.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            public: Budget::new("public", rates.public),
            read: Budget::new("read", rates.read),
            write: Budget::new("write", rates.write),
            ingest: Budget::new("ingest", rates.ingest),
            room: Arc::default(),
        }
    }

    /// The budget of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> &Budget {
        match kind {
            Kind::Public => &self.public,
            Kind::Read => &self.read,
            Kind::Write => &self.write,
            Kind::Ingest => &self.ingest,
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn payer(name: &str) -> Payer {
        Payer::Account(name.parse().unwrap())
    }

    #[test]
    fn what_is_left_is_said_and_each_payer_has_its_own() {
        let clock = FakeRelativeClock::default();
        let budget = Budget::with_clock("read", NonZeroU32::new(2).unwrap(), clock.clone());
        let left = |name: &str| {
            budget.spend(&payer(name)).map(|[_, (_, left)]| left.to_str().unwrap().to_owned())
        };
        assert_eq!(left("acme").unwrap(), "\"read\";r=1;t=1");
        assert_eq!(left("acme").unwrap(), "\"read\";r=0;t=1");
        let problem = left("acme").unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (429, "rate-limited"));
        assert_eq!(left("globex").unwrap(), "\"read\";r=1;t=1");
        clock.advance(Duration::from_millis(500));
        assert_eq!(left("acme").unwrap(), "\"read\";r=0;t=1");
    }

    #[test]
    fn payers_who_are_quiet_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let budget = Budget::with_clock("read", NonZeroU32::MIN, clock.clone());
        for number in 0..=MANY_KEYS {
            budget.spend(&payer(&format!("a{number}"))).unwrap();
        }
        clock.advance(Duration::from_secs(5));
        budget.spend(&payer("last")).unwrap();
        assert_eq!(budget.payers(), 1);
    }

    #[test]
    fn waiting_as_told_is_enough() {
        for (wait, told) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (0, 0)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), told);
        }
    }
}
