//! Waiting for a tenant to become what was asked, and telling how far it is.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;

use super::{
    access::Access,
    failure::Failure,
    gather,
    progress::{Goal, Standing, standing},
    words::short,
};

/// Time between two looks.
pub(super) const PERIOD: Duration = Duration::from_millis(500);
/// The widest line that is rewritten in place.
const WIDTH: usize = 100;
/// Back to the line's begin, and nothing after it.
const CLEAR: &str = "\r\x1b[K";
/// What does not fit a narrow terminal is cut there: a second line would not be rewritten.
const NO_WRAP: &str = "\x1b[?7l";
/// From here on it goes over lines again.
const WRAP: &str = "\x1b[?7h";

/// Waits until the tenant has reached the goal; each change of how it stands is told on standard error.
///
/// # Errors
/// When it stalls, when the time is over, or when it cannot be looked at.
pub async fn until(
    access: &Access,
    name: &str,
    goal: Goal,
    limit: Duration,
) -> Result<String, Failure> {
    let (started, mut teller) = (Instant::now(), Teller::default());
    loop {
        let found = access.get(&gather::tenants(name)).await?;
        let tenant =
            serde_json::from_value(found).map_err(|error| Failure::Other(error.to_string()))?;
        let now = match standing(&tenant, goal) {
            Standing::Reached(words) => {
                teller.end();
                return Ok(format!("{words}\n"));
            }
            Standing::Stalled(words) => {
                teller.end();
                let hint = format!("{words}; kubectl tenant why {name} says what to do");
                return Err(Failure::Other(format!("tenant {name} cannot go on: {hint}")));
            }
            Standing::Waits(words) => words,
        };
        if started.elapsed() > limit {
            teller.end();
            return Err(Failure::TimedOut(format!(
                "tenant {name} is not there after {} s: {now}; kubectl tenant why {name} says why",
                limit.as_secs()
            )));
        }
        teller.tell(&now);
        tokio::time::sleep(PERIOD).await;
    }
}

/// Tells what is new: on a terminal in one line that is rewritten, else line by line.
#[derive(Default)]
pub(super) struct Teller {
    last: String,
    open: bool,
}

impl Teller {
    pub(super) fn tell(&mut self, words: &str) {
        if words == self.last {
            return;
        }
        words.clone_into(&mut self.last);
        let mut out = std::io::stderr().lock();
        // Nobody can be told that standard error is closed.
        let _told = if out.is_terminal() {
            self.open = true;
            write!(out, "{CLEAR}{NO_WRAP}{}{WRAP}", short(words, WIDTH)).and_then(|()| out.flush())
        } else {
            let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
            writeln!(out, "{now} {words}")
        };
    }

    pub(super) fn end(&mut self) {
        if self.open {
            let _told = write!(std::io::stderr(), "{CLEAR}");
            self.open = false;
        }
    }
}
