//! Rate budgets: how often a caller may ask, for each kind of request apart.
//!
//! Counted per process. Answers carry `RateLimit-Policy` and `RateLimit` as the IETF draft
//! `draft-ietf-httpapi-ratelimit-headers` has them; 429 also carries `Retry-After`.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::address::site;
use super::problem::{Code, Problem};
use super::room::Room;
use super::seldom::Seldom;
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

impl Payer {
    /// The same, where what is paid for stays: an address then pays with all that its site may have.
    #[must_use]
    pub fn whole(&self) -> Self {
        match self {
            Self::Address(address) => Self::Address(site(*address)),
            other => other.clone(),
        }
    }
}

/// For how long an allowance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// So many requests a second.
    Second,
    /// So many an hour.
    Hour,
}

impl Per {
    fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Hour => 3_600,
        }
    }

    fn quota(self, most: NonZeroU32) -> Quota {
        match self {
            Self::Second => Quota::per_second(most),
            Self::Hour => Quota::per_hour(most),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Second => "a second",
            Self::Hour => "an hour",
        }
    }
}

type Limiter<C> = RateLimiter<Payer, DefaultKeyedStateStore<Payer>, C, StateInformationMiddleware>;

/// One kind of request's budget.
pub struct Budget<C: Clock = DefaultClock> {
    name: &'static str,
    most: NonZeroU32,
    per: Per,
    clock: C,
    limiter: Limiter<C>,
    /// Above so many keys they are gone through.
    tidy_above: AtomicUsize,
}

impl Budget {
    /// `most` requests each second or hour for each payer, all of them at once if it likes.
    #[must_use]
    pub fn new(name: &'static str, most: NonZeroU32, per: Per) -> Self {
        Self::with_clock(name, most, per, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Budget<C> {
    /// A budget on another clock.
    #[must_use]
    pub fn with_clock(name: &'static str, most: NonZeroU32, per: Per, clock: C) -> Self {
        let store = DefaultKeyedStateStore::default();
        let limiter = RateLimiter::new(per.quota(most), store, clock.clone());
        let tidy_above = AtomicUsize::new(MANY_KEYS);
        Self { name, most, per, clock, limiter, tidy_above }
    }

    /// Spends one request. The headers say what is left.
    ///
    /// # Errors
    /// 429, with when to come back.
    pub fn spend(&self, payer: &Payer) -> Result<[(HeaderName, HeaderValue); 2], Problem> {
        self.tidy();
        match self.limiter.check_key(payer) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let policy = header(&self.policy());
                Ok([
                    (POLICY.clone(), policy),
                    (LIMIT.clone(), header(&self.left(left, self.per.seconds()))),
                ])
            }
            Err(until) => {
                let wait = whole_seconds(until.wait_time_from(self.clock.now()));
                Err(self.spent(wait))
            }
        }
    }

    /// Forgets whose budget is full again. Who is kept is gone through again only when as many more have come: of
    /// an hour's budget all may have to be kept, and each request would go through them.
    fn tidy(&self) {
        if self.limiter.len() > self.tidy_above.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            let kept = self.limiter.len();
            self.tidy_above.store(MANY_KEYS.max(kept.saturating_mul(2)), Ordering::Relaxed);
        }
    }

    fn policy(&self) -> String {
        format!("\"{}\";q={};w={}", self.name, self.most, self.per.seconds())
    }

    fn left(&self, left: u32, seconds: u64) -> String {
        format!("\"{}\";r={left};t={seconds}", self.name)
    }

    fn spent(&self, wait: u64) -> Problem {
        let (name, most, per) = (self.name, self.most, self.per.word());
        Problem::new(
            Code::RateLimited,
            format!("The budget {name} is {most} requests {per}. Try again in {wait} s."),
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
    /// Forms that are kept until somebody decides, per address, of IPv6 per site ([`Payer::whole`]). They are
    /// paid from [`Budgets::public`] too.
    pub onboarding: Budget,
    /// Tells that [`Budgets::onboarding`] refuses.
    pub onboarding_refuses: Seldom,
    /// The bytes of usage that are held at once.
    pub room: Arc<Room>,
}

/// Requests a second in each budget; of onboarding, an hour.
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
    /// Of [`Budgets::onboarding`].
    pub onboarding: NonZeroU32,
}

impl Budgets {
    /// The budgets with these rates.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            public: Budget::new("public", rates.public, Per::Second),
            read: Budget::new("read", rates.read, Per::Second),
            write: Budget::new("write", rates.write, Per::Second),
            ingest: Budget::new("ingest", rates.ingest, Per::Second),
            onboarding: Budget::new("onboarding", rates.onboarding, Per::Hour),
            onboarding_refuses: Seldom::default(),
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
    use axum::response::IntoResponse;
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn payer(name: &str) -> Payer {
        Payer::Account(name.parse().unwrap())
    }

    #[test]
    fn what_is_left_is_said_and_each_payer_has_its_own() {
        let clock = FakeRelativeClock::default();
        let two = NonZeroU32::new(2).unwrap();
        let budget = Budget::with_clock("read", two, Per::Second, clock.clone());
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
    fn an_hours_allowance_comes_back_in_its_parts() {
        let clock = FakeRelativeClock::default();
        let two = NonZeroU32::new(2).unwrap();
        let budget = Budget::with_clock("onboarding", two, Per::Hour, clock.clone());
        let left = || budget.spend(&payer("acme"));
        let [(_, policy), (_, first)] = left().unwrap();
        assert_eq!(
            (policy, first),
            (header("\"onboarding\";q=2;w=3600"), header("\"onboarding\";r=1;t=3600"))
        );
        left().unwrap();
        let problem = left().unwrap_err().into_response();
        assert_eq!(problem.headers()["retry-after"], "1800");
        clock.advance(Duration::from_secs(1_799));
        left().unwrap_err();
        clock.advance(Duration::from_secs(1));
        left().unwrap();
        left().unwrap_err();
    }

    #[test]
    fn payers_who_are_quiet_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let budget = Budget::with_clock("read", NonZeroU32::MIN, Per::Second, clock.clone());
        for number in 0..=MANY_KEYS {
            budget.spend(&payer(&format!("a{number}"))).unwrap();
        }
        clock.advance(Duration::from_secs(5));
        budget.spend(&payer("last")).unwrap();
        assert_eq!(budget.payers(), 1);
    }

    /// Of an hour's budget: going through all of them for each request would be a stranger's way to keep it busy.
    #[test]
    fn payers_who_are_kept_are_not_gone_through_for_each_request() {
        let clock = FakeRelativeClock::default();
        let budget = Budget::with_clock("onboarding", NonZeroU32::MIN, Per::Hour, clock.clone());
        let come = |from: usize, to: usize| {
            (from..to).for_each(|n| drop(budget.spend(&payer(&format!("a{n}"))).unwrap()));
        };
        // Gone through once, for nothing.
        come(0, MANY_KEYS + 2);
        clock.advance(Duration::from_secs(3 * 3_600));
        come(MANY_KEYS + 2, MANY_KEYS + 3);
        assert_eq!(budget.payers(), MANY_KEYS + 3, "they would have been gone through again");
        // And again when as many more have come.
        come(MANY_KEYS + 3, 2 * MANY_KEYS + 5);
        assert_eq!(budget.payers(), MANY_KEYS + 3, "those of before are gone");
    }

    #[test]
    fn waiting_as_told_is_enough() {
        for (wait, told) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (0, 0)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), told);
        }
    }
}
